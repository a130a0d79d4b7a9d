"""Series of a job: what a task records step by step, in a file that grows while it runs and stays however it ends.

Each run of a job has one file, `PFD_HOME/logs/<job>/<claim>.series`, of lines `[name, step, time, {value: number}]`.  A
line is whole or, at the end of a run that was killed, missing; a later run never writes to the file of an earlier one.
"""

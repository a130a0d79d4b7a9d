"""From a task's name and parameters to a row in the job table and a wakeup of workers."""

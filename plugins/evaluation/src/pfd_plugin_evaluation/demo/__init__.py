"""`pfd demo`: the way from recordings to ROC curves, as jobs.  Only names of tasks and JSON results are used of it."""

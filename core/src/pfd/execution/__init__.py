"""Running jobs: claim and lease, a process for each job or the worker's own, maintenance."""

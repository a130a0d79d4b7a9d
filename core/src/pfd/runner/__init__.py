"""One run of a job: in the process of its worker, or in one of its own that is forked from a warm server."""

"""The log of a job: written, and read while it is."""

"""Needs a plugin interface that this core does not have."""

pfd_api = 99

"""A hook that is called otherwise."""

from pfd import hookimpl


@hookimpl
def pfd_register_task():
    return []

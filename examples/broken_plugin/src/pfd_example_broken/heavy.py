"""Imports a database library where tasks are only listed."""

import sqlalchemy

from pfd import hookimpl


@hookimpl
def pfd_after_job(end):
    print(sqlalchemy.__version__, end.job.id)

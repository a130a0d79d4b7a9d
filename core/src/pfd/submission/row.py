"""The row that stands for a job in a table of its plugin, written in the transaction that stores the job."""

from __future__ import annotations

import functools
import pkgutil
from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from pfd.errors import ParameterError, PfdError, PluginError, shown
from pfd.origin import first_line
from pfd.store import NewJob
from pfd.store.engine import is_of_the_statement
from pfd.task import Task


def row_writer(task: Task) -> Callable[[Connection, NewJob], None] | None:
    """What writes the rows of the jobs of a task, loaded before a transaction waits for it; None where it has none.

    Raises
    ------
    PluginError : it cannot be loaded.
    """
    return None if task.row is None else functools.partial(_write, _load(task.name, task.row))


def _write(draft: Callable[[Any, Any], Any], connection: Connection, new: NewJob) -> None:
    from sqlalchemy.orm import Session

    from pfd.tracked import SubmittedJob

    job = SubmittedJob(new.id, new.task, new.params, new.submitter)
    try:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            draft(session, job)
            session.commit()
    except PfdError:
        raise
    except DBAPIError as error:
        if not is_of_the_statement(error):
            raise  # for the store to explain
        raise PluginError(
            f"{new.task}: the row of the job cannot be written: {first_line(error.orig or error)}",
            hint="'pfd db upgrade' brings up the tables of its plugin; where it does not, a migration is missing, or "
            "a statement of the plugin is wrong",
        ) from error
    except Exception as error:  # the code of a plugin
        raise ParameterError(
            f"{new.task}: the row of the job cannot be written: {shown(error, 300)}",
            hint="a bug of its plugin; 'pfd plugins check' may say more",
        ) from error


def _load(task: str, target: str) -> Callable[[Any, Any], Any]:
    try:
        found: Callable[[Any, Any], Any] = pkgutil.resolve_name(target)
    except Exception as error:  # importing runs the code of a plugin
        raise PluginError(
            f"{task}: row={target!r} cannot be loaded: {shown(error, 300)}",
            hint="'pfd plugins check' says what is wrong with its plugin",
        ) from error
    return found

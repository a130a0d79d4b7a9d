"""The logger of a job: it goes on into the job's log, whatever the task or a library of its does to logging."""

from __future__ import annotations

import logging
from typing import Any

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_WRITTEN = "pfd_written"
_FORMATTER = logging.Formatter(FORMAT)


class JobLogger(logging.Logger):
    """A logger that stands beside the tree of loggers, where `dictConfig` and `disable` do not find it.

    In the tree it would stay for ever, and two jobs of a task would share it.

    Parameters
    ----------
    handler : writes to the job's log.
    """

    def __init__(self, task: str, handler: logging.Handler) -> None:
        super().__init__(f"pfd.task.{task}", logging.INFO)
        # A switch for all loggers, and the children of this one, belong to its own manager.
        self.manager = logging.Manager(logging.RootLogger(logging.WARNING))
        self.manager.loggerDict[self.name] = self
        handler.setFormatter(_FORMATTER)
        handler.addFilter(_note)
        self.addHandler(handler)

    def __reduce__(self) -> tuple[Any, ...]:
        return logging.getLogger, (self.name,)  # in another process, what is set up there


def _note(record: logging.LogRecord) -> bool:
    setattr(record, _WRITTEN, True)
    return True


def is_new(record: logging.LogRecord) -> bool:
    """Whether a record is not in the log of the job yet: a filter for handlers that write there as well."""
    return not hasattr(record, _WRITTEN)

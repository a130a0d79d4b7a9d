"""How a worker writes its log: lines for people, or one JSON object a line for programs.

Names of tasks and messages of errors come from elsewhere: in a line they neither end it nor steer a terminal.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from pfd.characters import one_line, printable
from pfd.console import json_text
from pfd.urls import clean

FORMATS = ("text", "json")


def formatter(name: str) -> logging.Formatter:
    """The formatter of one of `FORMATS`."""
    if name == "json":
        return JsonFormatter()
    return TextFormatter("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")


def clean_the_last_resort() -> None:
    """Have what is logged where no handler is set, as in the worker of `pfd submit --wait`, cleaned as well."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(TextFormatter())


class TextFormatter(logging.Formatter):
    """A line a record, and below it the lines of a traceback, if any; without the secrets in URLs of the settings."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (a name of logging)
        """The line."""
        return one_line(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The record, with a traceback that another formatter may have left in it."""
        return printable(clean(super().format(record)))


class JsonFormatter(logging.Formatter):
    """Time (UTC), level, logger, message, what is known of the job that a line is about, and a traceback, if any.

    What is known of a job comes with a record as `extra={"fields": {…}}`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return clean(json_text(entry, indent=None))

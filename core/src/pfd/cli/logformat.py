"""How a worker writes its log: lines for people, or one JSON object a line for programs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from pfd.urls import clean

FORMATS = ("text", "json")


def formatter(name: str) -> logging.Formatter:
    """The formatter of one of `FORMATS`."""
    if name == "json":
        return JsonFormatter()
    return TextFormatter("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")


class TextFormatter(logging.Formatter):
    """A line for people, and a traceback, if any; without what is secret in the URLs of the settings."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return clean(super().format(record))


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
        return clean(json.dumps(entry, ensure_ascii=False, default=str))

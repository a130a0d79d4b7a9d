"""How the interpreter that looks at a plugin reports: a line of JSON each, written before what could end it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pfd.check.finding import Declared, Finding
from pfd.check.lookup import Missing


class Report:
    """Written to a file descriptor, unbuffered, so that what was reported outlives a crash."""

    def __init__(self, descriptor: int, plugin: str, skip: Collection[str]) -> None:
        self._descriptor = descriptor
        self.plugin = plugin
        self._skip = skip

    def begin(self, subject: str, field: str, doing: str, path: str = "") -> bool:
        """Say what is about to be done; False where that has ended an interpreter before, and is to be left out."""
        if doing in self._skip:
            return False
        self._write("doing", {"subject": subject, "field": field, "doing": doing, "path": path})
        return True

    def add(self, subject: str, field: str, problem: str, **others: Any) -> None:
        """Report something that is wrong."""
        self._write("finding", dataclasses.asdict(Finding(self.plugin, subject, field, problem, **others)))

    def missing(self, subject: str, field: str, named: str, missing: Missing, path: str) -> None:
        """Report that what a field names cannot be had: at its own line where its code raises, else at `path`."""
        where = missing.place if missing.trace else path
        self.add(subject, field, f"{named!r}: {missing.problem}", hint=missing.hint, path=where, trace=missing.trace)

    def declare(self, declared: Declared) -> None:
        """Report something that the plugin registers."""
        self._write("declared", dataclasses.asdict(declared))

    def folder(self, folder: Path | None) -> None:
        """Report where the plugin's package lies."""
        self._write("folder", str(folder or ""))

    def whole(self) -> None:
        """Say that all that the plugin registers was declared."""
        self._write("whole", value=True)

    def fault(self, reason: str, trace: str) -> None:
        """Say why it cannot be looked at any further."""
        self._write("fault", {"reason": reason, "trace": trace})

    def done(self) -> None:
        """Say that all was looked at."""
        self._write("done", value=True)

    def _write(self, kind: str, value: Any) -> None:
        os.write(self._descriptor, json.dumps({kind: value}).encode() + b"\n")

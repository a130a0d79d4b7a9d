"""Functions that a declaration names as `"module:function"`: whether each is there, and can be called."""

from __future__ import annotations

from pathlib import Path

from pfd.check import lookup
from pfd.check.report import Report
from pfd.hooks import Reference


def look_at(reference: Reference, report: Report, folder: Path | None, path: str) -> None:
    """Look at the functions of a kind of things that parameters name, and at the table of these things."""
    subject = f"reference {reference.name}"
    for field in ("find", "names", "row"):
        target = getattr(reference, field)
        if not target:
            continue
        if not report.begin(subject, field, f"importing {target.partition(':')[0]}", path):
            continue
        try:
            function = lookup.attribute(target, folder, "function")
        except lookup.Missing as missing:
            report.missing(subject, field, target, missing, path)
            continue
        if not callable(function):
            report.add(subject, field, f"{target!r} is a {type(function).__name__} and no function", path=path)

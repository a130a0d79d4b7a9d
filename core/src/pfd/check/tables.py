"""The tables of a plugin: whether their module, their revisions and the newest of these are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pfd.check import lookup
from pfd.check.report import Report
from pfd.hooks import Tables
from pfd.origin import own_trace, place, reason


def look_at(records: Tables, report: Report, folder: Path | None, path: str) -> None:
    """Look at what tables name."""
    subject = f"records {records.name}"
    _import(subject, "module", records.module, report, folder, path)
    package = _import(subject, "migrations", records.migrations, report, folder, path)
    if package is not None and report.begin(subject, "head", f"reading the revisions of {records.migrations}", path):
        _head(records, package, report, folder, path)
    if records.files is not None and report.begin(
        subject, "files", f"importing {records.files.partition(':')[0]}", path
    ):
        try:
            lookup.attribute(records.files, folder, "function")
        except lookup.Missing as missing:
            report.missing(subject, "files", records.files, missing, path)


def _import(subject: str, field: str, name: str, report: Report, folder: Path | None, path: str) -> Any:
    if not report.begin(subject, field, f"importing {name}", path):
        return None
    try:
        return lookup.module(name, folder)
    except lookup.Missing as missing:
        report.missing(subject, field, name, missing, path)
        return None


def _head(records: Tables, package: Any, report: Report, folder: Path | None, path: str) -> None:
    from alembic.script import ScriptDirectory

    subject = f"records {records.name}"
    places = list(getattr(package, "__path__", ()))
    if not places:
        hint = "put the revisions into a folder with an __init__.py"
        report.add(subject, "migrations", f"{records.migrations!r} is a module and no package", hint=hint, path=path)
        return
    try:
        script = ScriptDirectory(places[0], version_locations=[places[0]])
        heads = script.get_heads()
    except BaseException as error:  # revisions are code of the plugin
        problem = f"the revisions in {places[0]} cannot be read: {reason(error)}"
        report.add(subject, "head", problem, path=place(error, folder), trace=own_trace(error, folder))
        return
    if heads != [records.head]:
        newest = " and ".join(repr(head) for head in heads) or "none"
        hint = f"head={heads[0]!r}" if len(heads) == 1 else "join them into one newest revision" if heads else ""
        report.add(subject, "head", f"is {records.head!r}, and the newest revision is {newest}", hint=hint, path=path)

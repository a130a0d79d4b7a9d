"""The commands of a plugin: whether each is there, and is a click command."""

from __future__ import annotations

from pathlib import Path

import click

from pfd.check import lookup
from pfd.check.report import Report
from pfd.hooks import Command


def look_at(command: Command, report: Report, folder: Path | None, path: str) -> None:
    """Look at what a command names."""
    subject, (module, _, _) = f"command {command.name}", command.load.partition(":")
    if not report.begin(subject, "load", f"importing {module}", path):
        return
    try:
        found = lookup.attribute(command.load, folder, "command")
    except lookup.Missing as missing:
        report.missing(subject, "load", command.load, missing, path)
        return
    if not isinstance(found, click.Command):
        problem = f"{command.load!r} is a {type(found).__name__} and no click command"
        report.add(subject, "load", problem, hint="write @click.command() above the function", path=path)

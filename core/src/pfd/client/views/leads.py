"""Where a link leads: to the job that made the thing, where that is on the page, else to the command that shows it."""

from __future__ import annotations

import logging
import pkgutil
import shlex
from collections.abc import Iterable
from typing import NamedTuple

from pfd.errors import UnknownJob
from pfd.hooks import Reference
from pfd.job import Job
from pfd.plugins import Registry
from pfd.records import JobRecord
from pfd.store import Store, jobs
from pfd.views import Link

log = logging.getLogger("pfd.client")

SHORT = 8
"""Characters of an id, as every command shows and takes it."""


class Lead(NamedTuple):
    """What a client can do with a link: follow `href` within the page, or run `command`; neither of what is `gone`."""

    href: str = ""
    command: str = ""
    gone: bool = False


def anchor(job_id: str) -> str:
    """The name that a page has for the place where a job is shown."""
    return f"job-{job_id}"


class Leads:
    """Finds where links of a page lead.

    Parameters
    ----------
    shown : the jobs that are shown on the page.
    store : where it is seen what is there; without one, links to what a plugin keeps lead to commands alone.
    """

    def __init__(self, shown: Iterable[Job], registry: Registry, store: Store | None = None) -> None:
        self._shown = {job.id for job in shown}
        self._store = store
        references = registry.references()
        self._kinds = {name: (one, one.show) for name, one in references.items()}
        for one in references.values():
            self._kinds |= {kind: (one, command) for kind, command in one.parts.items() if kind not in references}
        self._found: dict[tuple[object, ...], Lead] = {}

    def of(self, link: Link) -> Lead:
        """Where a link leads; nowhere where that cannot be told."""
        key = (link.kind, link.id, link.of, link.start)
        if key not in self._found:
            try:
                self._found[key] = self._job(str(link.id)) if link.kind == "job" else self._thing(link)
            except Exception:  # tables and classes of plugins, of whatever version: a link without an end is a text
                log.debug("where a link to a %s leads cannot be told", link.kind, exc_info=True)
                self._found[key] = Lead()
        return self._found[key]

    def _job(self, ref: str) -> Lead:
        if ref in self._shown:
            return Lead(f"#{anchor(ref)}")
        if self._store is None:
            return Lead()
        try:
            with self._store.read() as connection:
                return Lead(command=f"pfd open {jobs.get(connection, ref).id[:SHORT]}")
        except UnknownJob:
            return Lead(gone=True)

    def _thing(self, link: Link) -> Lead:
        if link.kind not in self._kinds:
            return Lead()
        reference, command = self._kinds[link.kind]
        part = link.kind != reference.name
        if part and link.of is None:
            return Lead()
        whole = link.of if part else link.id
        maker = self._maker(reference, whole)
        if maker is None:
            return Lead(gone=True)
        if maker in self._shown and not part:
            return Lead(f"#{anchor(maker)}")
        start = "" if link.start is None else f" --start {link.start!r}"
        if command and any(str(one).startswith("-") for one in (link.id, link.of)):
            return Lead()  # a command would take it for an option
        if command:
            return Lead(command=command.format(id=shlex.quote(str(link.id)), of=shlex.quote(str(link.of))) + start)
        return self._job(maker) if maker else Lead()

    def _maker(self, reference: Reference, ref: object) -> str | None:
        """The job that made a thing; None where the thing is gone, an empty text where that cannot be told."""
        if not reference.row or self._store is None or not isinstance(ref, int):
            return ""
        table: type[JobRecord] = pkgutil.resolve_name(reference.row)
        with self._store.session() as session:
            row = session.get(table, ref)
        return None if row is None else row.job_id or ""  # no job has been submitted for it yet

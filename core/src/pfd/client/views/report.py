"""A report of jobs: one HTML page that holds all it shows, and loads nothing from elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, tostring

from pfd.client.views import choice
from pfd.client.views.html import Drawn, Html, element, shown, style
from pfd.client.views.job_view import JobView
from pfd.client.views.leads import Leads, anchor
from pfd.job import Job
from pfd.plugins import Registry
from pfd.store import Store
from pfd.views import Block, Figure, Image, Theme

MOST_BYTES = 2_000_000
"""Of a page: it is sent by mail, and kept beside a paper."""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser may load for it: nothing but what is in it."""

LONGEST_VALUE, MOST_PARAMETERS = 500, 200
"""Characters of a parameter, and how many of them are listed."""


class _Part(NamedTuple):
    """A piece of a page, and what stands in its place where it is left out; None where it always stays."""

    text: str
    note: str | None = None

    @property
    def size(self) -> int:
        return len(self.text.encode())


def report(jobs: Sequence[Job], home: Path, registry: Registry, store: Store | None = None) -> str:
    """A page of these jobs, at most `MOST_BYTES` long; `store` is as for `Leads`.

    Where that is too little, pictures are drawn for light paper only, and then the largest blocks are left out, which
    is said in their place.
    """
    shown_as = [(job, choice.blocks(job, home, registry)) for job in jobs]
    drawn: Drawn = {}
    leads = Leads(jobs, registry, store)
    parts = _parts(shown_as, home, registry, ("light", "dark"), drawn, leads)
    if _size(parts) > MOST_BYTES:
        parts = _parts(shown_as, home, registry, ("light",), drawn, leads)
    return "".join(part.text for part in _fitting(parts))


def _size(parts: Sequence[_Part]) -> int:
    return sum(part.size for part in parts)


def _fitting(parts: Sequence[_Part]) -> list[_Part]:
    """The same, the largest left out until the rest fits."""
    kept = list(parts)
    excess = _size(kept) - MOST_BYTES
    for place in sorted(range(len(kept)), key=lambda place: kept[place].size, reverse=True):
        note = kept[place].note
        if excess > 0 and note is not None:
            excess -= kept[place].size - len(note.encode())
            kept[place] = _Part(note)
    return kept


class Page:
    """A report as a notebook shows it: in a frame, where its sheet changes nothing else and no script runs."""

    def __init__(self, jobs: Sequence[Job], html: str) -> None:
        self._jobs = jobs
        self.html = html

    def __repr__(self) -> str:
        return f"a report of {', '.join(f'{job.task} {job.id[:8]} {job.state}' for job in self._jobs)}"

    def _repr_html_(self) -> str:
        within = escape(self.html, quote=True)
        return f'<iframe sandbox srcdoc="{within}" style="width:100%;height:40rem;border:0"></iframe>'


def _parts(
    shown_as: Sequence[tuple[Job, tuple[Block, ...]]],
    home: Path,
    registry: Registry,
    themes: Sequence[Theme],
    drawn: Drawn,
    leads: Leads,
) -> list[_Part]:
    title = shown_as[0][0].task if len(shown_as) == 1 else f"{len(shown_as)} jobs"
    head = element(
        "head",
        Element("meta", {"charset": "utf-8"}),
        Element("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}),
        Element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("title", f"PFD: {title}"),
        element("style", style()),
    )
    parts = [_Part(f'<!doctype html>\n<html lang="en">{_text(head)}<body>{_text(element("h1", title))}')]
    for job, blocks in shown_as:
        parts += [_Part(_text(about)) for about in _about(job, alone=len(shown_as) == 1)]
        making = Html(JobView(job, home, registry).read, themes, drawn, leads.of)
        parts += [_Part(making.text(making.blocks((block,))), _note(block)) for block in blocks]
    foot = element("footer", element("p", f"Made by PFD on {_moment(time.time())}."))
    return [*parts, _Part(f"{_text(foot)}</body></html>\n")]


def _note(block: Block) -> str:
    """What stands in place of a block that is left out."""
    what = block.alt if isinstance(block, Figure | Image) else getattr(block, "title", "")
    left_out = f"A {block.block} was left out, since the report would have been larger than {MOST_BYTES // 10**6} MB"
    return _text(element("p", f"{left_out}{f': {what}' if what else '.'}"[:1000], css="note"))


def _text(element: Element) -> str:
    return tostring(element, encoding="unicode", method="html")


def _about(job: Job, *, alone: bool) -> Iterator[Element]:
    """Which job it is, how it ended, and with what parameters it was run."""
    if not alone:
        yield element("h2", job.task, id=anchor(job.id))
    parts = [f"job {job.id}", job.state.value, f"submitted {_moment(job.created_at)}"]
    if job.started_at is not None and job.ended_at is not None:
        parts.append(f"took {max(0.0, job.ended_at - job.started_at):.1f} s")
    yield element("p", ", ".join(parts), css="head", **({"id": anchor(job.id)} if alone else {}))
    if job.params:
        pairs = [(str(name), _value(value)) for name, value in list(job.params.items())[:MOST_PARAMETERS]]
        rows = [element("tr", element("td", name[:LONGEST_VALUE]), element("td", value)) for name, value in pairs]
        yield element("details", element("summary", "Parameters"), element("table", element("tbody", *rows)))


def _value(value: object) -> str:
    text = shown(value) if value is None or isinstance(value, bool | int | float | str) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")

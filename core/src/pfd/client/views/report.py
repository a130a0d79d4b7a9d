"""A report of jobs: one HTML page that holds all it shows, and loads nothing from elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

from pfd.client.views import choice
from pfd.client.views.html import Html, element, shown, style
from pfd.client.views.job_view import JobView
from pfd.job import Job
from pfd.plugins import Registry
from pfd.views import Block, Figure, Text, Theme

MOST_BYTES = 2_000_000
"""Of a page: it is sent by mail, and kept beside a paper."""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser may load for it: nothing but what is in it."""

_LEFT_OUT = "This figure was left out, since the report would have been larger than {} MB; 'pfd open' shows it: "


def report(jobs: Sequence[Job], home: Path, registry: Registry) -> str:
    """A page of these jobs, at most `MOST_BYTES` long.

    Where that is too little, pictures are drawn for light paper only, and then the largest are left out, which is said
    in their place.
    """
    shown_as = [(job, choice.blocks(job, home, registry)) for job in jobs]
    page = _page(shown_as, home, registry, ("light", "dark"))
    if _size(page) > MOST_BYTES:
        page = _page(shown_as, home, registry, ("light",))
    while _size(page) > MOST_BYTES and (fewer := _without_the_largest(shown_as)) is not None:
        shown_as = fewer
        page = _page(shown_as, home, registry, ("light",))
    return page


def _size(page: str) -> int:
    return len(page.encode())


def _page(
    shown_as: Sequence[tuple[Job, tuple[Block, ...]]], home: Path, registry: Registry, themes: Sequence[Theme]
) -> str:
    title = shown_as[0][0].task if len(shown_as) == 1 else f"{len(shown_as)} jobs"
    head = element(
        "head",
        Element("meta", {"charset": "utf-8"}),
        Element("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}),
        Element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("title", f"PFD: {title}"),
        element("style", style()),
    )
    body = [_text(element("h1", title))]
    for job, blocks in shown_as:
        making = Html(JobView(job, home, registry).path, themes)
        section = making.blocks(blocks)
        for place, part in enumerate(_about(job, alone=len(shown_as) == 1)):
            section.insert(place, part)
        body.append(making.text(section))
    body.append(_text(element("footer", element("p", f"Made by PFD on {_moment(time.time())}."))))
    return f'<!doctype html>\n<html lang="en">{_text(head)}<body>{"".join(body)}</body></html>\n'


def _text(element: Element) -> str:
    return tostring(element, encoding="unicode", method="html")


def _about(job: Job, *, alone: bool) -> Iterator[Element]:
    """Which job it is, how it ended, and with what parameters it was run."""
    if not alone:
        yield element("h2", job.task)
    parts = [f"job {job.id}", job.state.value, f"submitted {_moment(job.created_at)}"]
    if job.started_at is not None and job.ended_at is not None:
        parts.append(f"took {max(0.0, job.ended_at - job.started_at):.1f} s")
    yield element("p", ", ".join(parts), css="head")
    if job.params:
        rows = [
            element("tr", element("td", str(name)), element("td", _value(value))) for name, value in job.params.items()
        ]
        yield element("details", element("summary", "Parameters"), element("table", element("tbody", *rows)))


def _value(value: object) -> str:
    return shown(value) if value is None or isinstance(value, bool | int | float | str) else str(value)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def _without_the_largest(
    shown_as: Sequence[tuple[Job, tuple[Block, ...]]],
) -> list[tuple[Job, tuple[Block, ...]]] | None:
    """The same without the figure that has the most to draw; None where there is none left."""
    sizes = [
        (len(block.model_dump_json()), number, place)
        for number, (_, blocks) in enumerate(shown_as)
        for place, block in enumerate(blocks)
        if isinstance(block, Figure)
    ]
    if not sizes:
        return None
    _, number, place = max(sizes)
    job, blocks = shown_as[number]
    figure = blocks[place]
    assert isinstance(figure, Figure)
    note = Text(text=_LEFT_OUT.format(MOST_BYTES // 1_000_000) + figure.alt, title=figure.title)
    return [*shown_as[:number], (job, (*blocks[:place], note, *blocks[place + 1 :])), *shown_as[number + 1 :]]

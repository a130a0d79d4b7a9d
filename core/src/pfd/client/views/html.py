"""Blocks as HTML.  Built as a tree, so that no text of a task, a file or a client can be markup.

What is put in as it is are pictures that `pfd-plots` has just drawn of a figure; pictures among the files of a job are
embedded as images, within which no script runs.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from pfd.characters import printable
from pfd.client.views.leads import Lead
from pfd.errors import ArtifactError, PfdError
from pfd.view_files import drawer
from pfd.views import (
    PALETTES,
    Block,
    Download,
    Figure,
    Image,
    Link,
    Metric,
    Metrics,
    Table,
    Text,
    Theme,
    Warning,  # noqa: A004
)

MOST_ROWS = 200
MOST_IMAGE = 500_000
"""Bytes of a picture that is embedded."""

IN_A_ROW = 3
"""Panels of a figure that stand in a row, where it says nothing of it."""

LONG = 24
"""Characters of a cell that is given the room of some words."""

TYPES = {".png": "image/png", ".svg": "image/svg+xml"}

_ID = re.compile(r'(?:\bid="|\burl\(#|\bxlink:href="#|\bhref="#)')
_SVG = re.compile(r"<svg\b.*</svg>", re.DOTALL)


Drawn = dict[tuple[int, Theme], str]
"""Pictures by the identity of their figure, which whoever keeps them keeps as well."""


class Html:
    """Makes HTML of blocks.

    Parameters
    ----------
    read : what a file of the job holds, by its name, if that is at most so many bytes.
    themes : in which pictures are drawn; the page shows the one that fits.
    drawn : pictures that were drawn before, which are not drawn again.
    lead : where a link leads; nowhere, unless it is given.
    """

    def __init__(
        self,
        read: Callable[[str, int], bytes],
        themes: Sequence[Theme] = ("light",),
        drawn: Drawn | None = None,
        lead: Callable[[Link], Lead] = lambda _: Lead(),
    ) -> None:
        self._read = read
        self._lead = lead
        self._themes = themes
        self._drawn: Drawn = {} if drawn is None else drawn
        self._pictures: dict[str, str] = {}

    def text(self, element: Element) -> str:
        """An element as text, with the pictures in it."""
        found = tostring(element, encoding="unicode", method="html")
        for place, picture in self._pictures.items():
            found = found.replace(place, picture, 1)
        return found

    def blocks(self, blocks: Sequence[Block]) -> Element:
        """A section of blocks; one that cannot be shown says so in its place."""
        section = Element("section")
        for block in blocks:
            try:
                section.extend(list(self._block(block)))
            except Exception as error:
                section.append(element("p", f"a {block.block} cannot be shown: {error}", css="note"))
        return section

    def _block(self, block: Block) -> Iterator[Element]:
        if isinstance(block, Metrics):
            yield from _titled(block.title)
            yield self._metrics(block.items)
        elif isinstance(block, Table):
            yield from _titled(block.title)
            yield self._table(block)
        elif isinstance(block, Figure):
            yield self._figure(block)
        elif isinstance(block, Image):
            yield self._image(block)
        elif isinstance(block, Text):
            yield from _titled(block.title)
            yield from (element("p", text, css="text") for text in block.text.split("\n\n"))
        elif isinstance(block, Warning):
            yield element("p", block.text, css="warning", role="alert")
        elif isinstance(block, Download):
            yield element("p", f"file: {block.label or block.artifact}", css="file")

    def _figure(self, figure: Figure) -> Element:
        found = Element("figure", {"aria-label": figure.alt})
        try:
            if (drawing := drawer()) is None:
                raise ArtifactError("no pictures are drawn here: pip install pfd-plots")
            if (id(figure), self._themes[0]) not in self._drawn:
                for theme, picture in zip(self._themes, drawing.svgs(figure, self._themes), strict=True):
                    self._drawn[id(figure), theme] = picture.decode()
            for theme in self._themes:
                # On a narrow screen it is moved sideways, and not made so small that nothing can be read.
                least = min(60, max(28, 20 * (figure.columns or min(IN_A_ROW, len(figure.panels)))))
                place = SubElement(found, "div", {"class": f"picture {theme}", "style": f"--least:{least}rem"})
                place.text = self._placed(_SVG.search(self._drawn[id(figure), theme]))
        except Exception as error:  # a fault of the drawing, or of a library below it
            found.append(element("p", figure.title, css="title"))
            found.append(element("p", f"{figure.alt} ({error})", css="note"))
        found.append(element("figcaption", figure.alt))
        links = [panel.link for panel in figure.panels if panel.link is not None]
        found.extend([element("p", "shows ", *self._link(link), css="note") for link in dict.fromkeys(links)])
        return found

    def _link(self, link: Link) -> list[Element]:
        """A link as it can be followed here: within the page, or by a command that a reader can copy."""
        lead = self._lead(link)
        if lead.href:
            return [element("a", link.text, href=lead.href)]
        text = element("span", f"{link.text} (gone)" if lead.gone else link.text)
        return [text, element("code", lead.command)] if lead.command else [text]

    def _metrics(self, items: Sequence[Metric]) -> Element:
        found = Element("dl")
        for item in items:
            if isinstance(item.value, Link):
                value = element("dd", *self._link(item.value))
            else:
                value = element("dd", _measured(item))
            value.extend([element("span", item.note, css="note")] if item.note else [])
            found.append(element("div", element("dt", item.name), value))
        return found

    def _table(self, table: Table) -> Element:
        heads = [f"{column.name}, {column.unit}" if column.unit else column.name for column in table.columns]
        rows = table.rows[:MOST_ROWS]
        # A column of numbers stands to the right, with what is missing in it and its head.
        kinds = ["number" if _are_numbers(column) else "" for column in zip(*rows, strict=True)] or [""] * len(heads)
        lines = (map(self._cell, row, kinds) for row in rows)
        body = element("tbody", *(element("tr", *line) for line in lines))
        named = (element("th", text, css=kind, scope="col") for text, kind in zip(heads, kinds, strict=True))
        head = element("thead", element("tr", *named))
        found = element("div", element("table", head, body), css="wide")
        more = table.more + len(table.rows) - len(rows)
        notes = [text for text in (table.note, f"… and {more} more rows" if more else "") if text]
        found.extend([element("p", text, css="note") for text in notes])
        return found

    def _cell(self, value: Any, kind: str) -> Element:
        if isinstance(value, Link):
            return element("td", *self._link(value), css="link")
        text = shown(value)
        return element("td", text, css=kind or ("long" if len(text) > LONG else ""))

    def _placed(self, picture: re.Match[str] | None) -> str:
        if picture is None:
            raise ArtifactError("what was drawn is no SVG")
        place = f"picture-{secrets.token_hex(16)}"  # which no text of a task can hold
        # Two pictures on a page may use one id for different things, or for a thing within a picture that is hidden.
        self._pictures[place] = _ID.sub(rf"\g<0>{place[:16]}-", picture[0])
        return place

    def _image(self, image: Image) -> Element:
        found = Element("figure")
        try:
            kind = TYPES.get(PurePosixPath(image.artifact).suffix.lower())
            if kind is None:
                raise ArtifactError(f"{image.artifact} is not embedded: no PNG or SVG")
            source = f"data:{kind};base64,{base64.b64encode(self._read(image.artifact, MOST_IMAGE)).decode()}"
            SubElement(found, "img", {"src": source, "alt": image.alt})
        except PfdError as error:
            found.append(element("p", f"{image.alt} ({error})", css="note"))
        if image.title:
            found.append(element("figcaption", image.title))
        return found


def element(tag: str, *children: str | Element, css: str = "", **attributes: str) -> Element:
    """An element with texts in it and elements behind them; what of a text is not shown is written as an escape."""
    found = Element(tag, {**({"class": css} if css else {}), **attributes})
    found.text = "".join(printable(child) for child in children if isinstance(child, str)) or None
    found.extend([child for child in children if isinstance(child, Element)])
    return found


def shown(value: Any, unit: str = "") -> str:
    """A value of a cell or a metric as people read it."""
    if value is None:
        return "–"
    if isinstance(value, Link):
        return value.text
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}" if unit else text


def _titled(title: str) -> Iterator[Element]:
    if title:
        yield element("h3", title)


def _are_numbers(column: Sequence[Any]) -> bool:
    known = [value for value in column if value is not None]
    return bool(known) and all(isinstance(value, int | float) for value in known)


def _measured(item: Metric) -> str:
    value = shown(item.value, item.unit)
    if item.low is not None and item.high is not None:
        value += f" [{shown(item.low)}, {shown(item.high)}]"
    if item.baseline is not None:
        value += f", a guess reaches {shown(item.baseline)}"
    return value


def style() -> str:
    """The sheet of a page, in the one palette."""
    names = ("paper", "ink", "muted", "rule", "warning")
    values = {theme: ";".join(f"--{name}:{getattr(p, name)}" for name in names) for theme, p in PALETTES.items()}
    return f""":root{{color-scheme:light dark;{values["light"]}}}
@media (prefers-color-scheme:dark){{:root{{{values["dark"]}}}}}
{_SHEET}"""


_SHEET = """*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1.5rem 1rem 4rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0 0 .25rem}
h2{font-size:1.2rem;margin:2.5rem 0 .25rem;padding-top:1rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:1.5rem 0 .5rem}
p{margin:.4rem 0}.note,figcaption,footer,.head{color:var(--muted);font-size:.85rem}
.text{white-space:pre-wrap}
.warning{border-left:4px solid var(--warning);padding:.4rem .75rem;color:var(--warning);font-weight:600}
dl{display:flex;flex-wrap:wrap;gap:.75rem 2rem;margin:.75rem 0}dt{color:var(--muted);font-size:.85rem}
dd{margin:0;font-size:1.1rem;font-variant-numeric:tabular-nums}dd .note{display:block}
a{color:inherit}code{font-size:.8rem;color:var(--muted);overflow-wrap:anywhere}
dd code,td code{display:block}td code{white-space:nowrap}.note span+code{margin-left:.5rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}
th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--rule);vertical-align:top;
overflow-wrap:normal;max-width:24rem}td.long{min-width:14rem}
th{color:var(--muted);font-weight:500}td.link{max-width:none}td.number,th.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
@media (max-width:40rem){table{width:max-content}th,td{max-width:14rem}}
figure{margin:1.25rem 0}
.picture{overflow-x:auto}.picture svg{min-width:var(--least)}.picture svg,img{max-width:100%;height:auto}
figcaption{margin-top:.25rem}
.picture.dark{display:none}
@media (prefers-color-scheme:dark){.picture.light:not(:only-of-type){display:none}.picture.dark{display:block}}
@media print{.picture.dark{display:none}.picture.light{display:block!important}}
"""

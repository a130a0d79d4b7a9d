"""A report: one page with all that there is to see, and nothing of it markup of others."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.tests.support.commands import Commands
from core.tests.support.jobs import JOB
from pfd import Dispatcher, PluginError, Reference, Settings, State, Worker
from pfd.client.views import choice, html
from pfd.client.views import report as reports
from pfd.client.views.html import Html, shown
from pfd.client.views.leads import Lead, Leads
from pfd.client.views.report import report
from pfd.files import read_within
from pfd.plugins import Registry
from pfd.views import (
    Axis,
    Block,
    Column,
    Curve,
    Download,
    Figure,
    Image,
    Link,
    Metric,
    Metrics,
    Panel,
    Table,
    Text,
    Warning,  # noqa: A004
)

PATIENCE = 60.0
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e%style%"

DONE = dataclasses.replace(JOB, state=State.SUCCESS, ended_at=101.0, params={EVIL: EVIL, "list": [EVIL]})


def a_figure(text: str = "A figure", number: int = 10) -> Figure:
    mark = Curve(x=range(number), y=range(number), name=text)
    link = Link(kind="recording", id=text, start=1.5)
    panel = Panel(x=Axis(label=text), y=Axis(label=text), marks=(mark,), link=link)
    return Figure(title=text, alt=f"A straight line going up {text}", panels=(panel,))


BLOCKS: tuple[Block, ...] = (
    Metrics(title=EVIL, items=(Metric(name=EVIL, value=EVIL, unit=EVIL, low=0.1, high=0.2, baseline=0.3, note=EVIL),)),
    Table(title=EVIL, columns=(Column(name=EVIL, unit=EVIL),), rows=((EVIL,), (Link(kind="job", id=EVIL),)), note=EVIL),
    a_figure(EVIL),
    Image(artifact=EVIL, alt=EVIL, title=EVIL),
    Text(text=f"{EVIL}\n\n{EVIL}", title=EVIL),
    Warning(text=EVIL),
    Download(artifact=EVIL, label=EVIL),
)


class Tags(HTMLParser):
    """The elements of a page, as a browser reads them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


class Drawing:
    """Draws as `pfd-plots` does, as far as a report asks it."""

    def __init__(self, size: int = 10) -> None:
        self._size = size

    def svgs(self, _: Figure, themes: Sequence[str]) -> tuple[bytes, ...]:
        head = '<?xml version="1.0"?>\n<!DOCTYPE svg>\n'
        return tuple(f'{head}<svg class="{theme}">{"x" * self._size}</svg>\n'.encode() for theme in themes)


@pytest.fixture
def shown_as(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have jobs shown as given blocks, and pictures of given size drawn."""

    def be(blocks: tuple[Block, ...], size: int = 10) -> None:
        monkeypatch.setattr(choice, "blocks", lambda *_: blocks)
        monkeypatch.setattr(html, "drawer", lambda: Drawing(size))

    return be


def test_no_text_of_others_is_markup_and_nothing_is_loaded_from_elsewhere(
    shown_as: Any, tmp_path: Path, registry: Registry
) -> None:
    shown_as(BLOCKS)
    page = report([dataclasses.replace(DONE, state=State.FAILURE)], tmp_path, registry)
    found = Tags(page)
    assert not {"script", "img", "a", "link", "iframe", "object"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in ("src", "href")]
    assert "alert(1)" in "".join(found.texts)
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert page.count("%style%") == page.count("alert(1)</script>") + page.count("alert(1)&gt;")
    assert 'content="default-src' in page
    assert found.tags.count("svg") == 2  # light and dark


def test_pictures_of_a_job_are_embedded_as_images(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "b.svg").write_text("<svg onload='alert(1)'/>")
    (tmp_path / "c.html").write_text("<script>alert(1)</script>")
    (tmp_path / "d.png").write_bytes(b"x" * (html.MOST_IMAGE + 1))
    making = Html(functools.partial(read_within, tmp_path))
    images = [Image(artifact=name, alt=f"picture {name}") for name in ("a.png", "b.svg", "c.html", "d.png", "none.png")]
    page = making.text(making.blocks(images))
    sources = [value for name, value in Tags(page).attributes if name == "src"]
    assert [str(source).split(",")[0] for source in sources] == ["data:image/png;base64", "data:image/svg+xml;base64"]
    assert "alert" not in page
    assert page.count("not embedded") == page.count("is larger") == 1
    assert "none.png" in page


def test_pictures_on_a_page_share_no_id(shown_as: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = b'<svg><clipPath id="c"/><g clip-path="url(#c)"><use xlink:href="#m"/></g><path id="m"/></svg>'
    monkeypatch.setattr(html, "drawer", lambda: SimpleNamespace(svgs=lambda _, themes: [picture] * len(themes)))
    making = Html(functools.partial(read_within, tmp_path), ("light", "dark"))
    page = making.text(making.blocks((a_figure(), a_figure())))
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) == 8
    for reference in re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', page):
        assert max(reference) in ids


def test_where_no_picture_can_be_drawn_the_figure_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "drawer", lambda: None)
    making = Html(functools.partial(read_within, tmp_path))
    page = making.text(making.blocks((a_figure(),)))
    assert "A straight line going up" in page
    assert "pip install pfd-plots" in page


def test_a_report_never_is_larger_than_it_may_be_and_says_what_is_left_out(
    shown_as: Any, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MOST_BYTES", 100_000)
    shown_as((a_figure("first"), a_figure("second", 500), a_figure("third")), 20_000)
    both = report([DONE], tmp_path, registry)
    assert both.count("<svg") == 3  # light alone
    shown_as((a_figure("first"), a_figure("second", 500), a_figure("third")), 40_000)
    fewer = report([DONE, DONE], tmp_path, registry)
    assert len(fewer.encode()) <= 100_000
    assert fewer.count("<svg") == 2
    assert fewer.count("was left out") == 4
    assert "A straight line going up second" in fewer


@pytest.mark.parametrize(
    "blocks",
    [
        [Image(artifact=f"{number}.png", alt=f"picture {number}") for number in range(9)],
        [Table(title="t", columns=(Column(name="c"),), rows=(("x" * 900,),) * 190) for _ in range(9)],
        [Text(text="y" * 19_000) for _ in range(9)],
    ],
    ids=["images", "tables", "texts"],
)
def test_whatever_is_too_large_is_left_out(
    shown_as: Any, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch, blocks: Any
) -> None:
    for number in range(9):
        (tmp_path / f"{number}.png").write_bytes(b"x" * 60_000)
    monkeypatch.setattr(reports, "MOST_BYTES", 100_000)
    monkeypatch.setattr("pfd.client.views.job_view.JobView.read", lambda _, name, most: b"x" * 60_000)
    shown_as(tuple(blocks))
    page = report([dataclasses.replace(DONE, params={"much": "z" * 200_000})], tmp_path, registry)
    assert len(page.encode()) <= 100_000
    assert page.count("was left out") >= 4
    assert page.endswith("</html>\n")


@pytest.mark.parametrize(
    ("value", "reads"),
    [
        (None, "–"),
        (True, "yes"),
        (3, "3"),
        (0.123456, "0.1235"),
        ("x", "x"),
        (Link(kind="recording", id=3, start=1.5), "recording 3 at 1.5 s"),
    ],
)
def test_values_read_as_people_write_them(value: Any, reads: str) -> None:
    assert shown(value) == reads


def test_a_notebook_shows_a_page_in_a_frame_of_its_own(
    shown_as: Any, sqlite_settings: Settings, registry: Registry
) -> None:
    shown_as(BLOCKS)
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        page = dispatcher.submit("add", {"a": 1}).show()
    found = Tags(page._repr_html_())
    assert found.tags == ["iframe"]
    attributes = dict(found.attributes)
    assert attributes["srcdoc"] == page.html
    assert "sandbox" in attributes
    assert repr(page).startswith("a report of add ")


@pytest.fixture
def working(served: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(served, registry=registry) as dispatcher, Worker(served, registry=registry):
        yield dispatcher


def test_the_command_writes_one_page_of_jobs_however_they_ended(
    working: Dispatcher, pfd: Commands, tmp_path: Path
) -> None:
    good, bad = working.submit("show"), working.submit("show", {"then": "fail"})
    good.get(PATIENCE)
    assert bad.wait(PATIENCE).state is State.FAILURE
    done = pfd("report", good.id, bad.id, "--to", "both.html")
    assert done.code == 0
    page = (tmp_path / "both.html").read_text()
    texts = " ".join(Tags(page).texts)
    assert "ValueError: it did not converge" in texts
    assert "Recorded while the task ran" in page
    assert re.search(r"2 jobs, [\d.]+ KiB", done.err)
    again = pfd("report", good.id, "--to", "both.html")
    assert (again.code, "--force" in again.err) == (2, True)
    assert pfd("report", good.id, "--to", "both.html", "--force").code == 0
    (tmp_path / "file").touch()
    refused = pfd("report", good.id, "--to", "file/x.html")
    assert (refused.code, "file" in refused.err) == (2, True)
    assert pfd("report", "no-such-job").code != 0


@pytest.mark.parametrize(
    ("lead", "says"),
    [
        (Lead(href="#job-1"), '<a href="#job-1">experiment 3</a>'),
        (Lead(command="pfd open 1"), "<span>experiment 3</span><code>pfd open 1</code>"),
        (Lead(gone=True), "<span>experiment 3 (gone)</span>"),
        (Lead(), "<span>experiment 3</span>"),
    ],
)
def test_a_link_is_followed_as_far_as_it_leads(lead: Lead, says: str) -> None:
    link = Link(kind="experiment", id=3)
    blocks = (
        Metrics(items=(Metric(name="experiment", value=link),)),
        Table(columns=(Column(name="made by"),), rows=((link,),)),
    )
    making = Html(lambda *_: b"", lead=lambda _: lead)
    assert making.text(making.blocks(blocks)).count(says) == 2


def test_a_column_of_numbers_stands_to_the_right_with_what_is_missing_in_it() -> None:
    table = Table(columns=(Column(name="a"), Column(name="b")), rows=((1.5, "x"), (None, 2)))
    making = Html(lambda *_: b"")
    page = making.text(making.blocks((table,)))
    assert page.count('<th class="number"') == 1
    assert page.count('<td class="number">') == 2


def test_a_link_without_a_store_or_to_what_raises_is_a_text(registry: Registry) -> None:
    assert Leads([JOB], registry).of(Link(kind="job", id=JOB.id)) == Lead(href=f"#job-{JOB.id}")
    assert Leads([], registry).of(Link(kind="job", id=JOB.id)) == Lead()

    class Broken:
        def references(self) -> dict[str, Reference]:
            return {"gearbox": Reference("gearbox", "a:b", "a:b", row="no_such_module:Row", show="pfd gearbox {id}")}

    broken: Any = Broken()
    store: Any = object()
    assert Leads([], broken).of(Link(kind="gearbox", id=1)) == Lead(command="pfd gearbox 1")
    assert Leads([], broken, store).of(Link(kind="gearbox", id=1)) == Lead()


@pytest.mark.parametrize("wrong", [{"row": "nowhere"}, {"show": "pfd {name}"}, {"parts": {"stage": "pfd {0}"}}])
def test_a_reference_that_leads_nowhere_is_refused_where_it_is_declared(wrong: dict[str, Any]) -> None:
    with pytest.raises(PluginError):
        Reference("gearbox", "a:b", "a:b", **wrong)

"""Figures as pictures: nothing is cut off, nothing overlaps, and what a reader must not miss is on the picture."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.text import Text

from pfd import DataError
from pfd.views import (
    DARK,
    LIGHT,
    Axis,
    Band,
    Bars,
    Curve,
    Diagonal,
    Figure,
    Frame,
    Matrix,
    Note,
    Panel,
    Points,
    Provenance,
    Rule,
    Theme,
)
from pfd_plots import draw, png, save, svg, svgs
from tests.support.hostile import HOSTILE

ALT = "A level over orders, with a peak at three."
ORDER, LEVEL = Axis(label="order"), Axis(label="level", unit="m/s²")
LEAKY = Provenance(text="random windows: the same bearings on both sides, " * 3, leaky=True)
CURVE = Curve(x=[0, 1, 2, 3], y=[1, None, 3, 2], name="a curve")

PANELS = {
    "curve": Panel(title="A curve", x=ORDER, y=LEVEL, marks=(CURVE, Rule(x=1, to=2, name="a band"))),
    "tiny": Panel(title="Tiny levels", x=ORDER, y=LEVEL, marks=(Curve(x=[0, 1], y=[1e-7, 2e-7]),), lines=("r.m.s.",)),
    "log": Panel(
        x=Axis(label="frequency", unit="Hz", scale="log", low=1, high=1e4),
        y=Axis(label="power", scale="log"),
        marks=(
            Curve(x=[1, 10, 1e4], y=[1, 0.1, 0], steps=True, name="mean"),
            Band(x=[1, 10, 1e4], low=[0.5, 0.05, 0.01], high=[2, 0.2, 0.1], name="deviation"),
            Points(x=[10, 100], y=[0.1, 0.2], name="tests"),
            Rule(x=100, label="BPFO"),
            Rule(y=0.01, label="limit", role="warning"),
            Note(text="no fault lines: speed unknown"),
        ),
    ),
    "bars": Panel(
        title="Bars",
        x=Axis(label="share"),
        y=Axis(label="feature"),
        marks=(Bars(labels=[f"feature {n}" for n in range(40)], values=range(40), deviations=[1] * 40, faded={3}),),
    ),
    "upright": Panel(
        x=Axis(label="class"),
        y=Axis(label="windows"),
        marks=(Bars(labels=["a", "b", "c"], values=[1, None, 3], across=False),),
    ),
    "square": Panel(
        x=Axis(label="false positive rate", low=0, high=1, ticks=[0, 0.5, 1], tick_labels=["0", ".5", "1"]),
        y=Axis(label="true positive rate", low=0, high=1),
        marks=(Diagonal(name="chance"), Curve(x=[0, 0, 1], y=[0, 1, 1], name="_hidden")),
        equal=True,
        legend="AUROC",
        legend_below=True,
        lines=("macro-AUROC 0.9", "accuracy 0.8 of windows"),
        provenance=Provenance(text="split by bearing"),
    ),
    "matrix": Panel(
        x=ORDER,
        y=LEVEL,
        equal=True,
        legend_below=True,
        marks=(
            Matrix(
                values=[[1, -2, 0.5], [3, None, 1], [0, 1, 2]],
                label="correlation",
                diverging=True,
                written=True,
                row_labels=["normal", "inner race", "outer race"],
                column_labels=["normal", "inner race", "outer race"],
                frames=(Frame(first=0, last=1),),
            ),
        ),
    ),
    "spectrogram": Panel(
        x=Axis(label="time", unit="s"),
        y=Axis(label="frequency", unit="kHz"),
        marks=(Matrix(values=[[1, 2], [3, 4]], label="dB re 1 g²/Hz", x=(0, 2), y=(0, 6), upward=True),),
    ),
    "on a log axis": Panel(
        x=ORDER, y=Axis(label="f", scale="log"), marks=(Matrix(values=[[1, 2], [3, 4]], label="dB", y=(1, 100)),)
    ),
    "nothing": Panel(x=ORDER, y=LEVEL, marks=(Curve(x=[], y=[], name="none"), Points(x=[1], y=[None]))),
    "no bars": Panel(x=ORDER, y=LEVEL, marks=(Bars(labels=[], values=[]),)),
    "empty cells": Panel(x=ORDER, y=LEVEL, marks=(Matrix(values=[[None, None]], label="r"),)),
    "leaky": Panel(title="Leaky", x=ORDER, y=LEVEL, marks=(CURVE,), provenance=LEAKY, cautions=("few windows",) * 2),
}


def a_figure(*panels: Panel, **given: Any) -> Figure:
    return Figure(**{"title": "A figure", "alt": ALT, "panels": panels or (PANELS["curve"],)} | given)


def hostile(text: str) -> Figure:
    axis = Axis(label=f"a {text}", unit=text)
    marks = (Curve(x=[0, 1], y=[0, 1], name=text), Note(text=f"a {text}"), Rule(x=0.5, label=text, name=text))
    split = Provenance(text=f"a {text}", leaky=True)
    written = {"title": text, "lines": (text, text), "cautions": (text,), "provenance": split, "legend": text}
    named = Bars(labels=[text, "b", f"{text}c"], values=[1, 2, 3])
    cells = Matrix(values=[[1, 2], [3, 4]], label=f"a {text}", row_labels=[text, "b"], column_labels=[text, "b"])
    return a_figure(
        Panel(x=axis, y=axis, marks=marks, **written),
        Panel(x=axis, y=axis, marks=(named,)),
        Panel(x=axis, y=axis, marks=(cells,), equal=True, legend_below=True),
        title=f"a {text}",
        notes=(text,),
        cautions=(text,),
        provenance=split,
        columns=2,
    )


def texts(picture: Picture) -> Iterator[Text]:
    """All that is written on a picture."""
    for found in picture.findobj(Text):
        assert isinstance(found, Text)
        if found.get_text().strip() and found.get_visible():
            yield found


def boxes(picture: Picture) -> list[Any]:
    """The room of each panel with all that belongs to it, and of the texts of the picture itself, in pixels."""
    renderer: Any = picture.canvas.get_renderer()  # type: ignore[attr-defined]
    return [axis.get_tightbbox(renderer) for axis in picture.axes] + [
        text.get_window_extent(renderer) for text in picture.texts
    ]


def require_whole_and_apart(picture: Picture) -> None:
    width, height = picture.bbox.width, picture.bbox.height
    found = boxes(picture)
    for box in found:
        assert box.x0 >= -1, "cut off on the left"
        assert box.y0 >= -1, "cut off below"
        assert box.x1 <= width + 1, "cut off on the right"
        assert box.y1 <= height + 1, "cut off above"
    for one, other in itertools.combinations(found, 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        up = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert across <= 1 or up <= 1, f"one lies on the other: {one} and {other}"


@pytest.mark.parametrize("width", [None, 4.5], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", PANELS)
def test_each_kind_of_panel_is_whole(name: str, width: float | None) -> None:
    figure = a_figure(PANELS[name], notes=("a note",), cautions=("a caution",))
    require_whole_and_apart(draw(figure, width=width))
    for theme in ("light", "dark"):
        assert png(figure, theme, dpi=40, width=width).startswith(b"\x89PNG")
        ET.fromstring(svg(figure, theme, width=width))


MOST, LEAST = 1e100, 1e-300

EXTREME = {
    "curve": Panel(x=ORDER, y=LEVEL, marks=(Curve(x=[-MOST, MOST], y=[-MOST, MOST]), Rule(x=MOST, to=-MOST))),
    "close": Panel(x=ORDER, y=LEVEL, marks=(Curve(x=[0, 1], y=[MOST * (1 - 1e-15), MOST]),)),
    "tiny": Panel(x=ORDER, y=LEVEL, marks=(Curve(x=[0, LEAST], y=[0, LEAST]),)),
    "log": Panel(x=ORDER, y=Axis(label="power", scale="log"), marks=(Curve(x=[0, 1, 2], y=[LEAST, MOST, 1]),)),
    "band": Panel(x=ORDER, y=LEVEL, marks=(Band(x=[0, 1], low=[-MOST, 0], high=[0, MOST]),)),
    "bars": Panel(x=ORDER, y=LEVEL, marks=(Bars(labels=["a", "b"], values=[MOST, -MOST], deviations=[MOST, 1]),)),
    "matrix": Panel(x=ORDER, y=LEVEL, marks=(Matrix(values=[[MOST, -MOST], [0, LEAST]], label="r", diverging=True),)),
}


@pytest.mark.parametrize("name", EXTREME)
def test_numbers_of_any_size_that_a_view_takes_are_drawn(name: str) -> None:
    ET.fromstring(svg(a_figure(EXTREME[name])))


@pytest.mark.parametrize("width", [None, 5.0], ids=["wide", "narrow"])
@pytest.mark.parametrize("columns", [None, 2])
def test_panels_of_all_kinds_stand_beside_each_other(columns: int | None, width: float | None) -> None:
    require_whole_and_apart(draw(a_figure(*PANELS.values(), columns=columns), width=width))


@pytest.mark.slow("lays twelve panels out, at two widths")
@pytest.mark.parametrize("width", [None, 9.0], ids=["wide", "narrow"])
def test_twelve_panels_are_whole_and_each_has_its_legend(width: float | None) -> None:
    picture = draw(a_figure(*[PANELS["square"]] * 12, columns=4), width=width)
    require_whole_and_apart(picture)
    assert [axis.get_legend() is not None for axis in picture.axes] == [True] * 12
    assert len({round(axis.get_position().width, 6) for axis in picture.axes}) == 1


@pytest.mark.parametrize("width", [None, 4.5], ids=["wide", "narrow"])
@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text)[:20] for text in HOSTILE])
def test_a_figure_full_of_a_foreign_text_is_whole_and_shows_it(text: str, width: float | None) -> None:
    picture = draw(hostile(text), width=width)
    require_whole_and_apart(picture)
    assert not any(written._preprocess_math(written.get_text())[1] for written in texts(picture))  # type: ignore[attr-defined]


def written_in(picture: Picture, colour: str) -> str:
    return " ".join(
        " ".join(text.get_text() for text in texts(picture) if mpl.colors.to_hex(text.get_color()) == colour).split()
    )


def test_cautions_stand_in_the_colour_of_warnings_and_the_picture_grows_with_them() -> None:
    plain, warned = draw(a_figure()), draw(a_figure(cautions=("one test bearing", "a long one " * 30)))
    assert written_in(warned, LIGHT.warning).startswith("CAUTION: one test bearing CAUTION: a long one")
    assert written_in(plain, LIGHT.warning) == ""
    assert warned.get_figheight() > plain.get_figheight() + 0.5


@pytest.mark.parametrize("where", ["panel", "figure"])
@pytest.mark.parametrize(("theme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_a_leaky_split_is_marked_on_the_picture_itself(where: str, theme: Theme, palette: Any) -> None:
    panel = PANELS["curve"].model_copy(update={"provenance": LEAKY if where == "panel" else None})
    picture = draw(a_figure(panel, provenance=LEAKY if where == "figure" else None), theme)
    marked = [text for text in texts(picture) if "LEAKY SPLIT: random windows" in text.get_text()]
    assert len(marked) == 1
    box: Any = marked[0].get_bbox_patch()
    assert mpl.colors.to_hex(box.get_facecolor()) == palette.warning
    spines = picture.axes[0].spines.values()
    assert {mpl.colors.to_hex(spine.get_edgecolor()) for spine in spines if spine.get_visible()} == {palette.warning}
    calm = draw(a_figure(provenance=LEAKY.model_copy(update={"leaky": False})), theme)
    assert "random windows" in written_in(calm, palette.muted)
    assert not any("LEAKY" in text.get_text() for text in texts(calm))


def names(axis: Axes) -> list[str]:
    return [label.get_text() for label in axis.get_yticklabels()]


def test_names_of_bars_are_all_there_and_legible() -> None:
    axis = draw(a_figure(PANELS["bars"])).axes[0]
    assert names(axis) == [f"feature {number}" for number in range(40)]
    assert all(float(label.get_fontsize()) >= 8 for label in axis.get_yticklabels())
    box = axis.get_window_extent()
    assert box.height / axis.figure.dpi >= 40 * 0.2


def test_where_names_have_no_room_every_second_or_third_stands() -> None:
    labels = [f"feature {number}" for number in range(300)]
    cells = Matrix(values=[[0.0] * 300] * 300, label="r", row_labels=labels, column_labels=labels)
    axis = draw(a_figure(Panel(x=ORDER, y=LEVEL, marks=(cells,), equal=True)), width=8).axes[0]
    shown = names(axis)
    assert 30 < len(shown) < 150
    assert shown[0] == labels[0]
    renderer = axis.figure.canvas.get_renderer()  # type: ignore[attr-defined]
    found = [label.get_window_extent(renderer) for label in axis.get_yticklabels()]
    assert all(above.y0 >= below.y1 - 1 for above, below in itertools.pairwise(found))


def test_panels_that_share_an_axis_name_it_once_a_row() -> None:
    picture = draw(a_figure(PANELS["bars"], PANELS["bars"], share_y=True))
    left, right = picture.axes
    assert left.get_ylim() == right.get_ylim()
    assert (left.get_ylabel(), right.get_ylabel()) == ("feature", "")
    assert len({round(axis.get_position().width, 6) for axis in (left, right)}) == 1
    stacked = draw(a_figure(PANELS["bars"], PANELS["bars"], share_y=True), width=4.5)
    assert [axis.get_ylabel() for axis in stacked.axes] == ["feature", "feature"]


def test_a_legend_lists_every_name_also_a_hidden_one_and_the_diagonal_last() -> None:
    legend = draw(a_figure(PANELS["square"])).axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["_hidden", "chance"]
    assert legend.get_title().get_text() == "AUROC"


@pytest.mark.parametrize(("curves", "below"), [(3, False), (12, True)])
def test_a_long_legend_lies_below_its_panel(curves: int, below: bool) -> None:
    marks = tuple(Curve(x=[0, 1], y=[number, 1], name=f"class {number}") for number in range(curves))
    axis = draw(a_figure(Panel(x=ORDER, y=LEVEL, marks=marks))).axes[0]
    legend = axis.get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == curves
    assert (legend.get_window_extent().y1 < axis.get_window_extent().y0) == below


def test_the_scale_of_colours_lies_between_a_panel_and_its_legend() -> None:
    marks = (Matrix(values=[[1, 2], [3, 4]], label="dB"), Curve(x=[0, 1], y=[0, 1], name="ridge"))
    picture = draw(a_figure(Panel(x=ORDER, y=LEVEL, marks=marks, legend_below=True)))
    axis, scale = picture.axes
    legend, renderer = axis.get_legend(), picture.canvas.get_renderer()  # type: ignore[attr-defined]
    assert legend is not None
    room = scale.get_tightbbox(renderer)
    assert room is not None
    ticks: Any = axis.xaxis.get_tightbbox(renderer)
    assert legend.get_window_extent(renderer).y1 < room.y0 < room.y1 < ticks.y0
    assert legend.get_window_extent(renderer).y0 > 0


def test_marks_are_drawn_as_they_are_given() -> None:
    curve = draw(a_figure()).axes[0]
    assert str(curve.lines[0].get_ydata()) == "[ 1. nan  3.  2.]"
    log = draw(a_figure(PANELS["log"])).axes[0]
    assert (log.get_xscale(), log.get_yscale(), log.get_xlim()) == ("log", "log", (1, 1e4))
    assert {"BPFO", "limit", "no fault lines: speed unknown"} <= {text.get_text() for text in log.texts}
    square = draw(a_figure(PANELS["square"])).axes[0]
    assert [label.get_text() for label in square.get_xticklabels()] == ["0", ".5", "1"]
    matrix, scale = draw(a_figure(PANELS["matrix"])).axes
    assert {"1", "-2", "0.5", "3", "0", "2"} == {text.get_text() for text in matrix.texts}
    assert scale.get_xlabel() == "correlation"
    assert len(matrix.patches) == 1
    assert matrix.get_ylim() == (2.5, -0.5)
    spectrogram, _ = draw(a_figure(PANELS["spectrogram"])).axes
    assert spectrogram.get_ylim() == (0, 6)


def test_a_square_stays_one() -> None:
    for width in (None, 4.5, 9.0):
        box = draw(a_figure(PANELS["square"]), width=width).axes[0].get_window_extent()
        assert box.width == pytest.approx(box.height, rel=0.01)


def test_a_long_curve_is_drawn_with_few_points_and_all_its_impulses() -> None:
    levels = [0.0] * 200_000
    levels[77_777] = 9.0
    figure = a_figure(Panel(x=ORDER, y=LEVEL, marks=(Curve(x=range(200_000), y=levels),)))
    line = draw(figure).axes[0].lines[0]
    drawn: Any = line.get_ydata()
    assert (len(drawn) <= 4000, max(drawn)) == (True, 9.0)
    assert len(svg(figure)) < 200_000


# -- files ------------------------------------------------------------------------------------------------------------


def test_the_same_figure_gives_the_same_bytes_whatever_style_the_user_has() -> None:
    figure = a_figure(PANELS["log"], PANELS["matrix"], cautions=("few",))
    first = png(figure), svg(figure)
    before = dict(mpl.rcParams)
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 20, "lines.linewidth": 9, "text.color": "green"}):
        assert (png(figure), svg(figure)) == first
    assert dict(mpl.rcParams) == before


def test_threads_that_draw_at_once_do_not_disturb_each_other() -> None:
    figure = a_figure(PANELS["matrix"])
    expected, found = svg(figure), []
    threads = [threading.Thread(target=lambda: found.append(svg(figure))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_an_svg_is_an_image_with_its_alternative_text_and_its_texts_are_texts() -> None:
    alt = "Levels <b>\"over\"</b> orders & 'more'; 軸."
    root = ET.fromstring(svg(a_figure(PANELS["square"], alt=alt, title="A & B")))
    assert (root.get("role"), root.get("aria-label")) == ("img", alt)
    space = "{http://www.w3.org/2000/svg}"
    assert [one.text for one in root.iter(f"{space}title")][:1] == ["A & B"]
    shown = ["".join(one.itertext()) for one in root.iter(f"{space}text")]
    assert {"A & B", "macro-AUROC 0.9", "split by bearing", "_hidden"} <= set(shown)
    assert "date" not in {one.tag.rpartition("}")[2] for one in root.iter()}


def test_a_picture_of_each_theme_has_its_paper() -> None:
    for theme, palette in (("light", LIGHT), ("dark", DARK)):
        picture = draw(a_figure(), theme)  # type: ignore[arg-type]
        assert mpl.colors.to_hex(picture.get_facecolor()) == palette.paper
        assert mpl.colors.to_hex(picture.axes[0].get_facecolor()) == palette.paper


def without_ids(picture: bytes) -> str:
    """A picture with its ids, which matplotlib makes of styles as well, by the order in which they come."""
    text = picture.decode()
    for number, name in enumerate(re.findall(r' id="([^"]+)"', text)):
        text = re.sub(rf'(?<=["#]){re.escape(name)}(?=[")])', f"id-{number}", text)
    return text


MANY = Panel(x=ORDER, y=LEVEL, marks=tuple(Curve(x=[0, 1], y=[0, place], name=f"{place}") for place in range(9)))


@pytest.mark.slow("each is drawn six times")
@pytest.mark.parametrize(
    "name", ["curve", "log", "bars", "square", "matrix", "empty cells", "many", "hostile", "leaky"]
)
def test_themes_that_are_drawn_together_are_as_each_alone(name: str) -> None:
    foreign = 'a "#0072b2" <g style="fill: #1b1f24"> of #57606a'
    figure = {"many": a_figure(MANY), "hostile": hostile(foreign), "leaky": a_figure(MANY, provenance=LEAKY)}.get(
        name
    ) or a_figure(PANELS[name])
    orders: tuple[tuple[Theme, Theme], ...] = (("light", "dark"), ("dark", "light"))
    for themes in orders:
        for theme, picture in zip(themes, svgs(figure, themes), strict=True):
            assert without_ids(picture) == without_ids(svg(figure, theme))


def test_a_figure_is_drawn_once_for_both_themes_unless_cells_of_it_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Theme] = []

    def drawing(figure: Figure, theme: Theme, *, width: float | None) -> Picture:
        drawn.append(theme)
        return draw(figure, theme, width=width)

    monkeypatch.setattr("pfd_plots.files.draw", drawing)
    svgs(a_figure(PANELS["curve"]), ("light", "dark"))
    assert drawn == ["light"]
    svgs(a_figure(PANELS["empty cells"]), ("light", "dark"))
    assert drawn == ["light", "light", "dark"]


def test_a_figure_is_saved_as_its_name_says_and_comes_back_from_json(tmp_path: Path) -> None:
    figure = a_figure()
    paths = [tmp_path / name for name in ("f.png", "f.SVG", "f.figure.json")]
    save(figure, *paths)
    assert paths[0].read_bytes() == png(figure)
    assert paths[1].read_bytes() == svg(figure)
    assert Figure.model_validate_json(paths[2].read_bytes()) == figure
    assert json.loads(paths[2].read_bytes())["block"] == "figure"


def test_a_name_without_a_known_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names no format"):
        save(a_figure(), tmp_path / "f.png", tmp_path / "f.jpg")
    assert list(tmp_path.iterdir()) == []


def test_the_package_is_light_until_it_draws_and_never_loads_pyplot() -> None:
    code = (
        "import sys, pfd_plots; light = 'matplotlib' not in sys.modules; pfd_plots.png; "
        "print(light, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"

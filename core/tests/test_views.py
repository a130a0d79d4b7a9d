"""Views: what blocks take in, and what they make of it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pfd import views
from pfd.views import (
    BLOCKS,
    Axis,
    Band,
    Bars,
    Column,
    Curve,
    Diagonal,
    Figure,
    Frame,
    Link,
    Matrix,
    Metric,
    Metrics,
    Note,
    Panel,
    Points,
    Provenance,
    Rule,
    Table,
    columns,
    in_short,
    kept,
    role_numbers,
    to_plotly,
)

ORDER, LEVEL = Axis(label="order"), Axis(label="level", unit="m/s²")
ALT = "A level over orders, with a peak at three."


def a_figure(*marks: Any, **given: Any) -> Figure:
    return Figure(title="A figure", alt=ALT, panels=(Panel(x=ORDER, y=LEVEL, marks=marks, **given),))


ALL_MARKS = (
    Curve(x=[0, 1, 2], y=[1, None, 3], name="a"),
    Band(x=[0, 1], low=[0, 0], high=[1, 2], name="b"),
    Points(x=[0.5], y=[0.5], name="c"),
    Bars(labels=["u", "v"], values=[1, 2], deviations=[0.1, 0.2], faded={1}),
    Matrix(values=[[1, 2], [3, None]], label="r", diverging=True, frames=(Frame(first=0, last=1),)),
    Rule(x=1.5, name="BPFO"),
    Rule(y=2, to=3),
    Diagonal(name="chance"),
    Note(text="no fault lines"),
)


class Array:
    """What arrays of NumPy, torch and pandas have in common, as far as views ask for it."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def tolist(self) -> Any:
        return self._values


def test_a_column_takes_any_array_and_what_is_no_number_is_a_gap() -> None:
    curve = Curve(x=Array([0, 1, 2, 3]), y=(Array(1.5), math.nan, math.inf, True))
    assert (curve.x, curve.y) == ((0.0, 1.0, 2.0, 3.0), (1.5, None, None, 1.0))


@pytest.mark.parametrize("column", ["123", ["1"], [[1]], 3, None, [object()]])
def test_a_column_takes_nothing_that_only_looks_like_numbers(column: Any) -> None:
    with pytest.raises(ValidationError, match="not a"):
        Curve(x=column, y=column)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Curve(x=[1, 2], y=[1]), "2 values of x, 1 values of y"),
        (lambda: Band(x=[1], low=[1], high=[]), "0 values of high"),
        (lambda: Bars(labels=["a"], values=[1, 2]), "1 values of labels"),
        (lambda: Bars(labels=["a"], values=[1], deviations=[1, 2]), "2 values of deviations"),
        (lambda: Matrix(values=[[1], [1, 2]], label="r"), "rows of one length"),
        (lambda: Matrix(values=[[1]], label="r", row_labels=["a", "b"]), "2 row_labels for 1 rows"),
        (lambda: Matrix(values=[[1] * 33] * 32, label="r", written=True), "written in 1056 cells, more than 1024"),
        (lambda: Curve(x=[0, 1], y=[1e308, -1e308]), "too large to be drawn: at most 1e.100"),
        (lambda: Curve(x=[0, 1], y=[1, 10**200]), "too large to be drawn"),
        (lambda: Axis(label="f", high=2e100), "too large to be drawn"),
        (lambda: Matrix(values=[[1]], label="r", x=(0, 1e308)), "too large to be drawn"),
        (Rule, "at a value of x, or at one of y"),
        (lambda: Rule(x=1, y=1), "at a value of x, or at one of y"),
        (lambda: Axis(label="f", scale="log", low=0), "limits above 0"),
        (lambda: Axis(label=" "), "is empty"),
        (lambda: Axis(label="f", ticks=[1], tick_labels=["a", "b"]), "2 tick_labels for 1 ticks"),
        (lambda: Figure(title="t", alt="short", panels=a_figure(*ALL_MARKS).panels), "says too little"),
        (lambda: Table(columns=(Column(name="a"),), rows=((1, 2),)), "row 0 has 2 cells for 1 columns"),
        (lambda: Curve.model_validate({"x": [1], "y": [1], "colour": "red"}), "colour"),
        (lambda: Link(kind="a job", id=1), "kind"),
    ],
)
def test_what_fits_together_nowhere_is_refused_and_says_what(make: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        make()


def test_foreign_texts_are_shown_as_they_are_and_steer_nothing() -> None:
    figure = a_figure(Curve(x=[1], y=[1], name="a\x1b[31m\nb"), title="\u202ex")
    assert figure.panels[0].marks[0].name == "a\\x1b[31m b"
    assert figure.panels[0].title == "\\u202ex"
    assert views.Text(text="one\n\x07two").text == "one\n\\x07two"
    assert len(views.Text(text="x" * 100_000).text) == 20_000


def test_a_cell_is_what_it_was_given_as_and_no_number_is_nothing() -> None:
    row = (True, 1, 1.5, "1", None, math.nan, Array(7), Link(kind="job", id="x"))
    table = Table(columns=tuple(Column(name=str(number)) for number in range(8)), rows=(row,))
    [cells] = table.rows
    assert [type(cell) for cell in cells] == [bool, int, float, str, type(None), type(None), int, Link]


@pytest.mark.parametrize("mark", ALL_MARKS, ids=lambda mark: mark.mark)
def test_each_mark_comes_back_from_json_as_it_was(mark: Any) -> None:
    blocks = (a_figure(mark), Metrics(items=(Metric(name="acc", value=0.9, low=0.8, high=0.95),)))
    assert BLOCKS.validate_json(BLOCKS.dump_json(blocks)) == blocks


def test_the_schema_of_blocks_can_be_written_down() -> None:
    assert len(BLOCKS.json_schema()["items"]["oneOf"]) == 7


def test_a_leaky_split_is_a_caution_of_the_figure() -> None:
    leaky = Provenance(text="random windows of the same bearings", leaky=True)
    figure = a_figure(*ALL_MARKS, provenance=leaky, cautions=["few windows"])
    assert figure.all_cautions == ("leaky split: random windows of the same bearings", "few windows")
    assert a_figure(*ALL_MARKS, provenance=leaky.model_copy(update={"leaky": False})).all_cautions == ()


def test_colours_count_the_marks_of_the_series_and_no_others() -> None:
    marks = (Diagonal(), Curve(x=[], y=[]), Rule(x=1, role="muted"), Curve(x=[], y=[]), Curve(x=[], y=[], series=5))
    assert list(role_numbers(Panel(x=ORDER, y=LEVEL, marks=marks))) == [0, 0, 0, 1, 5]


# -- long curves ------------------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.none(), st.floats(-9, 9)), max_size=400), st.integers(5, 80))
def test_a_long_column_keeps_its_extremes_its_ends_and_that_it_has_gaps(values: list[float | None], most: int) -> None:
    chosen = kept(values, most)
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= max(most, 1) if len(values) > most else chosen == list(range(len(values)))
    seen = [values[index] for index in chosen]
    if values:
        assert (chosen[0], chosen[-1]) == (0, len(values) - 1)
        assert (None in seen) == (None in values)
        present = [value for value in values if value is not None]
        if present:
            assert (min(present), max(present)) == (
                min(value for value in seen if value is not None),
                max(value for value in seen if value is not None),
            )


def test_one_impulse_among_a_million_samples_is_still_seen() -> None:
    levels = [0.0] * 1_000_000
    levels[123_457] = 9.0
    [curve] = a_figure(Curve(x=range(len(levels)), y=levels)).decimated().panels[0].marks
    assert isinstance(curve, Curve)
    assert len(curve.y) <= 4000
    assert curve.x[curve.y.index(9.0)] == 123_457


def test_points_far_out_to_the_side_are_kept_as_well() -> None:
    x = [float(number % 7) for number in range(50_000)]
    x[31_000] = 50.0
    [mark] = a_figure(Points(x=x, y=[0.0] * len(x))).decimated().panels[0].marks
    assert isinstance(mark, Points)
    assert max(mark.x) == 50.0
    assert len(mark.x) <= 8000


def test_a_band_keeps_its_outermost_edges() -> None:
    low, high = [0.0] * 50_000, [1.0] * 50_000
    low[7], high[40_000] = -5.0, 8.0
    [band] = a_figure(Band(x=range(50_000), low=low, high=high)).decimated().panels[0].marks
    assert isinstance(band, Band)
    assert (min(band.low), max(band.high), len(band.x) <= 4000) == (-5.0, 8.0, True)


# -- plotly -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_figure_for_plotly_is_json_and_holds_every_mark(theme: Any) -> None:
    drawn = json.loads(json.dumps(to_plotly(a_figure(*ALL_MARKS), theme), allow_nan=False))
    kinds = [(trace["type"], trace.get("mode")) for trace in drawn["data"]]
    assert kinds.count(("heatmap", None)) == 1
    assert kinds.count(("bar", None)) == 1
    assert kinds.count(("scatter", "markers")) == 1
    assert kinds.count(("scatter", "lines")) == 5  # a curve, two of a band, a diagonal, a rule in the legend
    assert [shape["type"] for shape in drawn["layout"]["shapes"]] == ["rect", "line", "rect"]
    assert drawn["layout"]["meta"]["alt"] == ALT
    assert drawn["layout"]["yaxis"]["title"]["text"] == "level, m/s²"


@pytest.mark.parametrize(
    ("axis", "range_", "autorange"),
    [
        (Axis(label="f", low=1, high=100, scale="log"), [0.0, 2.0], False),
        (Axis(label="f", low=0), [0.0, None], "max"),
        (Axis(label="f", high=100, scale="log"), [None, 2.0], "min"),
        (Axis(label="f"), None, None),
    ],
)
def test_each_limit_of_an_axis_is_one_in_plotly(axis: Axis, range_: Any, autorange: Any) -> None:
    panel = Panel(x=axis, y=LEVEL, marks=(Curve(x=[1], y=[1]),))
    drawn = to_plotly(Figure(title="t", alt=ALT, panels=(panel,)))["layout"]["xaxis"]
    assert (drawn.get("range"), drawn.get("autorange")) == (range_, autorange)


def test_what_a_panel_shows_is_handed_on_to_who_can_lead_there() -> None:
    figure = a_figure(*ALL_MARKS, link=Link(kind="recording", id=12, start=1.5))
    assert to_plotly(figure)["layout"]["meta"]["links"] == [
        {"kind": "recording", "id": 12, "of": None, "start": 1.5, "label": "", "part": "link"}
    ]


def test_plotly_is_given_no_markup_of_others() -> None:
    evil = "<a href='x'>y</a>"
    figure = Figure(
        title=evil,
        alt=ALT + evil,
        notes=(evil,),
        cautions=(evil,),
        panels=(
            Panel(
                title=evil,
                legend=evil,
                lines=(evil,),
                provenance=Provenance(text=evil, leaky=True),
                x=Axis(label=evil, unit=evil, ticks=[1], tick_labels=[evil]),
                y=LEVEL,
                marks=(
                    Curve(x=[1], y=[1], name=evil),
                    Note(text=evil),
                    Bars(labels=[evil], values=[1]),
                    Matrix(values=[[1]], label=evil, row_labels=[evil]),
                ),
            ),
        ),
    )
    drawn = to_plotly(figure)
    drawn["layout"].pop("meta")  # which is drawn nowhere
    assert "<a" not in json.dumps(drawn)
    assert "&lt;a" in json.dumps(drawn)


def test_panels_for_plotly_stand_beside_and_below_each_other_and_never_on_one_another() -> None:
    panels = tuple(Panel(x=ORDER, y=LEVEL, marks=(Diagonal(),), share=share) for share in (1, 2, 1, 1, 1))
    layout = to_plotly(Figure(title="t", alt=ALT, panels=panels, columns=2))["layout"]
    places = [
        (*layout[f"xaxis{number or ''}"]["domain"], *layout[f"yaxis{number or ''}"]["domain"])
        for number in (None, 2, 3, 4, 5)
    ]
    for index, (left, right, bottom, top) in enumerate(places):
        assert 0 <= left < right <= 1.0 + 1e-9
        assert 0 <= bottom < top <= 1.0 + 1e-9
        for other in places[:index]:
            apart = right <= other[0] or other[1] <= left or top <= other[2] or other[3] <= bottom
            assert apart, (places[index], other)
    assert places[1][1] - places[1][0] == pytest.approx(2 * (places[0][1] - places[0][0]))


def test_views_need_no_numerical_and_no_plotting_library() -> None:
    code = (
        "import sys; from pfd.views import *; import pfd.views as v; [getattr(v, n) for n in v.__all__]; "
        "print([n for n in ('numpy', 'matplotlib', 'plotly', 'sqlalchemy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_stands_at_the_end_of_a_rule_is_written_outside_its_panel() -> None:
    marks = (Curve(x=[0, 4], y=[1, 9]), Rule(x=1, to=3, label="<1×>"), Rule(y=4, label="limit"))
    above, beside = to_plotly(a_figure(*marks))["layout"]["annotations"][:2]
    assert (above["text"], above["x"], above["y"], above["yanchor"]) == ("&lt;1×&gt;", 2, 1, "bottom")
    assert (beside["text"], beside["x"], beside["y"], beside["xanchor"]) == ("limit", 1, 4, "left")
    logarithmic = Panel(x=Axis(label="f", scale="log"), y=LEVEL, marks=(Rule(x=100, label="BPFO"),))
    [label] = to_plotly(Figure(title="t", alt=ALT, panels=(logarithmic,)))["layout"]["annotations"]
    assert label["x"] == pytest.approx(2)


def test_a_shaded_strip_with_a_name_is_listed_as_what_it_looks_like() -> None:
    strip, line = to_plotly(a_figure(Rule(x=1, to=2, name="band"), Rule(x=1, name="BPFO")))["data"]
    assert (strip["name"], strip["mode"], strip["marker"]["symbol"]) == ("band", "markers", "square")
    assert (line["name"], line["mode"]) == ("BPFO", "lines")


def test_panels_of_a_row_that_share_an_axis_do_so_for_plotly_each_row_for_itself() -> None:
    panels = tuple(Panel(x=ORDER, y=LEVEL, marks=(Diagonal(),)) for _ in range(4))
    layout = to_plotly(Figure(title="t", alt=ALT, panels=panels, columns=2, share_y=True))["layout"]
    assert [layout[f"yaxis{number}"].get("matches") for number in ("", 2, 3, 4)] == [None, "y", None, "y3"]
    assert [layout[f"yaxis{number}"].get("showticklabels") for number in ("", 2)] == [None, False]
    assert "title" not in layout["yaxis2"]


def test_each_matrix_has_its_scale_of_colours_beside_or_below_its_own_panel() -> None:
    cells = (Matrix(values=[[1, 2]], label="r"),)
    panels = tuple(Panel(x=ORDER, y=LEVEL, marks=cells, legend_below=below) for below in (False, True))
    drawn = to_plotly(Figure(title="t", alt=ALT, panels=panels))
    beside, below = (trace["colorbar"] for trace in drawn["data"])
    assert (beside["x"], beside["xanchor"]) == (drawn["layout"]["xaxis"]["domain"][1], "left")
    left, right = drawn["layout"]["xaxis2"]["domain"]
    assert (below["orientation"], below["y"], below["x"]) == ("h", 0.0, pytest.approx((left + right) / 2))


def test_rows_of_panels_for_plotly_are_as_high_as_they_need_however_many_there_are() -> None:
    panels = tuple(Panel(title=f"class {row}", x=ORDER, y=LEVEL, marks=(Curve(x=[1], y=[1]),)) for row in range(40))
    few = to_plotly(Figure(title="t", alt=ALT, panels=panels[:2], columns=2))["layout"]
    many = to_plotly(Figure(title="t", alt=ALT, panels=panels, columns=2))["layout"]
    assert many["height"] > 15 * few["height"]
    heights = [
        (layout["yaxis"]["domain"][1] - layout["yaxis"]["domain"][0]) * layout["height"] for layout in (few, many)
    ]
    assert all(200 < height < 400 for height in heights)


def test_panels_and_texts_for_plotly_fit_the_width_that_is_given() -> None:
    panels = tuple(Panel(x=ORDER, y=LEVEL, marks=(Curve(x=[1], y=[1]),)) for _ in range(2))
    figure = Figure(title="t", alt=ALT, panels=panels, notes=("word " * 60,))
    wide, narrow = (to_plotly(figure, width=width)["layout"] for width in (1200, 400))
    assert wide["xaxis2"]["domain"][0] > 0.4
    assert narrow["xaxis2"]["domain"][0] == 0
    lines = [[len(line) for line in layout["annotations"][-1]["text"].split("<br>")] for layout in (wide, narrow)]
    assert max(lines[0]) > 100
    assert max(lines[1]) <= 70


def test_names_that_have_no_room_beside_a_matrix_for_plotly_are_thinned_out() -> None:
    names = [f"feature {number}" for number in range(60)]
    cells = Matrix(values=[[0.0] * 60] * 60, label="r", row_labels=names, column_labels=names)
    panel = Panel(x=ORDER, y=LEVEL, marks=(cells,), equal=True)
    wide, narrow = (to_plotly(Figure(title="t", alt=ALT, panels=(panel,)), width=width) for width in (1200, 400))
    assert len(wide["layout"]["yaxis"]["ticktext"]) == 60
    assert 5 < len(narrow["layout"]["yaxis"]["ticktext"]) < 40
    assert narrow["layout"]["yaxis"]["ticktext"][1] == names[narrow["layout"]["yaxis"]["tickvals"][1]]


@pytest.mark.parametrize(("text", "most", "short"), [("abc", 3, "abc"), ("a" * 20 + "-17", 9, "aaaaa…-17")])
def test_a_name_is_shortened_in_its_middle(text: str, most: int, short: str) -> None:
    assert in_short(text, most) == short


def test_columns_are_made_of_names_and_units() -> None:
    assert columns("class", ("length", "s")) == (Column(name="class"), Column(name="length", unit="s"))

"""Tables on a narrow terminal: words stay whole, and what has to go is said."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfd import console
from pfd.columns import least_width, room, widths


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=8),
    st.integers(1, 200),
    st.sets(st.integers(0, 7), max_size=2),
)
def test_widths_take_no_more_than_there_is_and_break_words_only_where_they_must(
    columns: list[tuple[int, int]], available: int, whole: set[int]
) -> None:
    natural = [max(pair) for pair in columns]
    least = [min(pair) for pair in columns]
    found = widths(natural, least, available, whole)
    assert all(1 <= one <= most for one, most in zip(found, natural, strict=True))
    assert sum(found) <= max(available, len(found))
    if sum(least) <= available:
        assert all(one >= few for one, few in zip(found, least, strict=True))
        assert sum(found) == min(available, sum(natural))
    elif any(found[i] < least[i] for i in whole if i < len(found)):
        assert all(one == 1 for i, one in enumerate(found) if i not in whole)


def test_a_path_may_be_broken_and_a_word_not() -> None:
    assert least_width(["generate_roc_analysis_task of all", "x"]) == 26
    assert least_width(["/" + "x" * 200]) == 40
    assert least_width(["", " "]) == 0
    assert room(80, 4) == 74


ROWS = [
    ("0c669305", "generate_roc_analysis_task", "FAILURE", "100%", "a status of some words", "evaluation", 1, "30 min"),
    ("0c669306", "train_model_task", "PROGRESS", "5%", "another", "training", 12, "2 d"),
]
COLUMNS = ("id", "task", "state", "done", "status", "queue", "attempt", "age")


@pytest.mark.parametrize("width", [80, 90, 120, 200])
def test_no_word_of_a_table_of_jobs_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    monkeypatch.setattr(console, "on_terminal", lambda *_: True)
    monkeypatch.setenv("COLUMNS", str(width))
    console.print_table(COLUMNS, ROWS, right={3, 6, 7}, wide=4, optional=(6, 5, 3))
    out = re.sub("\x1b[^m]*m", "", capsys.readouterr().out)
    lines = out.splitlines()
    assert all(len(line.rstrip()) <= width for line in lines), out
    for word in ("0c669305", "generate_roc_analysis_task", "train_model_task", "FAILURE", "30 min"):
        assert word in out, out
    assert ("attempt" in lines[-1]) is (width < 120), out
    assert ("12" in lines[2].split()) is (width >= 120), out


@pytest.mark.parametrize("width", [40, 50, 60])
def test_on_a_very_narrow_terminal_the_id_stays_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    monkeypatch.setattr(console, "on_terminal", lambda *_: True)
    monkeypatch.setenv("COLUMNS", str(width))
    console.print_table(COLUMNS, ROWS, right={3, 6, 7}, wide=4, optional=(6, 5, 3))
    lines = re.sub("\x1b[^m]*m", "", capsys.readouterr().out).splitlines()
    assert {line[:8] for line in lines} >= {"0c669305", "0c669306"}
    assert all(len(line.rstrip()) <= width for line in lines[:-1])


@pytest.mark.parametrize("width", [40, 80, 200])
def test_characters_that_take_two_places_are_counted_as_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    monkeypatch.setattr(console, "on_terminal", lambda *_: True)
    monkeypatch.setenv("COLUMNS", str(width))
    console.print_table(("name", "value"), [("数据集", "轴承"), ("b", "轴承" * 60)], wide=1)
    lines = re.sub("\x1b[^m]*m", "", capsys.readouterr().out).splitlines()
    assert len(lines) == 3, lines
    assert lines[1].startswith("数据集")
    assert "轴承" in lines[1]


def test_in_a_pipe_nothing_is_left_out(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    console.print_table(COLUMNS, ROWS, right={3, 6, 7}, wide=4, optional=(6, 5, 3))
    out = capsys.readouterr().out
    assert "evaluation" in out
    assert "without" not in out


def test_a_moment_names_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert console.moment(0.0) == "1970-01-01 01:00:00 CET"
        assert console.moment(None) == ""
    finally:
        monkeypatch.undo()
        time.tzset()

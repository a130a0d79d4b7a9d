"""Foreign texts in pictures are drawn as they are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pfd_plots import plain_lines, plain_text
from tests.support.hostile import ALL_HOSTILE as HOSTILE


def shown(text: str) -> str:
    """What matplotlib draws of a text, which must be no formula."""
    figure = Figure()
    drawn: Any = figure.text(0, 0, text)
    plain, is_formula = drawn._preprocess_math(text)
    assert not is_formula, text
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return str(plain)


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text)[:20] for text in HOSTILE])
def test_a_foreign_text_is_drawn_as_it_is(text: str) -> None:
    drawn = shown(plain_text(text))
    assert len(drawn) <= 60
    assert "\n" not in drawn
    if len(text) < 60 and text.isascii() and text.isprintable():
        assert drawn == text
    assert all(len(shown(line)) <= 50 for line in plain_lines(text, 50))
    assert len(plain_lines(text, 50)) <= 12


@settings(max_examples=60, deadline=None)
@given(st.text(st.one_of(st.sampled_from("$\\{}^_ a"), st.characters(exclude_categories=())), max_size=90))
def test_any_text_is_drawn(text: str) -> None:
    shown(plain_text(text))
    for line in plain_lines(text, 10):
        shown(line)


def test_names_that_differ_at_their_end_are_told_apart() -> None:
    first, second = (plain_text(f"{'rig-' * 40}{number}") for number in (1, 2))
    assert first != second
    assert first.startswith("rig-rig-")
    assert plain_text("軸") != plain_text("承")

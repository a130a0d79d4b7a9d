"""Results on terminals of several widths and in a pipe."""

from __future__ import annotations

import pytest

from pfd.cli.output import clean, counted, short_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (0.0, "0.0"),
        (-3.0, "-3.0"),
        (100.04, "100.0"),
        (2 / 3, "0.6667"),
        (1797.3, "1797"),
        (12000.0, "12000"),
        (1234567.8, "1234568"),
        (1e-7, "1e-07"),
        (3e20, "3e+20"),
        (float("inf"), "inf"),
        (7, "7"),
        (True, "true"),
    ],
)
def test_a_number_is_plain_text_that_a_program_and_a_terminal_can_read(value: object, text: str) -> None:
    assert short_value(value) == text
    assert clean(text) == text


def test_one_of_a_thing_is_not_many() -> None:
    assert [counted(n, "bearing") for n in (0, 1, 2)] == ["0 bearings", "1 bearing", "2 bearings"]
    assert [counted(n, "entry", "entries") for n in (1, 2)] == ["1 entry", "2 entries"]

"""Texts and numbers of a view, safe to show and to store whatever a task or a file has put into them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pfd.characters import one_line

LONGEST_LINE, LONGEST_TEXT = 1_000, 20_000
"""Characters of a title, a label or a cell, and of a text of several lines."""


LARGEST = 1e100
"""Of numbers that are drawn, in size: beyond it the range of an axis, or its square, is more than a float holds."""


class ViewModel(BaseModel):
    """What views are made of: unknown fields are refused, and nothing is changed once it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False, hide_input_in_errors=True)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def in_short(text: str, most: int = 40) -> str:
    """A name by its beginning and its end, where it has more than `most` characters: both may tell it from others."""
    tail = most // 3
    return text if len(text) <= most else f"{text[: most - tail - 1]}…{text[-tail:]}"


def _as_line(value: object) -> object:
    return _shortened(one_line(value), LONGEST_LINE) if isinstance(value, str) else value


def _as_text(value: object) -> object:
    if not isinstance(value, str):
        return value
    lines = value.replace("\r\n", "\n").split("\n")
    return _shortened("\n".join(one_line(line) for line in lines), LONGEST_TEXT)


def as_plain(value: Any) -> Any:
    """A value as Python's own: arrays and scalars of NumPy, torch and pandas have `tolist`, and are known by that."""
    to_list = getattr(value, "tolist", None)
    return to_list() if callable(to_list) else value


def as_number(value: Any) -> Any:
    """A scalar as Python's own, None for NaN and infinities."""
    plain = as_plain(value)
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def _drawable(number: float) -> float:
    if abs(number) > LARGEST:
        raise ValueError(f"{number} is too large to be drawn: at most {LARGEST:g} in size")
    return number


def _as_number(value: Any) -> float | None:
    plain = as_plain(value)
    if plain is None:
        return None
    if not isinstance(plain, float | int):  # a text of digits is a text
        raise ValueError(f"{type(value).__name__} is not a number")
    try:
        number = float(plain)
    except OverflowError:
        return None
    return _drawable(number) if math.isfinite(number) else None


def _as_numbers(values: Any) -> tuple[float | None, ...]:
    plain = as_plain(values)
    if isinstance(plain, str | bytes) or not isinstance(plain, Iterable):
        raise ValueError(f"{type(values).__name__} is not a column of numbers")
    least, most = -LARGEST, LARGEST  # of a recording there are millions, all of them floats
    return tuple(
        [
            number
            if type(number) is float and least < number < most
            else None
            if number is None
            else _as_number(number)
            for number in plain
        ]
    )


def _as_texts(values: Any) -> Any:
    plain = as_plain(values)
    return tuple(plain) if isinstance(plain, list) else plain


Line = Annotated[str, BeforeValidator(_as_line)]
"""A text on one line, what is not shown written as escapes."""

Lines = Annotated[str, BeforeValidator(_as_text)]
"""A text of several lines, what is not shown written as escapes."""

Number = Annotated[float | None, BeforeValidator(_as_number)]
"""A number; NaN and infinities are None, which is drawn as a gap."""

Finite = Annotated[float, BeforeValidator(as_plain), Field(allow_inf_nan=False), AfterValidator(_drawable)]

Numbers = Annotated[Any, BeforeValidator(_as_numbers)]
"""A column of numbers, given as any kind of array, kept as a tuple of `float | None`: NaN and infinities are None.

Checked by `_as_numbers` alone: pydantic takes five times as long for a million of them.
"""

Rows = Annotated[tuple[Numbers, ...], BeforeValidator(as_plain)]
"""A matrix by rows, likewise."""

Words = Annotated[tuple[Line, ...], BeforeValidator(_as_texts)]


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


Title = Annotated[Line, AfterValidator(_not_blank)]
"""A line that says something."""

"""Places in a file, as a mapping names them, and what lies there.

A place is a variable, or a pattern for its name, and steps into it: `run.vibration(2)`, `cells{3}`, and
`N*.Y[Name=speed].Data` for that element of a struct array whose field has a value.  An index counts elements, of a
matrix its rows.  A function makes one number of a vector: `mean(speed)`, `median(speed)`, and `rate(time)`, the samples
a second of a vector of moments in s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_mat_import.recorded_file import Alias

_FUNCTION = re.compile(r"(mean|median|rate)\((.+)\)")
_HEAD = re.compile(r"(?:[^.({\[]|\[(?!\w+=))+")
_STEP = re.compile(r"\.(\w+)|\((\d+)\)|\{(\d+)\}|\[(\w+)=([^\]]*)\]")
_SHOWN = 10

UNEVEN = 1e-3
"""Steps of a time vector may differ by this share of a step, beside what rounding makes of them."""

MOST = 1e100
"""Numbers beyond this are taken for none: a sum of their squares would not be finite."""

_Step = str | int | tuple[str, str]
"""A field, an index from 1, or the field and the value of it by which an element is found."""


@dataclass(frozen=True)
class Place:
    """A place in a file: what is made of it, the variable or a pattern for it, and the steps into it."""

    text: str
    function: str | None
    head: str
    steps: tuple[_Step, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """Raises `DataError` where the text is no place."""
        function = _FUNCTION.fullmatch(text)
        inner = function[2] if function else text
        head = _HEAD.match(inner)
        at = head.end() if head else 0
        steps: list[_Step] = []
        while match := _STEP.match(inner, at):
            index = match[2] or match[3]
            steps.append((match[4], match[5]) if match[4] else int(index) if index else match[1])
            at = match.end()
        if head is None or at < len(inner):
            raise DataError(
                f"mapping: {text!r} is no place such as run.vibration(2)",
                hint="name a column whose name holds dots or brackets by its number, as '2', or a pattern, as 'Acc*'",
            )
        return cls(text, function[1] if function else None, head[0], tuple(steps))

    @property
    def is_variable(self) -> bool:
        """Whether it is a whole variable, and nothing in it or made of it."""
        return self.function is None and not self.steps

    def fitting(self, names: Iterable[str]) -> list[str]:
        """Which of these variables it may be: the one of that name, else those that the pattern fits, no `Alias`."""
        held = list(names)
        fits = [name for name in held if not isinstance(name, Alias) and fnmatchcase(name, self.head)]
        return [name for name in held if name == self.head] or fits

    def each(self, names: Iterable[str]) -> list[Place]:
        """The same place in each of the variables that it fits."""
        at = len(f"{self.function}(") if self.function else 0
        before, after = self.text[:at], self.text[at + len(self.head) :]
        return [replace(self, text=f"{before}{name}{after}", head=name) for name in self.fitting(names)]

    def absent(self, names: Iterable[str]) -> str:
        """Words for that no variable of a file fits, and which there are."""
        held = [name[:40] for name in names]
        more = f", and {len(held) - _SHOWN} more" if len(held) > _SHOWN else ""
        return f"{self.head} is not a variable of the file; it has {', '.join(held[:_SHOWN]) or 'none'}{more}"

    def value(self, values: Mapping[str, Any]) -> Any:
        """What lies there; indices count from 1, in structs, cells and struct arrays.

        Raises
        ------
        DataError : there is no such place, or a pattern fits several variables.
        """
        names = self.fitting(values)
        if len(names) != 1:
            raise DataError(f"{self.head} fits {', '.join(names[:3])}" if names else self.absent(values))
        value = values[names[0]]
        for step in self.steps:
            value = _taken(value, step, self.text)
        return FUNCTIONS[self.function](value, self.text) if self.function else value


def lookup(values: Mapping[str, Any], text: str) -> Any:
    """What lies at a place.  Raises `DataError` where there is none."""
    return Place.of(text).value(values)


def number_at(values: Mapping[str, Any], given: float | str) -> float:
    """A number, or the one at a place.  Raises `DataError` where there is none."""
    if isinstance(given, float | int):
        return float(given)
    value = lookup(values, given)
    if np.size(value) > 1 and not isinstance(value, str):
        raise DataError(f"{given} holds {np.size(value):,} values, and one is needed; {given}(1) is the first")
    found = single(value, given)
    if isinstance(found, str) or not np.isfinite(found):
        raise DataError(f"{given} is {str(found)[:40]!r}, not a number")
    return found


def single(value: Any, place: str) -> float | str:
    """The one number or text that a value is.  Raises `DataError` where it is none, or several."""
    if isinstance(value, list | Mapping):  # NumPy would try to make an array of it
        raise DataError(f"{place} holds no single number or text")
    array = np.asarray(value)
    if array.size == 1 and array.dtype.kind in "fiub":
        return float(array.item())
    if array.size == 1 and array.dtype.kind == "U":
        return str(array.item())
    of_many = f"; of its {array.size:,} values, mean({place}) is one" if array.size > 1 and _are_numbers(array) else ""
    raise DataError(f"{place} holds no single number or text{of_many}")


def one_each(value: Any, place: str, count: int) -> list[float | str]:
    """A value for each of `count` recordings: as many as there are, or one for all.

    Raises
    ------
    DataError : there are more of them, or fewer, or they are neither numbers nor texts.
    """
    if count == 1:
        return [single(value, place)]
    items = list(value) if isinstance(value, list) else list(np.asarray(value).ravel())
    if len(items) not in (1, count):
        raise DataError(f"{place} holds {len(items):,} values, for {count:,} recordings")
    found = [single(item, place) for item in items]
    return found if len(found) == count else found * count


def _taken(value: Any, step: _Step, place: str) -> Any:
    if isinstance(step, str):
        return _field(value, step, place)
    return _item(value, step, place) if isinstance(step, int) else _element(value, *step, place)


def _field(value: Any, name: str, place: str) -> Any:
    if isinstance(value, Mapping) and name in value:
        return value[name]
    held = ", ".join(map(str, value)) if isinstance(value, Mapping) else f"a {type(value).__name__}"
    raise DataError(f"{place}: there is no field {name}, but {held[:100]}")


def _items(value: Any) -> Any:
    many = isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)
    return value if many else [value]  # a cell or struct array of one is read as what is in it


def _item(value: Any, number: int, place: str) -> Any:
    items = _items(value)
    if not 1 <= number <= len(items):
        raise DataError(f"{place}: there is no ({number}) of {len(items)}")
    return items[number - 1]


def _element(value: Any, name: str, text: str, place: str) -> Any:
    """The one element of a struct array whose field has a value."""
    told = [str(_field(item, name, place)).strip() for item in _items(value)]
    at = [index for index, held in enumerate(told) if held == text.strip()]
    if len(at) != 1:
        held = ", ".join(one[:40] for one in told[:_SHOWN]) + (", …" if len(told) > _SHOWN else "")
        raise DataError(f"{place}: {name}={text} is {'none' if not at else f'{len(at)}'} of {held}")
    return _items(value)[at[0]]


def _are_numbers(array: npt.NDArray[Any]) -> bool:
    return array.dtype.kind in "fiu"


def vector(value: Any, place: str) -> npt.NDArray[np.float64]:
    """Numbers that can be reckoned with, float64 `(n,)`.  Raises `DataError` for anything else."""
    array = np.asarray(None if isinstance(value, list | Mapping) else value)
    if not _are_numbers(array) or array.size < 1 or array.size != max(array.shape, default=1):
        raise DataError(f"{place} is not a vector of numbers")
    found = array.ravel().astype(np.float64)
    bad = np.flatnonzero(~(np.abs(found) < MOST))
    if bad.size:
        raise DataError(
            f"{place}: {bad.size:,} of its {found.size:,} values are not numbers, the first is number {bad[0] + 1:,}; "
            "gaps of what is not a channel are not filled"
        )
    return found


def _mean(value: Any, place: str) -> float:
    return float(vector(value, place).mean())


def _median(value: Any, place: str) -> float:
    return float(np.median(vector(value, place)))


def _rate(value: Any, place: str) -> float:
    """Samples a second out of moments in s.

    Raises
    ------
    DataError : they do not rise, or in steps that differ by more than they are rounded.
    """
    moments = vector(value, place)
    if moments.size < 3:
        raise DataError(f"{place}: {moments.size} moments tell no rate")
    steps = np.diff(moments)
    if steps.min() <= 0:
        at = steps.argmin()
        raise DataError(f"{place}: its moments do not rise: after {moments[at]:.9g} s comes {moments[at + 1]:.9g} s")
    mean = float(moments[-1] - moments[0]) / steps.size
    rounding = _rounding(moments, np.asarray(value).dtype)
    if max(steps.max() - mean, mean - steps.min()) > min(rounding, mean / 2) + UNEVEN * mean:
        raise DataError(
            f"{place}: its steps are uneven, {steps.min():.6g} to {steps.max():.6g} s; "
            "bring the recording to one rate, or say its sample_rate_hz"
        )
    return shortest(1 / mean, 2 * rounding / (moments[-1] - moments[0]))


def _rounding(moments: npt.NDArray[np.float64], kind: np.dtype[Any]) -> float:
    """By how much moments are off at most, from the number of decimals that they have."""
    eps = float(np.finfo(kind if kind.kind == "f" else np.float64).eps) * 4 * float(np.abs(moments).max())
    for decimals in range(13):
        if np.abs(np.round(moments, decimals) - moments).max() <= eps:
            return float(10.0**-decimals + eps)
    return eps


def shortest(value: float, uncertainty: float = 0.0) -> float:
    """The number of the fewest digits that is within a relative uncertainty: 1 / 1.953125e-05 is 51200."""
    for digits in range(1, 13):
        short = float(f"{value:.{digits}g}")
        if abs(short - value) <= max(uncertainty, 1e-12) * abs(value):
            return short
    return value


FUNCTIONS: Mapping[str, Callable[[Any, str], float]] = {"mean": _mean, "median": _median, "rate": _rate}
"""What makes one number of a vector."""

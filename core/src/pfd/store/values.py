"""Values of parameters and results as JSON: scalars of NumPy become numbers, and what JSON would change is named."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from pfd.errors import ParameterError, shown
from pfd.store.encoding import clean_text, decode, encode

MAX_DEPTH = 64
"""Levels within which the value is looked for that is not JSON; further in, the field alone is named."""

HINT = (
    "give finite numbers, texts, lists and objects of them; keep arrays, models and bytes in a file, and give its path"
)

Problem = tuple[str, object, str]
"""Where a value stands, the value, and what is wrong with it."""


def as_number(value: Any) -> Any:
    """The number that a scalar of NumPy is, or a tensor without dimensions.  Raises `ValueError` for all else.

    Told by what they have in common: the core imports none of their libraries.
    """
    with contextlib.suppress(Exception):  # of a foreign class, which may make anything of a question
        # What an item of NumPy's times is depends on their unit: it may be a bare count.
        if value.ndim == 0 and getattr(value.dtype, "kind", "") not in ("m", "M"):
            number = value.item()
            if not isinstance(number, bool | int | float):  # one that is longer than a float has no other item
                number = float(number)
            if number == value or math.isnan(number):
                return number
    raise ValueError(f"{type(value).__name__} is not JSON")


def is_number(value: object) -> bool:
    """Whether `as_number` makes a number of it."""
    try:
        as_number(value)
    except ValueError:
        return False
    return True


def dump(model: BaseModel, *, exactly: bool, context: object = None, **options: Any) -> dict[str, Any]:
    """What a model holds, as JSON.

    Parameters
    ----------
    exactly : whether NaN, infinities and characters that cannot be stored are refused; otherwise they are as `encode`
        makes them.
    context, options : for the model's validation, and for `model_dump`.

    Raises
    ------
    ParameterError : names each value that is not JSON, or would be another one in JSON.
    """
    try:
        dumped: dict[str, Any] = model.model_dump(mode="json", fallback=as_number, **options)
    except ValueError as error:  # pydantic's own, and that of bytes which are not a text
        raise _refusal([problem for name, value in model for problem in not_json(value, name)]) from error
    doubtful = {name: found for name, value in model if (found := list(changed(value, name, exactly=exactly)))}
    if doubtful:  # bytes that are declared as bytes, say, come back as they were
        back = _read_again(model, dumped, context)
        for name, value in model:
            with contextlib.suppress(Exception):  # a foreign value may not be compared
                if name in doubtful and back.get(name) == value:
                    del doubtful[name]
    for name in doubtful.keys() - model.model_fields_set:  # a default of infinity, say, which is made anew
        doubtful.pop(name)
        dumped.pop(name, None)
    if doubtful:
        raise _refusal([problem for found in doubtful.values() for problem in found])
    return dumped


def jsonable(value: Any, where: str) -> Any:
    """A single value as JSON, exactly.  Raises `ParameterError` that names it by `where`."""
    try:
        plain = to_jsonable_python(value, fallback=as_number)
    except ValueError as error:
        raise _refusal(list(not_json(value, where))) from error
    if problems := list(changed(value, where, exactly=True)):
        raise _refusal(problems)
    return plain


def not_json(value: Any, where: str, depth: int = 0) -> Iterator[Problem]:
    """Each value within this one that has no JSON, as far down as can be seen; nothing where all have."""
    try:
        to_jsonable_python(value, fallback=as_number)
    except ValueError:
        inner = [] if depth == MAX_DEPTH else list(_inside(value, where))
        found = [problem for place, one in inner for problem in not_json(one, place, depth + 1)]
        yield from found or [(where, value, _change(value, exactly=False) or "is not JSON")]


def changed(value: Any, where: str, *, exactly: bool) -> Iterator[Problem]:
    """Each value within this one that may come back from JSON as another one."""
    if value is None or isinstance(value, bool | int):
        return
    if isinstance(value, Mapping):
        if len(set(map(str, value))) < len(value):
            yield where, value, "two of its names are one as texts"
        for name in value:
            if not isinstance(name, bool | int | float):
                yield from changed(name, f"{where}, a name", exactly=exactly)
    if problem := _change(value, exactly=exactly):
        yield where, value, problem
    else:
        for place, one in _inside(value, where):
            yield from changed(one, place, exactly=exactly)


def _change(value: Any, *, exactly: bool) -> str | None:
    """How a single value would change, or None."""
    if isinstance(value, bytes | bytearray | memoryview):
        return "bytes are not JSON"
    if not exactly:
        return None
    if isinstance(value, float) or is_number(value):
        return None if math.isfinite(value) else "JSON has no such number"
    if isinstance(value, str | PurePath) and clean_text(text := str(value)) != text:
        if "\0" in text:
            return "holds a NUL character, which cannot be stored"
        return "is not a text in UTF-8, and cannot be stored; a file of such a name has to be renamed"
    return None


def _inside(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """What a value holds, and where."""
    found: Iterable[tuple[object, Any]] = ()
    if isinstance(value, Mapping):
        found = value.items()
    elif isinstance(value, BaseModel):
        found = value
    elif is_dataclass(value) and not isinstance(value, type):
        found = ((one.name, getattr(value, one.name, None)) for one in fields(value))
    elif isinstance(value, list | tuple | set | frozenset | deque):
        found = enumerate(value)
    yield from ((f"{where}.{place}" if where else str(place), inner) for place, inner in found)


def _read_again(model: BaseModel, dumped: Mapping[str, Any], context: object) -> dict[str, Any]:
    """The values of a model that is read back from its JSON; none where it cannot be."""
    with contextlib.suppress(Exception):  # a validator is code of a plugin, and can raise anything
        return dict(type(model).model_validate(decode(encode(dumped)), context=context))
    return {}


def _refusal(found: list[Problem]) -> ParameterError:
    problems = tuple(f"{where}={shown(value)}: {why}" for where, value, why in found)
    return ParameterError("; ".join(problems), problems=problems, hint=HINT)

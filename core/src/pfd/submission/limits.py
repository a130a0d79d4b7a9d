"""How much of what a client gives is stored: the same for all ways in.

What is given is looked at step by step, and no further than the limit, before anything goes through all of it: of a
list of a million wrong items pydantic makes a million errors, and what is nested without end ends in a `RecursionError`
wherever it is walked.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from typing import Any

from pydantic import BaseModel

from pfd.errors import ParameterError
from pfd.store.encoding import encode
from pfd.store.values import is_number

MAX_DEPTH = 64
"""Levels of lists and objects within parameters.  PostgreSQL, JavaScript and Python's walkers all take more."""

MAX_INTEGER = int(float.fromhex("0x1.fffffffffffffp+1023"))
"""What a reader of JSON that knows one kind of number can hold: most of them.  128 bits of a random seed are let in."""

FILLED = 16
"""Parameters may become so many times larger by results that they refer to."""

HINT = "keep what is large in a file, and give its path"


def check_size(task: str, params: Mapping[Any, Any], most: int) -> None:
    """Refuse parameters that would take more than `most` bytes as JSON, or that no JSON is made of.

    Costs no more than what may be stored would, whatever is given.  What is let in may still be a little too large,
    since a character may take six bytes: see `check_stored`.

    Raises
    ------
    ParameterError : names the field, what was given and what is allowed.
    """
    left = most - 4 * len(params)
    problem = None if left >= 0 else f"{len(params)} parameters: {_beyond(most)}"
    for name, value in params.items() if left >= 0 else ():
        said, size = _measured(value, left)
        left -= size + (len(name) if isinstance(name, str) else 0)
        if said is None and left < 0:
            said = _beyond(most) if size > most else f"{_beyond(most)}, together with those before it"
        if said is not None:
            problem = f"{_short(name)}: {_described(value)}: {said}"
            break
    if problem is not None:
        raise ParameterError(f"{task}: {problem}", problems=(problem,), hint=HINT)


def check_stored(task: str, params: Mapping[str, Any], most: int) -> None:
    """Refuse validated parameters that take more than `most` bytes as JSON.  Raises `ParameterError` as above."""
    if (size := len(encode(params))) > most:
        name, largest = max(((name, len(encode(value))) for name, value in params.items()), key=lambda item: item[1])
        problem = f"{_short(name)}: {largest} bytes of JSON, all parameters {size}: {_beyond(most)}"
        raise ParameterError(f"{task}: {problem}", problems=(problem,), hint=HINT)


def _beyond(most: int) -> str:
    return f"more than the {most} bytes of JSON that parameters may take"


def _short(name: object) -> str:
    text = name if isinstance(name, str) else f"<{type(name).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _described(value: Any) -> str:
    """What a value is, without looking at all of it."""
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, Mapping):
        return f"an object of {len(value)} names"
    if isinstance(value, int):
        return "an integer"
    length = _length(value)
    return f"a {type(value).__name__}" + ("" if length is None else f" of {length} items")


def _length(value: Any) -> int | None:
    """How many items a value has; None where that cannot be said, as of an array without dimensions."""
    with contextlib.suppress(Exception):
        return len(value)
    return None


def _measured(value: Any, most: int) -> tuple[str | None, int]:
    """Why a value cannot be stored, or None; and how many characters it takes at least, counted until beyond `most`."""
    size = 0
    pending = [(value, 0)]
    while pending and size <= most:
        one, depth = pending.pop()
        if one is None or isinstance(one, bool | float):
            continue
        if isinstance(one, str | bytes | bytearray):
            size += len(one)
        elif isinstance(one, int):
            if not -MAX_INTEGER <= one <= MAX_INTEGER:
                return "beyond ±1.8e308, which few readers of JSON take; give it as a text", size
            size += max(0, one.bit_length() // 4 - 1)
        elif (length := _length(one)) is not None:
            size += length * (4 if isinstance(one, Mapping) else 2)  # what stands between values, and a digit of each
            if size <= most and (inner := _inside(one)):
                if depth == MAX_DEPTH:
                    return f"nested more than {MAX_DEPTH} deep", size
                pending += [(item, depth + 1) for item in inner]
        elif isinstance(one, BaseModel) or (is_dataclass(one) and not isinstance(one, type)):
            pending.append((vars(one) if hasattr(one, "__dict__") else None, depth))
        elif isinstance(one, Iterable) and not is_number(one):
            return "can be read only once, and may have no end; give a list", size
    return None, size


def _inside(one: Any) -> list[Any]:
    """What a collection holds, names and all; of an array, or whatever else it is, pydantic says whether it will do."""
    if isinstance(one, Mapping):
        return [*one.keys(), *one.values()]
    return list(one) if isinstance(one, list | tuple | set | frozenset | deque) else []

"""What is typed for a value, and the value that a typed text stands for: as in `pfd submit TASK key=value`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pfd.errors import ParameterError
from pfd.schema.shape import Shape

YES, NO = ("true", "yes", "on"), ("false", "no", "off")


DEPTH = 8
"""Lists within lists that a text may stand for: what may be in a list may be that list."""


def value_of(shape: Shape, typed: str, name: str = "value") -> Any:
    """`typed` as the first of: null, a choice, yes or no, a number, a list, a text.

    What fits nothing is handed on as it is, for the model to say what it wants.

    Raises
    ------
    ParameterError : it is JSON that cannot be read, or a group cannot be typed so; the message begins with `name`.
    """
    return _value(shape, typed, name, 0)


def _value(shape: Shape, typed: str, name: str, depth: int) -> Any:
    arms = shape.alternatives
    kinds = {kind for arm in arms for kind in arm.types}
    if not kinds:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(typed)
        return typed
    if typed[:1] in ("[", "{") and kinds & {"array", "object"}:
        return _json(name, typed)
    if "array" in kinds and ("," in typed or not kinds & {"string", "integer", "number", "boolean"}):
        if typed == "null" and "null" in kinds:
            return None
        of_list = next(arm for arm in arms if "array" in arm.types)
        return _list(of_list, typed, name, depth) if depth < DEPTH else typed
    if kinds <= {"object", "null"} and "object" in kinds and typed != "null":
        first = next(iter(shape.names), "name")
        raise ParameterError(f"{name} is a group of parameters", hint=f"give {name}.{first}=… or JSON in braces")
    return _scalar(typed, shape.choices, kinds)


def text_of(shape: Shape, value: Any) -> str:
    """What is typed for a JSON value: the plainest text that stands for it, else its JSON."""
    as_json = json.dumps(value, ensure_ascii=False)
    return next((text for text in _ways(value) if _stands_for(shape, text, as_json)), as_json)


def _ways(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    if isinstance(value, list) and value:
        items = [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in value]
        yield ",".join(items)


def _stands_for(shape: Shape, text: str, as_json: str) -> bool:
    try:
        return json.dumps(value_of(shape, text), ensure_ascii=False) == as_json
    except ParameterError:
        return False


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise ParameterError(f"{name}={text!r} is not valid JSON: {reason}", hint="quote it for your shell") from error


def _list(shape: Shape, text: str, name: str, depth: int) -> list[Any]:
    parts = [part.strip() for part in text.split(",")] if text else []
    kinds = (shape.element(place) or Shape.anything() for place in range(len(parts)))
    return [_value(kind, part, name, depth + 1) for part, kind in zip(parts, kinds, strict=True)]


def _scalar(text: str, choices: Sequence[Any], kinds: Collection[str]) -> Any:
    if text.lower() in ("null", "none") and "null" in kinds and (text == "null" or "string" not in kinds):
        return None
    for choice in choices:
        if text == (choice if isinstance(choice, str) else json.dumps(choice)):
            return choice
    if "boolean" in kinds:
        if text.lower() in (*YES, *NO):
            return text.lower() in YES
        if text in ("1", "0") and not {"integer", "number"} & {*kinds}:
            return text == "1"
    if {"integer", "number"} & {*kinds}:
        with contextlib.suppress(ValueError):
            return int(text)
        with contextlib.suppress(ValueError):
            number = float(text)
            return int(number) if "number" not in kinds and number.is_integer() else number
    return text

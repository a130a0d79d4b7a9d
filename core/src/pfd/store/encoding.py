"""The one JSON encoder of every store.

NaN and infinities become null; NUL characters and lone surrogates become U+FFFD, since neither PostgreSQL's text nor
UTF-8 holds them.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from pfd.errors import ParameterError

READ_DEPTH = 300
"""Levels of lists and objects that are read.

Pydantic has never written more than 255, and walkers such as `dataclasses.asdict` end in a `RecursionError` at hardly
more.
"""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def clean_text(text: str) -> str:
    """`text` without characters that cannot be stored."""
    return _UNSTORABLE.sub("\ufffd", text)


def is_storable(text: object) -> bool:
    """Whether this is a text, and one that can be stored; what cannot be is not there to be found either."""
    return isinstance(text, str) and clean_text(text) == text


def cut_text(text: str, most: int) -> str:
    """`text` of at most `most` characters, without those that cannot be stored; of a longer one head and tail."""
    if len(text) > most:
        gap = f"\n… {len(text) - most} characters left out …\n"
        half = (most - len(gap)) // 2
        text = text[:half] + gap + text[-half:]
    return clean_text(text)


def encode(value: Any) -> str:
    """`value` as compact JSON.  Raises `ParameterError` for anything that JSON does not know."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
        # In ASCII output an escape is the only way to say an unstorable character (or half of a good pair).
        if not _ESCAPED.search(text):
            return text
    except ValueError:
        pass  # NaN, infinity or a circular reference: the slow way below tells them apart
    except TypeError as error:
        raise ParameterError(f"not JSON: {error}", hint="keep arrays, models and plots as artifacts") from error
    except RecursionError as error:
        raise ParameterError("not JSON: nested too deep") from error
    try:
        return json.dumps(_clean(value), allow_nan=False, separators=(",", ":"))
    except (RecursionError, TypeError, ValueError) as error:
        raise ParameterError(f"not JSON: {error}") from error


def decode(text: str) -> Any:
    """The value that `encode` wrote.

    Raises
    ------
    ValueError : for what it cannot have written: no JSON, NaN, or nested more than `READ_DEPTH` deep.
    """
    if text == "{}":  # most columns of most jobs
        return {}
    if text == "[]":
        return []
    try:
        value = _DECODER.decode(text)
        if (
            text.count("[") + text.count("{") > READ_DEPTH
            and isinstance(value, dict | list)
            and _is_deeper(value, READ_DEPTH)
        ):
            raise RecursionError
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    except RecursionError:
        raise ValueError(f"nested more than {READ_DEPTH} deep") from None
    except TypeError:
        raise ValueError(f"not a text but {type(text).__name__}") from None
    return _clean(value) if _ESCAPED.search(text) else value


def _no_constant(name: str) -> None:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _is_deeper(value: Any, most: int) -> bool:
    """Whether a list or object is nested deeper; not by recursion, which has its own limit."""
    level = [value]
    for _ in range(most):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _clean(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(k) if isinstance(k, str) else k: _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value

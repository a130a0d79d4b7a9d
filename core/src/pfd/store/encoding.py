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

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def clean_text(text: str) -> str:
    """`text` without characters that cannot be stored."""
    return _UNSTORABLE.sub("\ufffd", text)


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
    try:
        return json.dumps(_clean(value), allow_nan=False, separators=(",", ":"))
    except (RecursionError, TypeError, ValueError) as error:
        raise ParameterError(f"not JSON: {error}") from error


def decode(text: str) -> Any:
    """The value that `encode` wrote."""
    if text == "{}":  # most columns of most jobs
        return {}
    return [] if text == "[]" else json.loads(text)


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

"""What jobs are looked for by: states, moments, words and parameters, each checked and named where it is wrong."""

from __future__ import annotations

import difflib
import itertools
import math
import re
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pfd.arguments import a_text
from pfd.errors import ParameterError, shown
from pfd.job import LIVE, QUEUED, RUNNING, State
from pfd.store.encoding import decode, encode, is_storable

MAX_TEXT, MAX_WORDS = 1000, 32
"""Characters of a text, and tags or parameters, that are looked for at once."""

_STATES = frozenset(state.value for state in State)

# What people, and other queues, call them.
_MEANT = {
    **dict.fromkeys(("DONE", "FINISHED", "COMPLETE", "COMPLETED", "SUCCEEDED", "OK"), (State.SUCCESS,)),
    **dict.fromkeys(("FAILED", "ERROR", "FAIL"), (State.FAILURE,)),
    **dict.fromkeys(("CANCELLED", "CANCELED", "ABORTED", "KILLED"), (State.REVOKED,)),
    **dict.fromkeys(("QUEUED", "WAITING", "RECEIVED", "SENT"), tuple(sorted(QUEUED))),
    **dict.fromkeys(("RUNNING", "ACTIVE"), tuple(sorted(RUNNING))),
    "LIVE": tuple(sorted(LIVE)),
}

_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def some_states(name: str, value: object) -> frozenset[State]:
    """A state, or several; none where it is None.  Raises `ParameterError` with the choices, and what may be meant."""
    listed = () if value is None else value if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    found = set()
    for one in listed:
        if not isinstance(one, str) or one not in _STATES:
            raise ParameterError(f"{name}={shown(one)}: choose one of {', '.join(State)}{_meant(one)}")
        found.add(State(one))
    return frozenset(found)


def _meant(value: object) -> str:
    word = value.strip().upper() if isinstance(value, str) else ""
    near = _MEANT.get(word) or difflib.get_close_matches(word, _STATES, n=1)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def some_words(name: str, value: object) -> tuple[str, ...]:
    """A text that can be stored, or several; none where it is None.  Raises `ParameterError`."""
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Iterable):
        value = (value,)
    found = tuple(itertools.islice(value, MAX_WORDS + 1))
    if len(found) > MAX_WORDS:
        raise ParameterError(f"{name}: more than {MAX_WORDS} are looked for at once")
    for one in found:
        if one is None:
            raise ParameterError(f"{name}: None is not a text that can be stored")
        a_text(name, one)
    return found


def a_part(name: str, value: object) -> str | None:
    """A part of a text, or None.  Raises `ParameterError`."""
    a_text(name, value)
    if value is not None and len(str(value)) > MAX_TEXT:
        raise ParameterError(f"{name}={shown(value)}: is longer than {MAX_TEXT} characters")
    return None if value is None else str(value)


def a_moment(name: str, value: object, *, now: float | None = None) -> float | None:
    """A moment in seconds since the epoch, or None.

    It is given as such a number; as a `datetime` with a time zone; as a text of one in the form of ISO 8601; or as how
    long ago it is: "90 s", "5min", "2h", "3d", "1w".  Raises `ParameterError`.
    """
    if value is None:
        return None
    if isinstance(value, str) and (span := _SPAN.fullmatch(value.strip())):
        return (time.time() if now is None else now) - float(span[1]) * _SECONDS[span[2]]
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
        if isinstance(value, datetime):
            if value.utcoffset() is None:
                raise ParameterError(
                    f"{name}={value.isoformat()} has no time zone",
                    hint="add one, as in datetime.now(UTC) or value.astimezone()",
                )
            value = value.timestamp()
        moment = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        moment = math.nan
    if not math.isfinite(moment):
        raise ParameterError(
            f"{name}={shown(value)}: is not a moment",
            hint="give seconds since the epoch, a datetime with a time zone, or how long ago it is: '2h', '3d'",
        )
    return moment


def some_params(name: str, value: object) -> dict[str, Any]:
    """JSON values by name; none where it is None.  Raises `ParameterError`."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ParameterError(f"{name}={shown(value)}: is not a mapping of names to values")
    if len(value) > MAX_WORDS:
        raise ParameterError(f"{name}: more than {MAX_WORDS} are looked for at once")
    found = {}
    for key, one in value.items():
        if not is_storable(key) or not key or len(key) > MAX_TEXT:
            raise ParameterError(f"{name}: {shown(key)} is not a name of a parameter")
        try:
            found[str(key)] = decode(encode(one))
        except (ParameterError, ValueError) as error:
            raise ParameterError(f"{name}: {key}={shown(one)}: {error}") from error
    return found

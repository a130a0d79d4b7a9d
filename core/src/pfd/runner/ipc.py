"""What a job's process says to its worker, read with care: somebody else's code runs there, and the line is open to it.

The messages themselves are described in `pfd.runner.child`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pfd.errors import ParameterError
from pfd.job import JobFailure
from pfd.notify import Wakeup
from pfd.reporter import check_meta, shortened
from pfd.runner.call import Outcome, OutcomeKind, bounded_failure
from pfd.runner.json_lines import NotAMessage, start_of, unpack
from pfd.store.encoding import decode, encode

OVERHEAD = 1024 * 1024
"""Bytes that a message may have beside a result: a traceback, a status, what is reported beside it."""

_ENDS = frozenset(OutcomeKind) - {OutcomeKind.SHORT}
"""What a job may say of its end; that its worker was short of something is for that to say."""

_WORD = re.compile(r"[\w.:/@-]{1,200}", re.ASCII)
"""An id, or the name of a task or a queue; a broker makes a queue of whatever it is sent."""


@dataclass(frozen=True)
class Progress:
    """How far a task says that it is."""

    fraction: float
    status: str
    meta: dict[str, Any]


@dataclass(frozen=True)
class Begun:
    """All that a task needs is loaded, and it is called."""


Message = Begun | Progress | Wakeup | Outcome


def longest(max_result_bytes: int) -> int:
    """Bytes of the longest message of a job whose result is at most so large: in a message, quotes are escaped."""
    return 2 * max_result_bytes + OVERHEAD


def parse(line: bytes, max_result_bytes: int) -> Message:
    """The message of a line.

    Raises
    ------
    NotAMessage : it is none, or holds what cannot be stored.
    """
    message = unpack(line)
    try:
        match message:
            case {"begun": True, **rest} if not rest:
                return Begun()
            case {"progress": report, **rest} if not rest:
                return Progress(*_report(report))
            case {"wakeup": wakeup, **rest} if not rest:
                return _wakeup(wakeup)
            case {"end": _, "result": _, "failure": _, "retry": bool(), "last": _} if len(message) == 5:
                return _outcome(message, max_result_bytes)
    except (ValueError, RecursionError, ParameterError) as error:
        raise NotAMessage(f"{start_of(line)} ({error})") from error
    raise NotAMessage(start_of(line))


def _report(value: Any) -> tuple[float, str, dict[str, Any]]:
    match value:
        case [(int() | float()) as fraction, str() as status, dict() as meta] if 0 <= fraction <= 1:
            check_meta(meta)
            return float(fraction), shortened(status), meta
    raise ValueError("not a progress")


def _wakeup(value: Any) -> Wakeup:
    match value:
        case {"job_id": str(), "task": str(), "queue": str(), "cancel": bool()} if len(value) == 4:
            wakeup = Wakeup(**value)
            if all(map(_WORD.fullmatch, (wakeup.job_id, wakeup.task, wakeup.queue))):
                return wakeup
    raise ValueError("not a wakeup")


def _outcome(message: dict[str, Any], max_result_bytes: int) -> Outcome:
    kind, result, failure = message["end"], message["result"], message["failure"]
    if not isinstance(kind, str) or kind not in _ENDS:
        raise ValueError("no such end")
    kind = OutcomeKind(kind)
    if kind is OutcomeKind.DONE:
        result = _result(result, max_result_bytes)
    return Outcome(
        kind,
        result if kind is OutcomeKind.DONE else None,
        _failure(failure) if failure is not None or kind is OutcomeKind.FAILED else None,
        message["retry"],
        None if message["last"] is None else _report(message["last"]),
    )


def _result(text: Any, most: int) -> str:
    if not isinstance(text, str) or len(text) > most:
        raise ValueError("not a result")
    value = decode(text)
    if not isinstance(value, dict):
        raise ValueError("not a result")
    return encode(value)


def _failure(value: Any) -> JobFailure:
    match value:
        case {"type": str() as name, "message": str() as message, "traceback": str() as text, "hint": hint} if len(
            value
        ) == 4 and isinstance(hint, str | None):
            return bounded_failure(name, message, text, hint)
    raise ValueError("not a failure")

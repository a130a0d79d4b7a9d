"""Progress of a running task: bounded, coalesced, and sent by its own thread."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from pfd.errors import ParameterError
from pfd.store.encoding import encode
from pfd.store.values import as_number, is_number

log = logging.getLogger("pfd.progress")

INTERVAL = 0.1
"""Seconds between two progress messages of a job: about ten a second, whatever the task does."""

MAX_STATUS = 2_000
"""Characters of a status, which is a line for people."""

MAX_META = 64 * 1024
"""Bytes of JSON of all that is reported beside the status."""

MAX_DEPTH = 64
MAX_BITS = 1024
"""Of an integer: no floating-point number is larger."""

LONGEST_NUMBER = 24
"""Characters of a float."""

Send = Callable[[float, str, Mapping[str, Any]], None]
Report = tuple[float, str, Mapping[str, Any]]


class Reporter:
    """Progress, coalesced: the newest report is sent about ten times a second, by its own thread.

    `report` costs a task little more than an assignment.  `close` gives back the last report.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._latest: Report | None = None
        self._highest = 0.0
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._closed = False
        self._busy = threading.Lock()
        self._error: ParameterError | None = None

    def report(self, fraction: float, status: str, meta: Mapping[str, Any]) -> None:
        """Have it sent soon.

        Raises
        ------
        ParameterError : `meta` is more than can be stored; this one, or an earlier one that has grown since.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if not _is_small(meta):
            check_meta(meta)
        self._highest = max(self._highest, fraction)
        self._latest = (self._highest, shortened(status), meta)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pfd-progress", daemon=True)
            self._thread.start()
        self._wake.set()

    def close(self) -> Report | None:
        """Stop sending; the last report, sent or not, or None where there was none."""
        self._closed = True
        self._wake.set()
        with self._busy:  # a message that is on its way gets out before the end does
            return self._storable()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            with self._busy:
                if self._closed:
                    return
                if latest := self._storable():
                    self._send(*latest)
            time.sleep(INTERVAL)

    def _storable(self) -> Report | None:
        """The newest report.  What JSON does not know, such as a NumPy number, becomes a number or a text."""
        if self._latest is None:
            return None
        fraction, status, meta = self._latest
        try:
            plain = {name: _plain(value) for name, value in meta.items()}
            check_meta(plain)
        except ParameterError as error:
            self._error = error  # for the task's next report
            log.warning("%s; reported without it", error)
            plain = {}
        except Exception as error:  # the task's own objects, which it may change meanwhile
            log.warning("what was reported beside the status cannot be read: %r", error)
            plain = {}
        return fraction, status, plain


def shortened(status: str) -> str:
    """A status of at most `MAX_STATUS` characters."""
    return status if len(status) <= MAX_STATUS else f"{status[: MAX_STATUS - 1]}…"


def check_meta(meta: Mapping[str, Any]) -> None:
    """Raise `ParameterError` where what is reported beside the status is more than can be stored; it names the field.

    What JSON does not know is taken for what becomes of it, a text like a status.
    """
    sizes = {name: len(encode(name)) + 2 + _size(name, value) for name, value in meta.items()}
    if (total := sum(sizes.values()) + 1) > MAX_META:
        largest = max(sizes, key=sizes.__getitem__)
        raise ParameterError(
            f"progress: {total} bytes of JSON beside the status, more than {MAX_META}; "
            f"the largest field is {largest[:100]!r} with {sizes[largest]}",
            hint="keep what is large as an artifact, or in the result",
        )


def _is_small(meta: Mapping[str, Any]) -> bool:
    """Whether a look at its fields is enough to see that it can be stored; so are nearly all."""
    room = MAX_META // 16  # characters, of at most twelve bytes
    for name, value in meta.items():
        kind = type(value)
        if kind is str:
            room -= len(value)
        elif kind is int:
            if not -(2**63) < value < 2**63:
                return False
        elif not (kind is float or kind is bool or value is None):
            return False
        room -= len(name) + 8
    return room >= 0


def _size(name: str, value: Any) -> int:
    """Bytes of a field's value as JSON."""
    if value is None or type(value) in (float, bool):
        return LONGEST_NUMBER
    if problem := _unfit(value):
        raise ParameterError(
            f"progress: {name[:100]!r} is {problem}", hint="keep what is large as an artifact, or in the result"
        )
    try:
        return len(encode(value))
    except ParameterError as error:
        if isinstance(error.__cause__, TypeError):
            return MAX_STATUS
        raise ParameterError(f"progress: {name[:100]!r} is {error}") from error


def _unfit(value: Any) -> str | None:
    """What keeps a value from being written as JSON and read again.  Not by recursion, which has its own limit."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        if any(isinstance(one, int) and one.bit_length() > MAX_BITS for one in level):
            return f"an integer of more than {MAX_BITS} bits, or holds one"
        level = [
            inner
            for one in level
            if isinstance(one, dict | list | tuple)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if len(level) > MAX_META:
            return f"more than {MAX_META} bytes of JSON"
        if not level:
            return None
    return f"nested more than {MAX_DEPTH} deep"


def _plain(value: Any) -> Any:
    try:
        encode(value)
    except RecursionError:
        return value  # refused for that
    except ParameterError as error:
        if not isinstance(error.__cause__, TypeError):
            return value
        with contextlib.suppress(Exception):  # the task's own objects
            return json.loads(json.dumps(value, default=_known))
        return type(value).__name__[:100]
    return value


def _known(value: Any) -> Any:
    """What JSON knows in the place of what it does not: the number that a value is, else its text."""
    return as_number(value) if is_number(value) else shortened(str(value))

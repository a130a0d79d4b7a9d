"""Messages between the processes of a worker: JSON objects, one a line, none longer than its reader allows.

What they are is described where they are read: in `pfd.runner.child`, `supervisor` and `warm_server`.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from pfd.errors import PfdError

M = TypeVar("M")

ORDER = 2**30
"""Bytes of the longest message that a worker starts a process with: no store has a row with parameters of that size."""


class NotAMessage(PfdError):
    """Something on a line between processes that is no message, or none that PFD has written."""


class JsonLines(Generic[M]):
    """Puts messages together from the pieces that come over a socket or pipe.

    Parameters
    ----------
    most : bytes of the longest line.
    unpack : makes a message of a line, without its end; raises `NotAMessage` where it is none.
    """

    def __init__(self, most: int, unpack: Callable[[bytes], M]) -> None:
        self._most = most
        self._unpack = unpack
        self._begun = bytearray()

    def take(self, data: bytes) -> Iterator[M]:
        """The messages that `data` ends.  Raises `NotAMessage` for a line that is none, or too long."""
        *ends, begun = data.split(b"\n")
        for end in ends:
            line, self._begun = bytes(self._begun + end), bytearray()
            self._check(line)
            yield self._unpack(line)
        self._begun += begun
        self._check(self._begun)

    def _check(self, line: bytes | bytearray) -> None:
        if len(line) > self._most:
            raise NotAMessage(f"{start_of(line)}, and on for more than {self._most} bytes")


def pack(message: Mapping[str, Any], dump: Callable[[Any], str] = json.dumps) -> bytes:
    """A message as a line."""
    return dump(message).encode() + b"\n"


def unpack(line: bytes) -> dict[str, Any]:
    """The message of a line.  Raises `NotAMessage` for what is no JSON object."""
    try:
        message = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise NotAMessage(f"{start_of(line)} ({error})") from error
    if not isinstance(message, dict):
        raise NotAMessage(f"{start_of(line)} (no JSON object)")
    return message


def receive(connection: socket.socket, most: int = ORDER) -> dict[str, Any]:
    """The only message of a line; blocks until it is there.

    Raises
    ------
    NotAMessage : it is none, too long, or the line ended before it did.
    """
    with connection.makefile("rb") as stream:
        line = stream.readline(most + 1)
    if not line.endswith(b"\n"):
        what = f"on for more than {most} bytes" if len(line) > most else "then the end of the line"
        raise NotAMessage(f"{start_of(line)}, and {what}")
    return unpack(line)


def start_of(line: bytes | bytearray) -> str:
    """The beginning of a line, for people."""
    return f"{bytes(line[:80])!r}{'...' if len(line) > 80 else ''}"

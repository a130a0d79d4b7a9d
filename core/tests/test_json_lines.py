"""Messages between processes: put together from pieces, bounded, and refused where they are none."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfd.runner.json_lines import JsonLines, NotAMessage, pack, receive, unpack
from pfd.store.encoding import encode

MESSAGES = st.lists(
    st.dictionaries(st.text(max_size=10), st.none() | st.booleans() | st.integers() | st.text(max_size=20), max_size=4)
)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@settings(max_examples=30, deadline=None)
@given(MESSAGES, st.integers(1, 50))
def test_messages_are_put_together_from_pieces(messages: list[dict[str, object]], size: int) -> None:
    data = b"".join(map(pack, messages))
    lines = JsonLines(10_000, unpack)
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    assert [message for piece in pieces for message in lines.take(piece)] == messages


def test_lines_are_put_together_from_pieces() -> None:
    lines = JsonLines(100, bytes)
    assert [found for piece in (b"a", b"b\nc", b"\n\nd", b"\n") for found in lines.take(piece)] == [
        b"ab",
        b"c",
        b"",
        b"d",
    ]


def test_a_line_without_an_end_is_given_up() -> None:
    lines = JsonLines(100, bytes)
    assert list(lines.take(b"x" * 100)) == []
    with pytest.raises(NotAMessage, match="for more than 100 bytes"):
        list(lines.take(b"x"))


def test_a_line_that_is_too_long_is_given_up_also_where_it_comes_whole() -> None:
    lines = JsonLines(10, bytes)
    assert list(lines.take(b"0123456789\n")) == [b"0123456789"]
    with pytest.raises(NotAMessage, match="for more than 10 bytes"):
        list(lines.take(b"01234567890\n"))


def test_what_came_before_a_line_that_is_no_message_is_heard() -> None:
    found = JsonLines(100, unpack).take(b'{"a": 1}\noops\n{"b": 2}\n')
    assert next(found) == {"a": 1}
    with pytest.raises(NotAMessage, match="oops"):
        next(found)


@pytest.mark.parametrize("line", [b"", b"7", b"[1]", b"null", b'{"a": 1', b"\xff", b"x" * 1000, b"[" * 100_000])
def test_what_is_no_object_is_no_message_and_the_error_shows_its_beginning(line: bytes) -> None:
    with pytest.raises(NotAMessage) as caught:
        unpack(line)
    assert caught.value.message.startswith(repr(line[:80]))
    assert len(caught.value.message) < 500


def test_a_message_takes_one_line_whatever_it_says() -> None:
    message = {"text": "two\nlines, \u2028 and \ud800"}
    assert pack(message).count(b"\n") == 1
    assert unpack(pack(message)[:-1]) == message
    assert unpack(pack({"number": float("nan")}, encode)[:-1]) == {"number": None}


def test_a_large_message_is_received_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    message = {"params": "x" * 5_000_000}  # more than a socket holds
    sender = threading.Thread(target=theirs.sendall, args=(pack(message),))
    sender.start()
    assert receive(ours) == message
    sender.join()


def test_what_is_received_is_one_whole_message_of_the_length_that_is_allowed(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    theirs.sendall(b'{"a": 12}\n')
    assert receive(ours, 9) == {"a": 12}
    theirs.sendall(b'{"a": 123}\n')
    with pytest.raises(NotAMessage, match="and on for more than 9 bytes"):
        receive(ours, 9)


@pytest.mark.parametrize("said", [b"", json.dumps({"job": {}}).encode()])
def test_a_line_that_ends_before_its_message_does_is_said_to_end(
    pair: tuple[socket.socket, socket.socket], said: bytes
) -> None:
    """As where a worker is killed while it says what to run: half of a message may look like a whole one."""
    ours, theirs = pair
    theirs.sendall(said)
    theirs.close()
    with pytest.raises(NotAMessage, match="and then the end of the line"):
        receive(ours)

"""Progress: what of it is kept, and what is refused, where it is reported and where it is read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from core.tests.support.waiting import until
from pfd import ParameterError
from pfd.reporter import MAX_META, MAX_STATUS, Reporter, check_meta
from pfd.store.encoding import encode


class Sent(list[tuple[float, str, Mapping[str, Any]]]):
    """What a reporter has sent."""

    def __call__(self, fraction: float, status: str, meta: Mapping[str, Any]) -> None:
        self.append((fraction, status, meta))


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def reporter(sent: Sent) -> Reporter:
    return Reporter(sent)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


class Huge:
    """Something that JSON does not know, and whose text is long."""

    def __str__(self) -> str:
        return "x" * 10_000_000


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("x" * 100_000, "bytes of JSON"),
        (["x" * 10_000] * 10, "bytes of JSON"),
        (list(range(1_000_000)), "bytes of JSON"),
        (nested(65), "nested more than 64 deep"),
        (nested(100_000), "nested more than 64 deep"),
        (10**6000, "an integer of more than 1024 bits"),
        ({"a": [1, {"b": -(10**6000)}]}, "an integer of more than 1024 bits"),
        ({10**6000: 1}, "integer string conversion"),
    ],
    ids=["text", "texts", "numbers", "deep", "deeper", "digits", "digits inside", "a key of digits"],
)
def test_what_cannot_be_stored_beside_a_status_is_refused_where_it_is_reported(
    reporter: Reporter, sent: Sent, value: Any, said: str
) -> None:
    with pytest.raises(ParameterError, match=said) as caught:
        reporter.report(0.5, "half", {"loss": 0.5, "culprit": value})
    assert "culprit" in caught.value.message
    assert len(caught.value.message) < 500
    reporter.report(0.6, "goes on", {"loss": 0.4})
    until(lambda: sent == [(0.6, "goes on", {"loss": 0.4})], "what comes after it is sent")


@pytest.mark.parametrize(
    "meta",
    [
        {"step": 7, "loss": 0.1, "name": "réseau", "good": True, "best": None},
        {"confusion": [[1, 2], [3, 4]], "best": {"epoch": 3}},
        {"deep": nested(63)},
        {"large": 2**1023},
        {"text": "\U0001f600" * 5_000},
        {f"field {number}": number for number in range(1000)},
    ],
)
def test_what_fits_is_sent_as_it_is(reporter: Reporter, sent: Sent, meta: dict[str, Any]) -> None:
    reporter.report(0.5, "half", meta)
    assert reporter.close() == (0.5, "half", meta)
    check_meta(meta)
    assert len(encode(meta)) <= MAX_META


def test_many_fields_count_together(reporter: Reporter) -> None:
    with pytest.raises(ParameterError, match="the largest field is 'big'"):
        reporter.report(0.5, "half", {**{f"field {number}": "x" * 1000 for number in range(70)}, "big": "x" * 2000})


def test_a_long_status_is_cut(reporter: Reporter) -> None:
    reporter.report(0.5, "x" * 10_000_000, {})
    last = reporter.close()
    assert last is not None
    assert last[1] == "x" * (MAX_STATUS - 1) + "…"


def test_the_text_of_what_json_does_not_know_is_cut(reporter: Reporter) -> None:
    reporter.report(0.5, "half", {"thing": Huge(), "things": [Huge()]})
    last = reporter.close()
    assert last is not None
    assert len(last[2]["thing"]) == MAX_STATUS
    assert len(last[2]["things"]) <= MAX_STATUS


def test_what_grows_after_it_was_reported_is_left_out_of_the_last_report(reporter: Reporter) -> None:
    losses = [0.5]
    reporter.report(0.1, "first", {"losses": losses})
    losses *= 100_000
    assert reporter.close() == (0.1, "first", {})


def test_what_changes_while_it_is_read_does_not_end_the_reporter(reporter: Reporter, sent: Sent) -> None:
    class Unreadable(dict[str, int]):
        def items(self) -> Any:
            raise RuntimeError("dictionary changed size during iteration")

    reporter.report(0.1, "first", {"odd": Unreadable()})
    reporter.report(0.2, "next", {})
    until(lambda: sent and sent[-1][0] == 0.2, "it goes on")


def test_a_report_costs_hardly_more_than_an_assignment(reporter: Reporter) -> None:
    began = time.process_time()
    for step in range(20_000):
        reporter.report(0.5, "step", {"step": step, "loss": 0.5})
    assert time.process_time() - began < 1.0  # 50 µs each, where it takes about one

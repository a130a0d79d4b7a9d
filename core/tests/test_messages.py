"""What a worker makes of whatever a job's process may write into the line to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfd.job import JobFailure
from pfd.notify import Wakeup
from pfd.runner.call import Outcome, OutcomeKind
from pfd.runner.ipc import Begun, Progress, longest, parse
from pfd.runner.json_lines import NotAMessage
from pfd.store.encoding import encode

MOST = 4096

END: dict[str, Any] = {"end": "done", "result": '{"value":1}', "failure": None, "retry": False, "last": None}
FAILED: dict[str, Any] = {
    "end": "failed",
    "result": None,
    "failure": {"type": "ValueError", "message": "wrong", "traceback": "", "hint": None},
    "retry": True,
    "last": [0.5, "half", {"step": 1}],
}
WAKEUP: dict[str, Any] = {"wakeup": {"job_id": "x", "task": "add", "queue": "default", "cancel": False}}
PROGRESS: dict[str, Any] = {"progress": [0.5, "half", {"step": 1}]}


def line(message: object) -> bytes:
    return json.dumps(message).encode()


def test_what_a_job_says_is_understood() -> None:
    assert parse(line({"begun": True}), MOST) == Begun()
    assert parse(line(PROGRESS), MOST) == Progress(0.5, "half", {"step": 1})
    assert parse(line(WAKEUP), MOST) == Wakeup("x", "add", "default")
    for outcome in (
        Outcome(OutcomeKind.DONE, result='{"value":1}', last=(0.5, "half", {"step": 1})),
        Outcome(OutcomeKind.FAILED, failure=JobFailure("ValueError", "wrong", "here", "mend it"), retry=True),
        Outcome(OutcomeKind.STOPPED),
        Outcome(OutcomeKind.LOST),
        Outcome(OutcomeKind.STALE),
    ):
        assert parse(encode(outcome.to_message()).encode(), MOST) == outcome


@pytest.mark.parametrize(
    "message",
    [
        {"pid": 1, "supervisor": 1},
        {"exit": 0},
        PROGRESS | END,
        {"progress": [True, "half", []]},
        {"progress": [1.5, "half", {}]},
        {"progress": [float("nan"), "half", {}]},
        {"progress": [0.5, "half", {"large": "x" * 100_000}]},
        {"progress": [0.5, "half", {"large": 10**4000}]},
        {"begun": 1},
        {"begun": False},
        {"begun": True, "end": "done"},
        {"wakeup": WAKEUP["wakeup"] | {"queue": "x" * 5000}},
        {"wakeup": WAKEUP["wakeup"] | {"job_id": "\ud800"}},
        END | {"end": []},
        END | {"end": "finished"},
        END | {"end": "short"},
        END | {"result": "[1,2]"},
        END | {"result": None},
        END | {"result": '{"value":'},
        END | {"result": "7"},
        END | {"result": '{"value":"' + "x" * MOST + '"}'},
        FAILED | {"failure": None},
        FAILED | {"failure": FAILED["failure"] | {"hint": ["x"]}},
        FAILED | {"failure": {"message": "no type"}},
        FAILED | {"last": [0.5, "half"]},
    ],
)
def test_what_a_job_cannot_have_said_is_no_message(message: object) -> None:
    with pytest.raises(NotAMessage) as caught:
        parse(line(message), MOST)
    assert len(caught.value.message) < 500


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("x" * 5000),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@st.composite
def nearly_messages(draw: st.DrawFn) -> object:
    """A message with something else in one place of it."""
    message = json.loads(json.dumps(draw(st.sampled_from([END, FAILED, WAKEUP, PROGRESS]))))
    place = message
    while True:
        key = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
            place = place[key]
            continue
        place[key] = draw(_JSON)
        return message


@settings(max_examples=150, deadline=None)
@given(nearly_messages().map(line) | st.binary(max_size=100) | _JSON.map(line))
def test_whatever_comes_is_a_message_that_can_be_stored_or_none(what: bytes) -> None:
    try:
        message = parse(what, MOST)
    except NotAMessage:
        return
    if isinstance(message, Outcome):
        assert len(encode(message.to_message())) <= longest(MOST)
    elif isinstance(message, Progress):
        assert 0 <= message.fraction <= 1
        assert len(message.status) <= 2_000
        encode(message.meta)

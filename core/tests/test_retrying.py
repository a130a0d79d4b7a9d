"""Trying again what the store does not do for now."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from pfd.store.retrying import retrying

log = logging.getLogger("pfd.tests")


def failing(*errors: Exception) -> Callable[[], str]:
    """Raises each of the errors once, and then returns."""
    left = list(errors)

    def step() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return step


def is_away(error: Exception) -> bool:
    return isinstance(error, ConnectionError)


def test_what_fails_is_tried_again_after_pauses_that_grow_and_each_error_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rests: list[float] = []
    errors = [ConnectionError(f"away {number}") for number in range(7)]
    assert retrying(failing(*errors), is_away, log, "not stored yet", rest=rests.append) == "done"
    assert rests == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert [record.getMessage() for record in caplog.records] == [f"not stored yet: away {n}" for n in range(7)]


def test_an_error_that_does_not_pass_is_raised_at_once(caplog: pytest.LogCaptureFixture) -> None:
    rests: list[float] = []
    with pytest.raises(ValueError, match="wrong"):
        retrying(failing(ConnectionError(), ValueError("wrong")), is_away, log, "away", rest=rests.append)
    assert rests == [0.2]
    assert len(caplog.records) == 1


def test_what_the_rest_raises_ends_the_tries_and_does_not_come_of_the_error() -> None:
    def cancelled(_seconds: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError) as caught:
        retrying(failing(ConnectionError()), is_away, log, "away", rest=cancelled)
    assert caught.value.__context__ is None

"""Cautions that rest on bearings and splits, and how a status tells them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pfd_plugin_data import Caution, few_bearings, in_brief, leak, leakage

CLASSES = ("normal", "inner", "ball")


def told(counts: list[int], *, classes: tuple[str, ...] = CLASSES, windows: int = 4) -> list[str]:
    """The cautions in brief of a part with so many bearings of each class, each of some windows."""
    y = np.repeat(np.arange(len(counts)), [windows * count for count in counts])
    bearing = np.concatenate([np.repeat([f"{c}-{b}" for b in range(n)], windows) for c, n in enumerate(counts)])
    return [caution.brief for caution in few_bearings("forest", "test", classes, y, bearing)]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([3, 3, 3], []),
        ([3, 2, 3], ["two test bearings for 'inner'"]),
        ([3, 1, 3], ["one test bearing for 'inner'"]),
        ([1, 1, 3], ["one test bearing for 'normal', 'inner'"]),
        ([1, 2, 3], ["one test bearing for 'normal', two test bearings for 'inner'"]),
        ([1, 1, 1], ["one test bearing of each class"]),
        ([2, 2, 2], ["two test bearings of each class"]),
        ([3, 0, 3], []),
        ([2, 0, 2], ["two test bearings of each class"]),
    ],
)
def test_a_class_on_fewer_than_three_bearings_is_named(counts: list[int], expected: list[str]) -> None:
    assert told(counts) == expected
    assert told(counts, windows=1) == expected


def test_only_the_name_of_a_class_changes_with_it() -> None:
    assert told([3, 1, 3], classes=("a", "b", "c")) == ["one test bearing for 'b'"]


def test_a_bearing_that_was_healthy_and_then_failed_counts_for_both_classes() -> None:
    found = few_bearings("f", "test", CLASSES, np.array([0, 1]), np.array(["one", "one"]))
    assert [caution.brief for caution in found] == ["one test bearing of each class"]


@pytest.mark.parametrize(
    ("leaks", "expected"),
    [
        ((), []),
        (["random windows of all"], ["leaky split (random windows of all)"]),
        (("chosen in sight", "random windows"), ["leaky split (chosen in sight, random windows)"]),
        (["left out: x; LEAKY: y"], ["leaky split (left out"]),
    ],
)
def test_a_leaky_split_is_a_caution_that_says_how(leaks: Sequence[str], expected: list[str]) -> None:
    assert [caution.text.partition(":")[0] for caution in leakage("forest", leaks)] == expected


@pytest.mark.parametrize(
    ("leaky", "stamp", "expected"),
    [
        (False, "split by bearing; left out: x; LEAKY: y", []),
        (True, "LEAKY: chosen in sight; LEAKY: random windows; cut", ["chosen in sight", "random windows"]),
        (True, "in words of another version", ["how is not said"]),
    ],
)
def test_the_earlier_form_reads_a_text_and_warns(leaky: bool, stamp: str, expected: list[str]) -> None:
    with pytest.warns(DeprecationWarning, match=r"leakage\(subject, leaks\)"):
        assert leak("forest", leaky, stamp) == leakage("forest", expected)


def test_a_status_tells_how_many_there_are_and_what_they_are() -> None:
    forest = [Caution("forest", name, f"{name} is so") for name in "abcde"]
    assert in_brief([]) == ""
    assert in_brief(forest[:1]) == " (1 caution: a)"
    assert in_brief(forest[:3]) == " (3 cautions: a; b; c)"
    assert in_brief(forest) == " (5 cautions: a; b; c; 2 more)"
    both = [*forest[:2], Caution("cnn", "b", "b is so")]
    assert in_brief(both, subjects=True) == " (3 cautions: a: forest; b: forest, cnn)"
    assert str(both[2]) == "cnn: b is so"

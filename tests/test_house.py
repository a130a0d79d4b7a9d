"""How the code is built: what a client loads, and that no module needs one that needs it."""

from __future__ import annotations

from tools import house

MOST_OF_A_CLIENT = 45


def test_a_client_loads_little_of_the_core() -> None:
    """Not the worker, nor what few clients use: schedules, searching, pruning."""
    loaded = house.client_modules()
    print(f"{len(loaded)} modules: {', '.join(loaded)}")
    assert "pfd.client.dispatcher" in loaded
    assert len(loaded) <= MOST_OF_A_CLIENT


def test_no_modules_need_each_other() -> None:
    """At import, on first use, or in annotations alone: whoever reads one would have to read all of them."""
    found = house.circles()
    print(f"{len(found)} circles: {found}")
    assert not found


def test_a_circle_is_found() -> None:
    needs = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"e2"}, "e2": set()}
    assert house.groups(needs) == [["a", "b", "c"]]

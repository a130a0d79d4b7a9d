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


def test_a_dispatcher_loads_no_worker_and_nothing_later() -> None:
    """What its methods import is there when it is made: a fork may come in the middle of a later import."""
    loaded = set(house.client_modules("Dispatcher()"))
    print(f"{len(loaded)} modules once a dispatcher is made")
    assert not [name for name in loaded if name.startswith(("pfd.runner", "pfd.worker.worker", "pfd.runtimes.worker"))]
    used = house.inner_imports("core/src/pfd/client/dispatcher.py") | house.inner_imports(
        "core/src/pfd/client/handle.py"
    )
    assert "pfd.submission.submit" in used
    assert used - loaded == {"pfd.client.display", "pfd.client.showing"}  # for notebooks, and for who shows jobs


def test_no_modules_need_each_other() -> None:
    """At import, on first use, or in annotations alone: whoever reads one would have to read all of them."""
    found = house.circles()
    print(f"{len(found)} circles: {found}")
    assert not found


def test_a_circle_is_found() -> None:
    needs = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"e2"}, "e2": set()}
    assert house.groups(needs) == [["a", "b", "c"]]

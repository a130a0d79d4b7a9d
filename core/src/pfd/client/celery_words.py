"""Words of Celery's `AsyncResult` that a handle has no use for, each with the reason and what to use instead.

None is dropped without a word: a method or attribute is an `AttributeError` that says so, and an option of `get` or
`revoke` a `ParameterError`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pfd.errors import ParameterError, shown

_NO_CHAIN = "jobs are joined by submit(after=[…]) and by pipelines; children are in handle.children"
_NO_APP = "a handle belongs to a Dispatcher and reads its store, not an application's result backend"
_NO_CALLBACK = "nothing is called back: await the handle, or iterate over handle.events()"

NOT_SERVED: Mapping[str, str] = {
    "TimeoutError": "catch Python's own TimeoutError",
    "app": _NO_APP,
    "backend": _NO_APP,
    "supports_native_join": _NO_APP,
    "as_list": _NO_CHAIN,
    "as_tuple": _NO_CHAIN,
    "build_graph": _NO_CHAIN,
    "collect": _NO_CHAIN,
    "get_leaf": _NO_CHAIN,
    "graph": _NO_CHAIN,
    "iterdeps": _NO_CHAIN,
    "ignored": "the result of every job is kept; handle.forget() removes it",
    "revoke_by_stamped_headers": "messages carry no stamps; give jobs tags, and find them by Dispatcher.jobs(tags=…)",
    "then": _NO_CALLBACK,
    "throw": _NO_CALLBACK,
}
"""Attributes and methods."""

_NO_MESSAGE = "results are read from the store, and are not messages of a broker"
_STATES_ARE_FIXED = "which states are the end of a job is fixed"

OF_GET: Mapping[str, str] = {
    "no_ack": _NO_MESSAGE,
    "follow_parents": "the result of a job is its own; ask for that of handle.parent",
    "callback": "what get returns is all that there is to be called with",
    "on_message": f"{_NO_MESSAGE}; handle.events() shows each change",
    "on_interval": "iterate over handle.events() to do something meanwhile",
    "disable_sync_subtasks": "a task may wait for a job; a coordinator does so without holding a slot",
    "EXCEPTION_STATES": _STATES_ARE_FIXED,
    "PROPAGATE_STATES": _STATES_ARE_FIXED,
}
"""Options of `get`, and of `maybe_throw`."""

OF_REVOKE: Mapping[str, str] = {
    "connection": "a cancel is written to the store, not sent to a broker",
    "signal": "a job is asked to stop first, and its processes are killed after the setting 'grace'",
}
"""Options of `revoke`."""


def refuse(method: str, given: Mapping[str, object], reasons: Mapping[str, str]) -> None:
    """Raise `ParameterError` for options that a method of a handle does not serve."""
    if given:
        said = [f"{shown(name)[1:-1]}: {reasons.get(name, 'there is no such option')}" for name in given]
        raise ParameterError(f"{method}() does not serve {'; '.join(said[:5])}")

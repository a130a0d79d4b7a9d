"""Messages of Dramatiq as requests for jobs.

All in here is foreign: a message is whatever somebody has written to the broker.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pfd.errors import ParameterError
from pfd.runtimes.notifying import MARK
from pfd.runtimes.reading import as_number
from pfd.submission.client_message import MAX_TASK, ClientMessage, check_id

_OWN = frozenset({"redis_message_id"})
"""Options that a broker of Dramatiq adds."""


def read_request(queue: str, data: bytes | None, size: int, *, among_wakeups: bool = False) -> ClientMessage:
    """What a client asks for; where it cannot be done the request says why.

    Parameters
    ----------
    queue : that of the list which the message lay in, whatever it says itself.
    data : its content; None where it is not there, or larger than is read.
    size : bytes of the content.
    among_wakeups : whether it lay in a queue of wakeups.

    Raises
    ------
    ParameterError : it has no id that a job can have, or no name of a task.
    """
    if data is None:
        raise ParameterError(f"the message is too large, it has {size} bytes" if size else "its content is not there")
    message = _object(data)
    identity = check_id(message.get("message_id"))
    task = message.get("actor_name")
    if not isinstance(task, str) or not 0 < len(task) <= MAX_TASK:
        raise ParameterError("its actor_name is not a name of a task")
    try:
        request = _read(queue, message, identity, task)
    except ParameterError as error:
        return ClientMessage(identity, task, problem=error)
    bare = not request.args and not request.kwargs and request.options == {"queue": queue}
    return replace(request, known_only=among_wakeups and bare)


def is_wakeup(data: bytes | None) -> bool:
    """Whether a message is a wakeup, and not that of a client who has sent it to a queue of wakeups."""
    try:
        message = _object(data or b"")
    except ParameterError:
        return False
    options = message.get("options")
    return isinstance(options, dict) and options.get(MARK) is True


def _object(data: bytes) -> dict[str, Any]:
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, numbers too long, nested too deep
        raise ParameterError(f"the message is not JSON ({type(error).__name__})") from error
    if not isinstance(message, dict):
        raise ParameterError(f"the message is not an object but of type {type(message).__name__}")
    return message


def _read(queue: str, message: Mapping[str, Any], identity: str, task: str) -> ClientMessage:
    args, kwargs, options = (message.get(name) for name in ("args", "kwargs", "options"))
    if not isinstance(args, list):
        raise ParameterError(f"args: a list is expected, not {type(args).__name__}")
    if not isinstance(kwargs, dict):
        raise ParameterError(f"kwargs: an object is expected, not {type(kwargs).__name__}")
    if not isinstance(options, dict):
        raise ParameterError(f"options: an object is expected, not {type(options).__name__}")
    return ClientMessage(identity, task, args, kwargs, {"queue": queue, **_options(options)})


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {name: value for name, value in given.items() if name not in _OWN and value is not None}
    if unknown := tuple(
        f"options.{name[:80]}: is not served, and nothing was run" for name in wanted if name not in _SERVED
    ):
        raise ParameterError(
            "; ".join(unknown[:10]),
            problems=unknown,
            hint="retries are those of the task; jobs wait for each other with submit(after=[…]) or 'pfd run'",
        )
    return {_SERVED[name][0]: _SERVED[name][1](as_number(f"options.{name}", value)) for name, value in wanted.items()}


def _to_seconds(milliseconds: float) -> float:
    return milliseconds / 1000


_SERVED: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "eta": ("not_before", _to_seconds),
    "time_limit": ("time_limit", _to_seconds),
    "broker_priority": ("priority", float),  # which has to be whole, as any other says
}
"""Options of a message that its job gets, by their names here, and how each is said."""

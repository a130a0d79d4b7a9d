"""Messages of Celery's protocol as requests for jobs.

All in here is foreign: headers, properties and bodies are whatever somebody has written to the broker.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pfd.errors import ParameterError
from pfd.runtimes.reading import as_number, shown
from pfd.submission.client_message import MAX_TASK, ClientMessage, check_id
from pfd_runtime_celery.address import DEFAULT_QUEUE

MAX_REPLY = 500
"""Characters of what a client is reached by."""

_NOT_SERVED = {
    "callbacks": "link",
    "errbacks": "link_error",
    "chain": "chain",
    "chord": "chord",
}
"""What a body may ask for beside its parameters, and how a client of Celery asks for that."""


def read_request(message: Any, most: int, queue: str | None = None) -> ClientMessage:
    """What a client asks for; where it cannot be done the request says why.

    `most` is how many bytes a body may have, and `queue` that of the job where it is not the one which the message lay
    in.  Raises `ParameterError` for a message that has no id that a job can have, or no name of a task.
    """
    headers = message.headers
    if not isinstance(headers, Mapping):
        raise ParameterError("its headers are not an object")
    identity = check_id(headers.get("id"))
    task = headers.get("task")
    if not isinstance(task, str) or not 0 < len(task) <= MAX_TASK:
        raise ParameterError("its header 'task' is not a name of a task")
    origin = headers.get("origin")
    submitter = origin if isinstance(origin, str) else ""
    bare = ClientMessage(identity, task, reply=_reply(message, headers), submitter=submitter)
    try:
        return _read(message, headers, bare, most, queue)
    except ParameterError as error:
        return ClientMessage(identity, task, reply=bare.reply, problem=error, submitter=submitter)


def refused_request(message: Any, problem: str) -> ClientMessage:
    """A message that was not let in, as a request that says why.  Raises as `read_request` does."""
    found = read_request(message, 0)
    return ClientMessage(found.id, found.task, reply=found.reply, problem=ParameterError(problem))


def _read(message: Any, headers: Mapping[str, Any], bare: ClientMessage, most: int, queue: str | None) -> ClientMessage:
    if headers.get("compression"):
        raise ParameterError("compression: the body is compressed, which is not accepted", hint="send it as it is")
    size = len(message.body or b"")
    if size > most:
        raise ParameterError(
            f"the body has {size} bytes, more than {most}", hint="keep what is large in a file, and name that"
        )
    try:
        body = message.decode()
    except Exception as error:  # not JSON, not of a known encoding: decoders raise anything
        raise ParameterError(f"the body cannot be read: {type(error).__name__}: {str(error)[:200]}") from error
    if not isinstance(body, list | tuple) or not 2 <= len(body) <= 3:
        raise ParameterError("the body is not [args, kwargs, embed]", hint="send messages of Celery's protocol 2")
    args, kwargs, embed = (*body, None)[:3]
    if not isinstance(args, list):
        raise ParameterError(f"args: a list is expected, not {type(args).__name__}")
    if not isinstance(kwargs, dict):
        raise ParameterError(f"kwargs: an object is expected, not {type(kwargs).__name__}")
    if problems := tuple(_not_served(headers, embed)):
        raise ParameterError(
            "; ".join(problems),
            problems=problems,
            hint="let jobs wait for each other with 'pfd run' or submit(after=[…]), or send them one by one",
        )
    known_only = queue is not None and not args and not kwargs and bool(headers.get("ignore_result"))
    options = _options(message, headers, queue)
    return replace(bare, args=args, kwargs=kwargs, options=options, known_only=known_only)


def _not_served(headers: Mapping[str, Any], embed: object) -> Iterator[str]:
    if embed is not None and not isinstance(embed, dict):
        yield f"embed: an object is expected, not {type(embed).__name__}"
        return
    for name, asked in _NOT_SERVED.items():
        if (embed or {}).get(name):
            yield f"{asked}: is not served, and nothing was run"
    if headers.get("expires") is not None:
        yield "expires: is not served, and nothing was run"


def _options(message: Any, headers: Mapping[str, Any], queue: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    delivery = message.delivery_info
    if queue is None:
        queue = delivery.get("routing_key") if isinstance(delivery, Mapping) else None
    if queue and queue != DEFAULT_QUEUE:
        options["queue"] = queue
    if headers.get("eta") is not None:
        options["not_before"] = _seconds(headers["eta"])
    hard, soft = _limits(headers.get("timelimit"))
    if hard is not None:
        options["time_limit"] = as_number("timelimit[0]", hard)
    if soft is not None:
        options["soft_time_limit"] = as_number("timelimit[1]", soft)
    properties = message.properties
    priority = properties.get("priority") if isinstance(properties, Mapping) else None
    if priority is not None:
        options["priority"] = as_number("priority", priority)  # which has to be whole, as any other says
    return options


def _limits(given: object) -> tuple[object, object]:
    if given is None:
        return None, None
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise ParameterError(f"timelimit={shown(given)}: two numbers of seconds are expected, or null")
    hard, soft = given
    return hard, soft


def _seconds(eta: object) -> float:
    try:
        at = dt.datetime.fromisoformat(eta)  # type: ignore[arg-type]  # whatever it is, it is an error or a time
        return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp()
    except (TypeError, ValueError, OverflowError) as error:
        raise ParameterError(f"eta={shown(eta)}: a time is expected") from error


def _reply(message: Any, headers: Mapping[str, Any]) -> dict[str, Any] | None:
    """How the client is reached; None where it does not want to hear of results."""
    if headers.get("ignore_result"):
        return None
    properties = message.properties if isinstance(message.properties, Mapping) else {}
    named = {name: properties.get(name) for name in ("reply_to", "correlation_id")}
    return {
        name: value if isinstance(value, str) and len(value) <= MAX_REPLY else None for name, value in named.items()
    }

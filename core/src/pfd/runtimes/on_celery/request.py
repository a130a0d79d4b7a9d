"""Messages of Celery's protocol as requests for jobs."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pfd.errors import ParameterError
from pfd.runtimes.on_celery.app import DEFAULT_QUEUE
from pfd.submission import Request, check_id


def read_request(task: str, message: Any) -> Request:
    """What a client asks for.  Raises `ParameterError` for a message that is none of a job."""
    headers = message.headers or {}
    identity = check_id(headers.get("id"))
    try:
        args, kwargs, *_ = message.decode()
    except Exception as error:  # the content is a client's: not JSON, not of three parts
        raise ParameterError(f"message {identity} cannot be read: {error}") from error
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise ParameterError(f"message {identity} has no parameters where they should be")
    return Request(identity, task, args, kwargs, _options(message, headers), _reply(message))


def _options(message: Any, headers: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    queue = (message.delivery_info or {}).get("routing_key")
    if queue and queue != DEFAULT_QUEUE:
        options["queue"] = queue
    if headers.get("eta"):
        options["not_before"] = _seconds(headers["eta"])
    hard, soft = (headers.get("timelimit") or [None, None])[:2]
    if hard:
        options["time_limit"] = float(hard)
    if soft:
        options["soft_time_limit"] = float(soft)
    priority = (message.properties or {}).get("priority")
    if priority:
        options["priority"] = int(priority)
    return options


def _seconds(eta: str) -> float:
    try:
        at = dt.datetime.fromisoformat(eta)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"eta={eta!r} is no time") from error
    return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp()


def _reply(message: Any) -> dict[str, Any] | None:
    """How the client is reached; None where it does not want to hear of results."""
    headers, properties = message.headers or {}, message.properties or {}
    if headers.get("ignore_result"):
        return None
    return {"reply_to": properties.get("reply_to"), "correlation_id": properties.get("correlation_id")}

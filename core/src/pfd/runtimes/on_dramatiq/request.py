"""Messages of Dramatiq as requests for jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pfd.submission import Request, check_id

if TYPE_CHECKING:
    from dramatiq import Message


def read_request(message: Message[Any]) -> Request:
    """What a client asks for.  Raises `ParameterError` for a message that is none of a job."""
    identity = check_id(message.message_id)
    return Request(
        identity, message.actor_name, list(message.args), dict(message.kwargs), {"queue": message.queue_name}
    )

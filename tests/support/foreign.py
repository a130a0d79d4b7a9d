"""Messages of brokers as nobody should send them: typed mutations of valid ones, and plain noise."""

from __future__ import annotations

import base64
import copy
import json
import random
import uuid
from typing import Any

DEEP = 1_500
"""Nesting that no reader of JSON is asked for, and that of Python does not stand."""


_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 1.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", " ", "x", "soon", "1", "\x00", "\ud800", "../../elsewhere", "\x1b[31mred", "é" * 500, "x" * 100_000),
    *([], [1], [None, None], ["x", {}], {}, {"a": 1}, {"$result": {"job": "x", "field": "y"}}, [[]] * 50),
)


def odd_value(rng: random.Random) -> Any:
    """A value that is seldom what is expected."""
    return copy.deepcopy(rng.choice(_ODD))


def mutated(rng: random.Random, value: Any) -> Any:
    """A copy with something in it replaced, removed, added, or doubled."""
    tree = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        tree = _mutate(rng, tree)
    return tree


def _mutate(rng: random.Random, tree: Any) -> Any:
    places = list(_places(tree))
    if not places or rng.random() < 0.03:
        return odd_value(rng)
    holder, key = rng.choice(places)
    what = rng.choice(("replace", "replace", "replace", "remove", "add", "deep"))
    if what == "remove":
        del holder[key]
    elif what == "add":
        if isinstance(holder, dict):
            holder[rng.choice(("self", "id", "task", "compression", "expires", "chain", "eta", "\x00", "x" * 300))] = (
                odd_value(rng)
            )
        else:
            holder.insert(key, odd_value(rng))
    elif what == "deep" and rng.random() < 0.2:
        holder[key] = rng.choice(("<deep list>", "<deep object>"))
    else:
        holder[key] = odd_value(rng)
    return tree


def _places(tree: Any) -> Any:
    if isinstance(tree, dict):
        for key, inner in tree.items():
            yield tree, key
            yield from _places(inner)
    elif isinstance(tree, list):
        for index, inner in enumerate(tree):
            yield tree, index
            yield from _places(inner)


def to_bytes(value: Any) -> bytes:
    """JSON; nested as deep as is asked for, which an encoder of Python could not write."""
    text = json.dumps(value)
    for name, (opening, closing) in {"<deep list>": ("[", "]"), "<deep object>": ('{"a":', "}")}.items():
        text = text.replace(f'"{name}"', opening * DEEP + "1" + closing * DEEP)
    return text.encode("utf-8", "surrogatepass")


def noise(rng: random.Random, valid: bytes) -> bytes:
    """Bytes that are not a message."""
    kind = rng.randrange(6)
    if kind == 0:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(60)))
    if kind == 1:
        return rng.choice((b"", b"1", b"[]", b"{}", b"null", b'"x"', b"[1,2,3]", b"9" * 5000, b"\xff\xfe"))
    if kind == 2:
        return valid[: rng.randrange(len(valid))]
    place = rng.randrange(len(valid))
    return valid[:place] + bytes([rng.randrange(256)]) + valid[place + 1 :]


# -- Celery ---------------------------------------------------------------------------------------------------------

BODY: list[Any] = [[{}], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]


def celery_headers(task: str, job_id: str) -> dict[str, Any]:
    """The headers of a message as Celery 5 sends it."""
    empty = dict.fromkeys(("shadow", "eta", "expires", "group", "group_index", "parent_id", "stamped_headers"))
    return {
        **empty,
        "lang": "py",
        "task": task,
        "id": job_id,
        "root_id": job_id,
        "retries": 0,
        "timelimit": [None, None],
        "argsrepr": "[{}]",
        "kwargsrepr": "{}",
        "origin": "gen1@host",
        "ignore_result": False,
        "stamps": {},
    }


def celery_envelope(task: str, job_id: str, queue: str, body: bytes | None = None) -> dict[str, Any]:
    """A message as kombu writes it into a list of Redis."""
    return {
        "body": base64.b64encode(to_bytes(BODY) if body is None else body).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": celery_headers(task, job_id),
        "properties": {
            "correlation_id": job_id,
            "reply_to": str(uuid.uuid4()),
            "delivery_mode": 2,
            "priority": 0,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }


def foreign_celery(rng: random.Random, task: str, queue: str) -> bytes:
    """An item for a list of Redis."""
    job_id = str(uuid.UUID(int=rng.getrandbits(128)))
    if rng.random() < 0.3:
        return to_bytes(celery_envelope(task, job_id, queue, foreign_body(rng)))
    envelope = celery_envelope(task, job_id, queue)
    return noise(rng, to_bytes(envelope)) if rng.random() < 0.15 else to_bytes(mutated(rng, envelope))


def foreign_body(rng: random.Random) -> bytes:
    """The body of a message of Celery."""
    return noise(rng, to_bytes(BODY)) if rng.random() < 0.2 else to_bytes(mutated(rng, BODY))


# -- Dramatiq -------------------------------------------------------------------------------------------------------


def dramatiq_message(task: str, job_id: str, queue: str) -> dict[str, Any]:
    """A message as Dramatiq 2 sends it."""
    return {
        "queue_name": queue,
        "actor_name": task,
        "args": [{}],
        "kwargs": {},
        "message_id": job_id,
        "options": {"redis_message_id": str(uuid.uuid4())},
        "message_timestamp": 1_790_000_000_000,
    }


def foreign_dramatiq(rng: random.Random, task: str, queue: str) -> bytes:
    """The content of a message of Dramatiq."""
    message = dramatiq_message(task, str(uuid.UUID(int=rng.getrandbits(128))), queue)
    return noise(rng, to_bytes(message)) if rng.random() < 0.15 else to_bytes(mutated(rng, message))

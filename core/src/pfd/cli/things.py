"""What there is of the things that the parameters of a task name, for who looks at the task."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pfd.cli.state import Session
from pfd.errors import PfdError
from pfd.references import Choices
from pfd.task import Task

if TYPE_CHECKING:
    from pfd.client.dispatcher import Dispatcher

FEW = 5
"""Things of a kind that are told, the newest."""

PATIENCE_S = 3.0
"""Seconds that a store may take to open: who looks at a task has not asked for a store."""


def things_there(session: Session, task: Task) -> dict[str, Choices]:
    """What there is of each kind that parameters of a task name; nothing where no store is there, or none answers."""
    from pfd.schema import fields_of, listed

    kinds = list(dict.fromkeys(field.reference for field in listed(fields_of(task.params)) if field.reference))
    if not kinds or not _is_made(session):
        return {}
    try:
        dispatcher = session.dispatcher
        return {kind: dispatcher.choices(kind, FEW) for kind in kinds} if _opens(dispatcher) else {}
    except PfdError:
        return {}


def _opens(dispatcher: Dispatcher) -> bool:
    """Whether the store of a dispatcher opens soon."""
    opened = threading.Event()

    def open_it() -> None:
        with contextlib.suppress(PfdError):
            dispatcher.store  # noqa: B018  (it is opened when it is asked for)
            opened.set()

    asking = threading.Thread(target=open_it, name="opening the store", daemon=True)
    asking.start()
    asking.join(PATIENCE_S)
    return opened.is_set()


def in_words(found: Choices) -> str:
    """Things on one line, each with what it is, and how many more there are."""
    if not found.names:
        return "none yet"
    told = [f"{name} ({about})" if about else name for name, about in found.names.items()]
    more = f"and {found.more} more" if found.whole else f"and more than {found.more} more"
    return ", ".join([*told, more] if found.more else told)


def _is_made(session: Session) -> bool:
    """False where the store is an SQLite file that is not there yet: to look into it would make it."""
    settings = session.settings
    if not settings.database_url:
        return (settings.home / "pfd.sqlite3").exists()
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(settings.store_url)
    except (ArgumentError, ValueError):  # for who asks for the store to say
        return False
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()

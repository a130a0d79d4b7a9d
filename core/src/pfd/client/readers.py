"""The tables of plugins outside a job: what plugins' command-line nouns, notebooks and the dashboard use."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pfd.artifacts import published
from pfd.plugins import load_registry
from pfd.settings import Settings, load_settings
from pfd.store import Store, jobs

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


WRITING_S = 10.0
"""Seconds after which the session of `writing` is rolled back, as that of a task is."""


@contextlib.contextmanager
def reading(settings: Settings | None = None) -> Iterator[Session]:
    """A read-only SQLAlchemy session on the configured store."""
    settings = settings or load_settings().values
    store = Store(settings, load_registry(settings).tables()).open()
    try:
        with store.session() as session:
            yield session
    finally:
        store.close()


@contextlib.contextmanager
def writing(settings: Settings | None = None) -> Iterator[Session]:
    """A short SQLAlchemy session that writes rows of plugins which no job makes, such as a split that a user names.

    Kept when the block ends well, rolled back otherwise.  A row that a job makes is written by `ctx.session()`, which
    names the job's claim.

    Raises
    ------
    StoreError : it was held for longer than `WRITING_S`, so that one client cannot stop the writes of all others.
    """
    settings = settings or load_settings().values
    store = Store(settings, load_registry(settings).tables()).open()
    try:
        with store.session(write=True, most=WRITING_S) as session:
            yield session
    finally:
        store.close()


def artifact_path(job_id: str, name: str, settings: Settings | None = None) -> Path:
    """The path of a published artifact of a job."""
    settings = settings or load_settings().values
    store = Store(settings).open()
    try:
        with store.read() as connection:
            return published(settings.home, jobs.get(connection, job_id), name)
    finally:
        store.close()

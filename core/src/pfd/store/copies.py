"""Copies of a store of SQLite: each one that is put to use has an identity of its own for cursors of changes."""

from __future__ import annotations

import sqlite3
import uuid

FEED_ID = "feed_id"
"""The fact that is the identity of the feed in place of the store's id."""

DRAW = "UPDATE pfd_fact SET value = lower(hex(randomblob(16))) WHERE name = 'feed_id' AND value LIKE 'copy-%'"
"""Draws the identity of a copy that is put to use: of many that open it at once, the first one does."""


def set_apart(copy: sqlite3.Connection) -> None:
    """Mark a copy as one that was never used."""
    copy.execute("INSERT OR REPLACE INTO pfd_fact (name, value) VALUES (?, ?)", (FEED_ID, f"copy-{uuid.uuid4().hex}"))


def is_unused(connection: sqlite3.Connection) -> bool:
    """Whether this is a copy that no program has opened since it was made."""
    try:
        row = connection.execute("SELECT value FROM pfd_fact WHERE name = 'feed_id'").fetchone()
    except sqlite3.OperationalError:  # it has no tables yet
        return False
    return row is not None and str(row[0]).startswith("copy-")

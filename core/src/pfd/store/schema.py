"""The tables of the core.  Times are seconds since the epoch; JSON is text made by `pfd.store.encoding`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from pfd.hooks import Tables
from pfd.records import Record

CORE = Tables("pfd", "pfd.store.schema", "pfd.store.migrations", head="pfd_0012", upgrade_order=0)

# SQLite numbers rows by itself only where the key is spelled INTEGER.
BigKey = BigInteger().with_variant(Integer, "sqlite")

QUEUED_SQL = "state IN ('PENDING', 'RETRY')"
RUNNING_SQL = "state IN ('STARTED', 'PROGRESS')"
READY_SQL = "waiting = 0 AND " + QUEUED_SQL
LATER_SQL = "due_at > 0 AND " + READY_SQL
COORDINATOR_SQL = "coordinator = 1 AND " + QUEUED_SQL
LIVE_SQL = "state IN ('PENDING', 'RETRY', 'STARTED', 'PROGRESS')"

# Spelled as constants: a partial index is used only where the query states its condition, not a parameter.
IS_QUEUED, IS_RUNNING, IS_LIVE = text(QUEUED_SQL), text(RUNNING_SQL), text(LIVE_SQL)
IS_NOT_WAITING = text("waiting = 0")
IS_COORDINATOR, IS_NO_COORDINATOR = text("coordinator = 1"), text("coordinator = 0")
IS_GPU, IS_NO_GPU = text("gpu = 1"), text("gpu = 0")

jobs = Table(
    "pfd_job",
    Record.metadata,
    Column("seq", BigKey, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("task", String(200), nullable=False),
    Column("queue", String(100), nullable=False),
    Column("state", String(10), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("waiting", Integer, nullable=False),
    Column("followers", Integer, nullable=False),
    Column("claim", BigInteger),
    Column("owner", String(64)),
    Column("attempt", Integer, nullable=False),
    Column("lost", Integer, nullable=False),
    Column("cancel_requested", Integer, nullable=False),
    Column("progress", Double, nullable=False),
    Column("status", Text, nullable=False),
    Column("meta", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("key", String(200)),
    Column("session", String(64), key="client_id"),  # as the version before calls it, which may serve the same store
    Column("parent_id", String(64)),
    Column("level", Integer, nullable=False, server_default="0"),
    Column("coordinator", Integer, nullable=False, server_default="0"),
    Column("gpu", Integer, nullable=False, server_default="0"),
    Column("retry_of", String(64)),
    Column("tags", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("params", Text, nullable=False),
    Column("result", Text),
    Column("failure", Text),
    Column("artifacts", Text, nullable=False),
    Column(
        "submitter", String(200), nullable=False, server_default=text("''")
    ),  # none of a client of the version before
    Column("changed", BigInteger, nullable=False, server_default="0"),  # by a trigger of the database
    # What claims look through: SQLite by a few steps, PostgreSQL along the order of a queue.
    Index(
        "ix_pfd_job_claimable",
        *("queue", "gpu", text("priority DESC"), "seq"),
        postgresql_where=text(READY_SQL),
    ).ddl_if(dialect="postgresql"),
    Index(
        "ix_pfd_job_ready",
        *("queue", "gpu", "task", "due_at", text("priority DESC"), "seq"),
        sqlite_where=text(READY_SQL),
    ).ddl_if(dialect="sqlite"),
    Index(
        "ix_pfd_job_later",
        *("queue", "gpu", "task", text("priority DESC"), "seq"),
        sqlite_where=text(LATER_SQL),
    ).ddl_if(dialect="sqlite"),
    Index(
        "ix_pfd_job_coordinator",
        "queue",
        sqlite_where=text(COORDINATOR_SQL),
        postgresql_where=text(COORDINATOR_SQL),
    ),
    Index("ix_pfd_job_owner", "owner", sqlite_where=text(RUNNING_SQL), postgresql_where=text(RUNNING_SQL)),
    Index(
        "uq_pfd_job_key",
        "key",
        unique=True,
        sqlite_where=text("key IS NOT NULL AND " + LIVE_SQL),
        postgresql_where=text("key IS NOT NULL AND " + LIVE_SQL),
    ),
    # A listing by each of these is a range ordered by `seq`; what else it may be filtered by stands after that.
    Index("ix_pfd_job_state", "state", "seq", "task", "queue"),
    Index("ix_pfd_job_task", "task", "seq", "queue"),
    Index("ix_pfd_job_queue", "queue", "seq"),
    Index("ix_pfd_job_changed", "changed", "seq"),
    Index(
        "ix_pfd_job_parent_id",
        *("parent_id", "seq", "state", "task", "queue"),
        sqlite_where=text("parent_id IS NOT NULL"),
        postgresql_where=text("parent_id IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

claims = Table(
    "pfd_claim",
    Record.metadata,
    Column("number", BigKey, primary_key=True, autoincrement=True),
    Column("job_seq", BigInteger, ForeignKey("pfd_job.seq", ondelete="CASCADE"), nullable=False, index=True),
    Column("owner", String(64), nullable=False),
    Column("claimed_at", Double, nullable=False),
    Column("outcome", Text),
    sqlite_autoincrement=True,
)
"""The log of claims.  Its number is the fence: drawn once, never again.  `outcome` says why a run was not the last."""

change = Table(
    "pfd_change",
    Record.metadata,
    Column("id", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),
)
"""One row, once there is a change: how many of them there were in SQLite, and what is added to the number of a
transaction in PostgreSQL."""

edges = Table(
    "pfd_edge",
    Record.metadata,
    Column("parent_seq", BigInteger, ForeignKey("pfd_job.seq", ondelete="CASCADE"), primary_key=True),
    Column("child_seq", BigInteger, ForeignKey("pfd_job.seq", ondelete="CASCADE"), primary_key=True, index=True),
)

tags = Table(
    "pfd_tag",
    Record.metadata,
    Column("tag", String(100), primary_key=True),
    Column("job_seq", BigInteger, ForeignKey("pfd_job.seq", ondelete="CASCADE"), primary_key=True, index=True),
)

workers = Table(
    "pfd_worker",
    Record.metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("runtime", String(50), nullable=False),
    Column("slots", Text, nullable=False),
    Column("gpus", Text, nullable=False, server_default="{}"),
    Column("session", String(64), key="client_id"),  # as the version before calls it, which may serve the same store
    Column("beat", BigInteger, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("metrics", String(300)),
    Column("lease", Double),  # seconds; none of a worker of the version before
)

mirrors = Table(
    "pfd_mirror",
    Record.metadata,
    Column("job_seq", BigInteger, ForeignKey("pfd_job.seq", ondelete="CASCADE"), primary_key=True),
    Column("reply", Text, nullable=False),
    Column("state", String(10), nullable=False),
    Column("progress", Double, nullable=False),
    Column("status", Text, nullable=False),
)
"""What clients of a broker were told last of their jobs; `reply` says how to reach them."""

schedules = Table(
    "pfd_schedule",
    Record.metadata,
    Column("seq", BigKey, primary_key=True, autoincrement=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("cron", String(200), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("task", String(200), nullable=False),
    Column("params", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("overlap", String(10), nullable=False),
    Column("catch_up", Integer, nullable=False),
    Column("enabled", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("settled_until", BigInteger, nullable=False),
    Column("next_at", BigInteger, index=True),
    Column("job_id", String(64)),
    Column("created_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
    sqlite_autoincrement=True,
)
"""Schedules.  Slots up to `settled_until` are dealt with, or are none of its own; it only grows, so that no slot fires
twice however few of them are kept.  `revision` counts changes; `job_id` is of the slot that fired last."""

schedule_slots = Table(
    "pfd_schedule_slot",
    Record.metadata,
    Column("schedule_seq", BigInteger, ForeignKey("pfd_schedule.seq", ondelete="CASCADE"), primary_key=True),
    Column("slot", BigInteger, primary_key=True),
    Column("settled_at", Double, nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("reason", Text, nullable=False),
    Column("passed_over", Integer, nullable=False),
    Column("job_id", String(64)),
)
"""The newest slots of each schedule, and what became of them.  They refer to jobs by id alone, and so keep none."""

refused = Table(
    "pfd_refused",
    Record.metadata,
    Column("runtime", String(50), primary_key=True),
    Column("queue", String(100), primary_key=True),
    Column("reason", String(300), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False, index=True),
    Column("sample", Text, nullable=False),
)
"""Messages of a broker that could not even be stored as a job that failed, counted by what was wrong with them."""

facts = Table(
    "pfd_fact",
    Record.metadata,
    Column("name", String(50), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Single facts about the store, such as the id that ties it to its PFD_HOME."""

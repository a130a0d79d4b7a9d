"""Indexes that hold all that a listing filters by, and for claims only of jobs that wait for no other."""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0003"
down_revision = "pfd_0002"
branch_labels = None
depends_on = None

QUEUED = "state IN ('PENDING', 'RETRY')"
NAMES = ("state", "task", "parent_id")


def upgrade() -> None:
    _drop()
    op.create_index("ix_pfd_job_state", "pfd_job", ["state", "seq", "task", "queue"])
    op.create_index("ix_pfd_job_task", "pfd_job", ["task", "seq", "queue"])
    child = sa.text("parent_id IS NOT NULL")
    columns = ["parent_id", "seq", "state", "task", "queue"]
    op.create_index("ix_pfd_job_parent_id", "pfd_job", columns, sqlite_where=child, postgresql_where=child)
    _claimable("waiting = 0 AND " + QUEUED)


def downgrade() -> None:
    _drop()
    _claimable(QUEUED)
    for name in ("state", "task"):
        op.create_index(f"ix_pfd_job_{name}", "pfd_job", [name, "seq"])
    op.create_index("ix_pfd_job_parent_id", "pfd_job", ["parent_id"])


def _drop() -> None:
    for name in NAMES:
        op.drop_index(f"ix_pfd_job_{name}", "pfd_job")


def _claimable(condition: str) -> None:
    op.drop_index("ix_pfd_job_claimable", "pfd_job")
    op.create_index(
        "ix_pfd_job_claimable",
        "pfd_job",
        ["queue", sa.text("priority DESC"), "seq"],
        sqlite_where=sa.text(condition),
        postgresql_where=sa.text(condition),
    )

"""What claims look through in SQLite, by task and due time, so that what cannot be taken is passed over unread."""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0010"
down_revision = "pfd_0009"
branch_labels = None
depends_on = None

READY = "waiting = 0 AND state IN ('PENDING', 'RETRY')"
PRIORITY = sa.text("priority DESC")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_pfd_job_claimable", "pfd_job")
        _create("ix_pfd_job_ready", ["queue", "gpu", "task", "due_at", PRIORITY, "seq"], READY)
        _create("ix_pfd_job_later", ["queue", "gpu", "task", PRIORITY, "seq"], "due_at > 0 AND " + READY)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_pfd_job_later", "pfd_job")
        op.drop_index("ix_pfd_job_ready", "pfd_job")
        _create("ix_pfd_job_claimable", ["queue", "gpu", PRIORITY, "seq"], READY)


def _create(name: str, columns: list[str | sa.TextClause], condition: str) -> None:
    op.create_index(name, "pfd_job", columns, sqlite_where=sa.text(condition))

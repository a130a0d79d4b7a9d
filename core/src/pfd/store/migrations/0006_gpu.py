"""Which jobs want a gpu slot, in their place in the index of claims, and which devices a worker has."""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0006"
down_revision = "pfd_0005"
branch_labels = None
depends_on = None

READY = "waiting = 0 AND state IN ('PENDING', 'RETRY')"


def upgrade() -> None:
    op.add_column("pfd_job", sa.Column("gpu", sa.Integer, nullable=False, server_default="0"))
    op.add_column("pfd_worker", sa.Column("gpus", sa.Text, nullable=False, server_default="{}"))
    _claimable(["queue", "gpu", sa.text("priority DESC"), "seq"])


def downgrade() -> None:
    _claimable(["queue", sa.text("priority DESC"), "seq"])
    with op.batch_alter_table("pfd_worker") as table:
        table.drop_column("gpus")
    with op.batch_alter_table("pfd_job") as table:
        table.drop_column("gpu")


def _claimable(columns: list[str | sa.TextClause]) -> None:
    op.drop_index("ix_pfd_job_claimable", "pfd_job")
    op.create_index(
        "ix_pfd_job_claimable",
        "pfd_job",
        columns,
        sqlite_where=sa.text(READY),
        postgresql_where=sa.text(READY),
    )

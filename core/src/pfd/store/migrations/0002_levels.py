"""How deep a job stands below one that a client submitted, and whether it waits for others."""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0002"
down_revision = "pfd_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pfd_job", sa.Column("level", sa.Integer, nullable=False, server_default="0"))
    op.add_column("pfd_job", sa.Column("coordinator", sa.Integer, nullable=False, server_default="0"))
    waiting = sa.text("coordinator = 1 AND state IN ('PENDING', 'RETRY')")
    op.create_index("ix_pfd_job_coordinator", "pfd_job", ["queue"], sqlite_where=waiting, postgresql_where=waiting)


def downgrade() -> None:
    op.drop_index("ix_pfd_job_coordinator", "pfd_job")
    with op.batch_alter_table("pfd_job") as table:
        table.drop_column("coordinator")
        table.drop_column("level")

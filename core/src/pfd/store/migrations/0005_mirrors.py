"""Jobs whose state somebody reads elsewhere."""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0005"
down_revision = "pfd_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pfd_mirror",
        sa.Column("job_seq", sa.BigInteger, sa.ForeignKey("pfd_job.seq", ondelete="CASCADE"), primary_key=True),
        sa.Column("reply", sa.Text, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("pfd_mirror")

"""Messages that could not become jobs."""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0008"
down_revision = "pfd_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pfd_refused",
        sa.Column("runtime", sa.String(50), primary_key=True),
        sa.Column("queue", sa.String(100), primary_key=True),
        sa.Column("reason", sa.String(300), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("first_at", sa.Double, nullable=False),
        sa.Column("last_at", sa.Double, nullable=False, index=True),
        sa.Column("sample", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("pfd_refused")

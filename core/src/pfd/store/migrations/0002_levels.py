"""How deep a job stands below one that a client submitted."""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0002"
down_revision = "pfd_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pfd_job", sa.Column("level", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("pfd_job") as table:
        table.drop_column("level")

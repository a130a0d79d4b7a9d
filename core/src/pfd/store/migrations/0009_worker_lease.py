"""The lease of each worker: others of another setting must not give it up sooner."""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0009"
down_revision = "pfd_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pfd_worker", sa.Column("lease", sa.Double))


def downgrade() -> None:
    op.drop_column("pfd_worker", "lease")

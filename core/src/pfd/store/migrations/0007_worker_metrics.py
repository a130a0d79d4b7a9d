"""Where a worker serves its metrics."""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0007"
down_revision = "pfd_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pfd_worker", sa.Column("metrics", sa.String(300)))


def downgrade() -> None:
    op.drop_column("pfd_worker", "metrics")

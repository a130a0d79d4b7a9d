"""What tells whether the file of a dataset is as it was written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "data_0003"
down_revision = "data_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Datasets from before have none, and are read as a whole when first used, once a process.
    op.add_column("data_dataset", sa.Column("seal", sa.JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("data_dataset", "seal")

"""What tells whether the files of an experiment are as they were written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "training_0002"
down_revision = "training_0001"
branch_labels = None
depends_on = None

COLUMNS = ("model_seal", "predictions_seal")


def upgrade() -> None:
    # Experiments from before have none, and their files are taken as they are.
    for name in COLUMNS:
        op.add_column("training_experiment", sa.Column(name, sa.JSON(), nullable=True))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("training_experiment", name)

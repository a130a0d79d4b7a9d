"""The table of datasets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "data_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "data_dataset",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column(
            "job_id",
            sa.String(64),
            sa.ForeignKey("pfd_job.id", name="fk_data_dataset_job_id", ondelete="RESTRICT"),
            nullable=False,
        ),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("n_recordings", sa.Integer, nullable=False),
        sa.Column("n_bearings", sa.Integer, nullable=False),
        sa.Column("classes", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.UniqueConstraint("job_id", name="uq_data_dataset_job_id"),
    )
    op.create_index("ix_data_dataset_name", "data_dataset", ["name"])


def downgrade() -> None:
    op.drop_table("data_dataset")

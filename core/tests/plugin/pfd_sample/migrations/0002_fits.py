"""Fits."""

import sqlalchemy as sa
from alembic import op

revision = "sample_0002"
down_revision = "sample_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sample_fit",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("job_id", sa.String(64), nullable=True),
        sa.Column("written_by", sa.String(64), nullable=True),
        sa.Column("method", sa.Text, nullable=True),
        sa.Column("value", sa.Integer, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sample_fit"),
        sa.ForeignKeyConstraint(["job_id"], ["pfd_job.id"], name="fk_sample_fit_job_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["written_by"], ["pfd_job.id"], name="fk_sample_fit_written_by", ondelete="RESTRICT"),
        sa.UniqueConstraint("job_id", name="uq_sample_fit_job_id"),
    )


def downgrade() -> None:
    op.drop_table("sample_fit")

"""Notes."""

import sqlalchemy as sa
from alembic import op

revision = "sample_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sample_note",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sample_note"),
        sa.ForeignKeyConstraint(["job_id"], ["pfd_job.id"], name="fk_sample_note_job_id", ondelete="RESTRICT"),
        sa.UniqueConstraint("job_id", name="uq_sample_note_job_id"),
    )


def downgrade() -> None:
    op.drop_table("sample_note")

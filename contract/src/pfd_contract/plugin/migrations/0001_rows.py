"""Rows."""

import sqlalchemy as sa
from alembic import op

revision = "contract_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contract_row",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_contract_row"),
        sa.ForeignKeyConstraint(["job_id"], ["pfd_job.id"], name="fk_contract_row_job_id", ondelete="RESTRICT"),
        sa.UniqueConstraint("job_id", name="uq_contract_row_job_id"),
    )


def downgrade() -> None:
    op.drop_table("contract_row")

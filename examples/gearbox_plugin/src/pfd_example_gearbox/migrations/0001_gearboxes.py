"""Gearboxes and spectra."""

import sqlalchemy as sa
from alembic import op

revision = "gearbox_0001"
down_revision = None
branch_labels = None
depends_on = None

JOB = ["pfd_job.id"]


def upgrade() -> None:
    op.create_table(
        "gearbox_gearbox",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("teeth", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gearbox_gearbox"),
        sa.UniqueConstraint("job_id", name="uq_gearbox_gearbox_job_id"),
        sa.UniqueConstraint("name", name="uq_gearbox_gearbox_name"),
        sa.ForeignKeyConstraint(["job_id"], JOB, name="fk_gearbox_gearbox_job_id", ondelete="RESTRICT"),
    )
    op.create_table(
        "gearbox_spectrum",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("job_id", sa.String(64)),
        sa.Column("written_by", sa.String(64)),
        sa.Column("gearbox", sa.String(40)),
        sa.Column("fault", sa.String(20)),
        sa.Column("sideband_ratio", sa.Float),
        sa.PrimaryKeyConstraint("id", name="pk_gearbox_spectrum"),
        sa.UniqueConstraint("job_id", name="uq_gearbox_spectrum_job_id"),
        sa.ForeignKeyConstraint(["job_id"], JOB, name="fk_gearbox_spectrum_job_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["written_by"], JOB, name="fk_gearbox_spectrum_written_by", ondelete="RESTRICT"),
    )


def downgrade() -> None:
    op.drop_table("gearbox_spectrum")
    op.drop_table("gearbox_gearbox")

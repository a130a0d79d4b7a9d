"""Schedules, and what became of their slots."""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0004"
down_revision = "pfd_0003"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "pfd_schedule",
        sa.Column("seq", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("cron", sa.String(200), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("task", sa.String(200), nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("overlap", sa.String(10), nullable=False),
        sa.Column("catch_up", sa.Integer, nullable=False),
        sa.Column("enabled", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("settled_until", sa.BigInteger, nullable=False),
        sa.Column("next_at", sa.BigInteger),
        sa.Column("job_id", sa.String(64)),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_pfd_schedule"),
        sa.UniqueConstraint("name", name="uq_pfd_schedule_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_pfd_schedule_next_at", "pfd_schedule", ["next_at"])

    op.create_table(
        "pfd_schedule_slot",
        sa.Column("schedule_seq", sa.BigInteger, nullable=False),
        sa.Column("slot", sa.BigInteger, nullable=False),
        sa.Column("settled_at", sa.Double, nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("passed_over", sa.Integer, nullable=False),
        sa.Column("job_id", sa.String(64)),
        sa.PrimaryKeyConstraint("schedule_seq", "slot", name="pk_pfd_schedule_slot"),
        sa.ForeignKeyConstraint(
            ["schedule_seq"],
            ["pfd_schedule.seq"],
            name="fk_pfd_schedule_slot_schedule_seq",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    for table in ("pfd_schedule_slot", "pfd_schedule"):
        op.drop_table(table)

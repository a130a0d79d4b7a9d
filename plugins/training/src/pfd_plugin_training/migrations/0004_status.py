"""Experiments that are there from the submission of their job on, or are made beforehand."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "training_0004"
down_revision = "training_0003"
branch_labels = None
depends_on = None

TABLE = "training_experiment"
JOB = f"fk_{TABLE}_job_id_pfd_job"
WRITTEN = f"fk_{TABLE}_written_by_pfd_job"
BY_THE_RUN: dict[str, Any] = {
    "model": sa.String(64),
    "dataset_id": sa.Integer(),
    "dataset_name": sa.String(64),
    "dataset_fingerprint": sa.String(128),
    "random_seed": sa.BigInteger(),
    "stamp": sa.Text(),
    "leaky": sa.Boolean(),
    "leaks": sa.JSON(),
    "classes": sa.JSON(),
    "split": sa.JSON(),
    "config": sa.JSON(),
    "metrics": sa.JSON(),
    "model_path": sa.Text(),
    "predictions_path": sa.Text(),
}
"""What is null until a run has written it."""


def upgrade() -> None:
    # A number that has gone with its job is not given to another experiment.
    with op.batch_alter_table(TABLE, table_kwargs={"sqlite_autoincrement": True}) as table:
        table.add_column(sa.Column("name", sa.String(200), nullable=False, server_default=""))
        table.add_column(sa.Column("created_at", sa.Double(), nullable=False, server_default="0"))
        table.add_column(sa.Column("written_by", sa.String(64), nullable=True))
        for name, kind in BY_THE_RUN.items():
            table.alter_column(name, existing_type=kind, nullable=True)
        table.alter_column("job_id", existing_type=sa.String(64), nullable=True)
        table.drop_constraint(JOB, type_="foreignkey")
        table.create_foreign_key(JOB, "pfd_job", ["job_id"], ["id"], ondelete="CASCADE")
        table.create_foreign_key(WRITTEN, "pfd_job", ["written_by"], ["id"], ondelete="RESTRICT")
    op.execute(
        f"UPDATE {TABLE} SET written_by = job_id, "  # noqa: S608  (constants)
        f"created_at = (SELECT pfd_job.created_at FROM pfd_job WHERE pfd_job.id = {TABLE}.job_id)"
    )


def downgrade() -> None:
    op.execute(f"DELETE FROM {TABLE} WHERE written_by IS NULL")  # noqa: S608  (there is no place for them)
    with op.batch_alter_table(TABLE) as table:
        table.drop_constraint(WRITTEN, type_="foreignkey")
        table.drop_constraint(JOB, type_="foreignkey")
        table.create_foreign_key(JOB, "pfd_job", ["job_id"], ["id"], ondelete="RESTRICT")
        table.alter_column("job_id", existing_type=sa.String(64), nullable=False)
        for name, kind in BY_THE_RUN.items():
            table.alter_column(name, existing_type=kind, nullable=False)
        for name in ("written_by", "created_at", "name"):
            table.drop_column(name)

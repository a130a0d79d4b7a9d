"""The client that submitted a job, or that a worker is confined to, under its present name."""

from alembic import op

revision = "pfd_0009"
down_revision = "pfd_0008"
branch_labels = None
depends_on = None

TABLES = ("pfd_job", "pfd_worker")


def upgrade() -> None:
    for table in TABLES:  # not by alter_column, which copies the whole table on SQLite
        op.execute(f"ALTER TABLE {table} RENAME COLUMN session TO client_id")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN client_id TO session")

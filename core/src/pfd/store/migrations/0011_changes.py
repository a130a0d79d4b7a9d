"""A counter of changes in each job, kept by the database itself, whichever version or program writes.

SQLite has one writer at a time, so a row that counts gives numbers in the order in which they can be seen.  PostgreSQL
has many: a number that is drawn early may be seen late, so there it is the number of the transaction, of which a reader
knows which have ended.  A dump that is restored elsewhere finds smaller ones: `start` is added to them.
"""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0011"
down_revision = "pfd_0010"
branch_labels = None
depends_on = None

SEEN = (
    "state, progress, status, meta, claim, attempt, lost, cancel_requested, waiting, due_at, result, failure, artifacts"
)
"""What of a job others see change."""

SQLITE = """
CREATE TRIGGER pfd_job_{name} AFTER {event} ON pfd_job BEGIN
    INSERT INTO pfd_change (id, number, start) VALUES (1, (SELECT max(changed) + 1 FROM pfd_job), 0)
        ON CONFLICT (id) DO UPDATE SET number = number + 1;
    UPDATE pfd_job SET changed = (SELECT number FROM pfd_change) WHERE seq = NEW.seq;
END
"""

POSTGRES = """
CREATE FUNCTION pfd_job_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.changed := pg_current_xact_id()::text::bigint + coalesce((SELECT start FROM pfd_change), 0);
    RETURN NEW;
END $$;
CREATE TRIGGER pfd_job_changed BEFORE INSERT OR UPDATE OF {seen} ON pfd_job
    FOR EACH ROW EXECUTE FUNCTION pfd_job_changed();
"""


def upgrade() -> None:
    op.create_table(
        "pfd_change",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
    )
    op.add_column("pfd_job", sa.Column("changed", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_pfd_job_changed", "pfd_job", ["changed", "seq"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(SQLITE.format(name="added", event="INSERT"))
        op.execute(SQLITE.format(name="changed", event=f"UPDATE OF {SEEN}"))
    else:
        op.execute(POSTGRES.format(seen=SEEN))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER pfd_job_changed")
        op.execute("DROP TRIGGER pfd_job_added")
    else:
        op.execute("DROP TRIGGER pfd_job_changed ON pfd_job")
        op.execute("DROP FUNCTION pfd_job_changed()")
    op.drop_index("ix_pfd_job_changed", "pfd_job")
    op.drop_column("pfd_job", "changed")
    op.drop_table("pfd_change")

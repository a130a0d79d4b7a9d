"""Jobs, claims, edges, tags, workers, facts."""

import sqlalchemy as sa
from alembic import op

revision = "pfd_0001"
down_revision = None
branch_labels = None
depends_on = None

QUEUED = "state IN ('PENDING', 'RETRY')"
RUNNING = "state IN ('STARTED', 'PROGRESS')"
LIVE = "state IN ('PENDING', 'RETRY', 'STARTED', 'PROGRESS')"
BIG_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "pfd_job",
        sa.Column("seq", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("task", sa.String(200), nullable=False),
        sa.Column("queue", sa.String(100), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("waiting", sa.Integer, nullable=False),
        sa.Column("followers", sa.Integer, nullable=False),
        sa.Column("claim", sa.BigInteger),
        sa.Column("owner", sa.String(64)),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("lost", sa.Integer, nullable=False),
        sa.Column("cancel_requested", sa.Integer, nullable=False),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("meta", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("started_at", sa.Double),
        sa.Column("ended_at", sa.Double),
        sa.Column("key", sa.String(200)),
        sa.Column("session", sa.String(64)),
        sa.Column("parent_id", sa.String(64)),
        sa.Column("retry_of", sa.String(64)),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("failure", sa.Text),
        sa.Column("artifacts", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_pfd_job"),
        sa.UniqueConstraint("id", name="uq_pfd_job_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_pfd_job_claimable",
        "pfd_job",
        ["queue", sa.text("priority DESC"), "seq"],
        sqlite_where=sa.text(QUEUED),
        postgresql_where=sa.text(QUEUED),
    )
    op.create_index(
        "ix_pfd_job_owner", "pfd_job", ["owner"], sqlite_where=sa.text(RUNNING), postgresql_where=sa.text(RUNNING)
    )
    keyed = sa.text("key IS NOT NULL AND " + LIVE)
    op.create_index("uq_pfd_job_key", "pfd_job", ["key"], unique=True, sqlite_where=keyed, postgresql_where=keyed)
    op.create_index("ix_pfd_job_state", "pfd_job", ["state", "seq"])
    op.create_index("ix_pfd_job_task", "pfd_job", ["task", "seq"])
    op.create_index("ix_pfd_job_queue", "pfd_job", ["queue", "seq"])
    op.create_index("ix_pfd_job_parent_id", "pfd_job", ["parent_id"])

    op.create_table(
        "pfd_claim",
        sa.Column("number", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("job_seq", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("claimed_at", sa.Double, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.PrimaryKeyConstraint("number", name="pk_pfd_claim"),
        sa.ForeignKeyConstraint(["job_seq"], ["pfd_job.seq"], name="fk_pfd_claim_job_seq", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_pfd_claim_job_seq", "pfd_claim", ["job_seq"])

    op.create_table(
        "pfd_edge",
        sa.Column("parent_seq", sa.BigInteger, nullable=False),
        sa.Column("child_seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("parent_seq", "child_seq", name="pk_pfd_edge"),
        sa.ForeignKeyConstraint(["parent_seq"], ["pfd_job.seq"], name="fk_pfd_edge_parent_seq", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["child_seq"], ["pfd_job.seq"], name="fk_pfd_edge_child_seq", ondelete="CASCADE"),
    )
    op.create_index("ix_pfd_edge_child_seq", "pfd_edge", ["child_seq"])

    op.create_table(
        "pfd_tag",
        sa.Column("tag", sa.String(100), nullable=False),
        sa.Column("job_seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tag", "job_seq", name="pk_pfd_tag"),
        sa.ForeignKeyConstraint(["job_seq"], ["pfd_job.seq"], name="fk_pfd_tag_job_seq", ondelete="CASCADE"),
    )
    op.create_index("ix_pfd_tag_job_seq", "pfd_tag", ["job_seq"])

    op.create_table(
        "pfd_worker",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("runtime", sa.String(50), nullable=False),
        sa.Column("slots", sa.Text, nullable=False),
        sa.Column("session", sa.String(64)),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pfd_worker"),
    )

    op.create_table(
        "pfd_fact",
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_pfd_fact"),
    )


def downgrade() -> None:
    for table in ("pfd_fact", "pfd_worker", "pfd_tag", "pfd_edge", "pfd_claim", "pfd_job"):
        op.drop_table(table)

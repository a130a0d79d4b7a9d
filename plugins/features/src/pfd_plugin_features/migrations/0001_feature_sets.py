"""Feature sets."""

import sqlalchemy as sa
from alembic import op

revision = "features_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "features_feature_set",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("dataset_fingerprint", sa.String(128), nullable=False),
        sa.Column("path", sa.String(1024), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("window", sa.Integer(), nullable=False),
        sa.Column("hop", sa.Integer(), nullable=False),
        sa.Column("sample_rate_hz", sa.Float(), nullable=False),
        sa.Column("lowpass_hz", sa.Float(), nullable=True),
        sa.Column("channel", sa.String(255), nullable=False),
        sa.Column("n_windows", sa.Integer(), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_features_feature_set"),
        sa.UniqueConstraint("job_id", name="uq_features_feature_set_job_id"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["pfd_job.id"], name="fk_features_feature_set_job_id_pfd_job", ondelete="RESTRICT"
        ),
    )


def downgrade() -> None:
    op.drop_table("features_feature_set")

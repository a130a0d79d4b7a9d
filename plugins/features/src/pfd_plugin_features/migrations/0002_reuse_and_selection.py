"""What a feature set needs to be reused: its file's hash, what made it; and what a selection was made from."""

import sqlalchemy as sa
from alembic import op

revision = "features_0002"
down_revision = "features_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Sets from before have none of these, and are never reused.
    op.add_column("features_feature_set", sa.Column("sha256", sa.String(64), nullable=True))
    op.add_column("features_feature_set", sa.Column("libraries", sa.JSON(), nullable=True))
    op.add_column("features_feature_set", sa.Column("n_unusable", sa.Integer(), nullable=True))
    op.add_column("features_feature_set", sa.Column("selected_from", sa.Integer(), nullable=True))
    op.add_column("features_feature_set", sa.Column("stamp", sa.Text(), nullable=True))
    op.add_column("features_feature_set", sa.Column("leaky", sa.Boolean(), nullable=True))


def downgrade() -> None:
    for name in ("leaky", "stamp", "selected_from", "n_unusable", "libraries", "sha256"):
        op.drop_column("features_feature_set", name)

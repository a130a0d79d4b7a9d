"""What tells whether the file of a feature set is as it was written, in place of its digest alone."""

import sqlalchemy as sa
from alembic import op

revision = "features_0003"
down_revision = "features_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Sets from before have none, and are never reused.
    op.add_column("features_feature_set", sa.Column("seal", sa.JSON(), nullable=True))
    op.drop_column("features_feature_set", "sha256")


def downgrade() -> None:
    op.add_column("features_feature_set", sa.Column("sha256", sa.String(64), nullable=True))
    op.drop_column("features_feature_set", "seal")

"""Which speed of a recording its features go by."""

import sqlalchemy as sa
from alembic import op

revision = "features_0004"
down_revision = "features_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("features_feature_set", sa.Column("speed_source", sa.String(16), nullable=True))


def downgrade() -> None:
    op.drop_column("features_feature_set", "speed_source")

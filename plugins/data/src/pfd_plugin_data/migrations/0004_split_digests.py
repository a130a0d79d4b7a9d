"""The digest of a split as a column."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "data_0004"
down_revision = "data_0003"
branch_labels = None
depends_on = None

SPLITS = sa.table(
    "data_split",
    *(sa.column("id"), sa.column("seed"), sa.column("leaky", sa.Boolean), sa.column("parts", sa.JSON)),
    sa.column("digest"),
)
PARTS = ("train", "validation", "test")


def upgrade() -> None:
    op.add_column("data_split", sa.Column("digest", sa.String(64), nullable=False, server_default=""))
    connection = op.get_bind()
    for row in connection.execute(sa.select(SPLITS)).all():
        dealt = [*(row.parts[part] for part in PARTS), row.seed if row.leaky else None]
        digest = hashlib.sha256(json.dumps(dealt).encode()).hexdigest()[:12]  # as `Split.digest`
        connection.execute(SPLITS.update().where(SPLITS.c.id == row.id).values(digest=digest))


def downgrade() -> None:
    op.drop_column("data_split", "digest")

"""What tells whether the file of a feature set is as it was written, in place of its digest alone."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "features_0003"
down_revision = "features_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("features_feature_set", sa.Column("seal", sa.JSON(), nullable=True))
    # Of sets from before the digest alone is known: they are read as a whole when first used, once a process.
    for number, sha256 in _rows("sha256"):
        seal = {"size": -1, "mtime_ns": 0, "ctime_ns": 0, "sha256": sha256}
        _write(number, "seal", json.dumps(seal))
    op.drop_column("features_feature_set", "sha256")


def downgrade() -> None:
    op.add_column("features_feature_set", sa.Column("sha256", sa.String(64), nullable=True))
    for number, seal in _rows("seal"):
        found = json.loads(seal) if isinstance(seal, str) else seal
        _write(number, "sha256", found["sha256"])
    op.drop_column("features_feature_set", "seal")


def _rows(column: str) -> list[tuple[int, Any]]:
    query = sa.text(f"SELECT id, {column} FROM features_feature_set WHERE {column} IS NOT NULL")  # noqa: S608
    return [(row[0], row[1]) for row in op.get_bind().execute(query)]


def _write(number: int, column: str, value: object) -> None:
    kind = "CAST(:value AS JSON)" if column == "seal" and op.get_bind().dialect.name == "postgresql" else ":value"
    query = sa.text(f"UPDATE features_feature_set SET {column} = {kind} WHERE id = :id")  # noqa: S608
    op.get_bind().execute(query.bindparams(value=value, id=number))

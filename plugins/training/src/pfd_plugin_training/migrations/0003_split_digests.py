"""The split of an experiment, and how it leaks, as columns in place of the text that says so."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "training_0003"
down_revision = "training_0002"
branch_labels = None
depends_on = None

EXPERIMENTS = sa.table(
    "training_experiment",
    *(sa.column("id"), sa.column("stamp"), sa.column("leaky", sa.Boolean), sa.column("split", sa.JSON)),
    *(sa.column("leaks", sa.JSON), sa.column("split_protocol"), sa.column("split_digest")),
)
PARTS = ("train", "validation", "test")
MARK = "LEAKY: "


def upgrade() -> None:
    op.add_column("training_experiment", sa.Column("leaks", sa.JSON, nullable=False, server_default="[]"))
    for name in ("split_protocol", "split_digest"):
        op.add_column("training_experiment", sa.Column(name, sa.String(64), nullable=True))
    connection = op.get_bind()
    columns = [EXPERIMENTS.c[name] for name in ("id", "stamp", "leaky", "split")]
    for row in connection.execute(sa.select(*columns)).all():
        values = {
            "leaks": _leaks(row.stamp) or ["how is not said"] if row.leaky else [],
            "split_protocol": row.split.get("protocol"),
            "split_digest": _digest(row.split),
        }
        connection.execute(EXPERIMENTS.update().where(EXPERIMENTS.c.id == row.id).values(values))


def downgrade() -> None:
    for name in ("split_digest", "split_protocol", "leaks"):
        op.drop_column("training_experiment", name)


def _leaks(stamp: str) -> list[str]:
    return [clause.removeprefix(MARK) for clause in stamp.split("; ") if clause.startswith(MARK)]


def _digest(split: dict[str, Any]) -> str:
    """As `Split.digest`."""
    dealt = [*(split["records"][part] for part in PARTS), split["seed"] if split["leaky"] else None]
    return hashlib.sha256(json.dumps(dealt).encode()).hexdigest()[:12]

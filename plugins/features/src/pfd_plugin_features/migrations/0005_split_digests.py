"""The split that a selection was made on as columns, in place of the text that names it."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "features_0005"
down_revision = "features_0004"
branch_labels = None
depends_on = None

SETS = sa.table("features_feature_set", *map(sa.column, ("id", "stamp", "split_protocol", "split_digest")))

WORDS = (
    ("LEAKY: random windows", "leaky-random"),
    ("split by bearing:", "bearing"),
    ("split by recording:", "recording"),
    ("leave one bearing a class out", "bearing-folds"),
)
"""How the account of a split begins, by its protocol; of those by speed and load by their last words."""


def upgrade() -> None:
    for name in ("split_protocol", "split_digest"):
        op.add_column("features_feature_set", sa.Column(name, sa.String(64), nullable=True))
    connection = op.get_bind()
    for number, stamp in connection.execute(sa.select(SETS.c.id, SETS.c.stamp).where(SETS.c.stamp.is_not(None))).all():
        # "5 features selected by mrmr on seed 0, split by bearing: … [0123456789ab]; made of …"
        own = stamp.partition("; made of ")[0]
        values = {"split_protocol": _protocol(own), "split_digest": _digest(own)}
        connection.execute(SETS.update().where(SETS.c.id == number).values(values))


def downgrade() -> None:
    for name in ("split_digest", "split_protocol"):
        op.drop_column("features_feature_set", name)


def _digest(own: str) -> str | None:
    """None where it names none: no split is taken for that one, so that all that is made with the set is leaky."""
    found = re.search(r"\[([0-9a-f]{12})\]$", own)
    return found[1] if found else None


def _protocol(own: str) -> str | None:
    found = re.match(r"[^,]*?\bseed \d+, (.*)", own, re.DOTALL)
    if not found:
        return None
    for words, protocol in WORDS:
        if found[1].startswith(words):
            return protocol
    if not found[1].startswith("train at "):
        return None
    return "speed" if re.search(r", test at [\d.e+]+ rpm; ", found[1]) else "load"

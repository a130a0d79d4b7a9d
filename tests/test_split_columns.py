"""The columns of splits: rows of the version before, whose texts said it, are brought up without loss."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.orm import Session

from pfd import Settings
from pfd.plugins import load_registry
from pfd.store import Store
from pfd_plugin_data import Split, find_split
from pfd_plugin_features import find_feature_set
from pfd_plugin_training import find_experiment

BEFORE = {"data": "data_0003", "features": "features_0004", "training": "training_0002"}
SINCE = (
    "pfd_plugin_data.migrations.0004_split_digests",
    "pfd_plugin_features.migrations.0005_split_digests",
    "pfd_plugin_training.migrations.0004_status",
    "pfd_plugin_training.migrations.0003_split_digests",
)
"""Revisions that came after, the newest of an owner first."""
HONEST = Split("bearing", 3, (0, 1, 4), (2,), (3,), "split by bearing: 3 bearings train, 1 bearings validation")
LEAKY = Split(
    "leaky-random", 5, *((0, 1, 2),) * 3, "LEAKY: random windows of the same recordings in all parts", leaky=True
)
SEEN = "its features were selected in sight of what is judged"


@pytest.fixture(params=["sqlite", "postgres"])
def before(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store as the version before has left it, with one dataset."""
    url = request.getfixturevalue("postgres_database") if request.param == "postgres" else ""
    settings = Settings.model_validate({"home": tmp_path / "home", "database_url": url})
    store = Store(settings, load_registry(settings).tables())
    assert store.upgrade() == {}
    with store.write() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            for module in SINCE:
                importlib.import_module(module).downgrade()
        for owner, head in BEFORE.items():
            connection.execute(sa.text(f"UPDATE {owner}_alembic_version SET version_num = :head").bindparams(head=head))
        _jobs(connection, "d1", *(f"f{number}" for number in range(8)), *(f"e{number}" for number in range(3)))
        _insert(
            connection,
            "data_dataset",
            {"job_id": "d1", "name": "bench", "path": "artifacts/d1/1/bench.h5", "fingerprint": "f" * 64}
            | {"n_recordings": 5, "n_bearings": 5, "classes": {}, "created_at": 0.0},
        )
    yield store
    store.close()


def _jobs(connection: sa.Connection, *ids: str) -> None:
    """Rows of jobs that succeeded, with as much in them as the table asks for."""
    table = sa.Table("pfd_job", sa.MetaData(), autoload_with=connection)
    kinds: dict[type, Any] = {str: "", int: 0, float: 0.0, bool: False}
    asked = [one for one in table.columns if not one.nullable and one.server_default is None and one.name != "seq"]
    for number, name in enumerate(ids, start=1):
        row = {one.name: kinds[one.type.python_type] for one in asked}
        connection.execute(table.insert().values(row | {"id": name, "seq": number, "state": "SUCCESS"}))


def _insert(connection: sa.Connection, table: str, values: dict[str, Any]) -> None:
    connection.execute(sa.Table(table, sa.MetaData(), autoload_with=connection).insert().values(values))


def brought_up(store: Store) -> Session:
    assert store.upgrade() == {}
    return Session(store.engine)


@pytest.mark.parametrize("split", [HONEST, LEAKY], ids=lambda split: split.protocol)
def test_a_named_split_gets_its_digest(before: Store, split: Split) -> None:
    parts = {part: list(getattr(split, part)) for part in ("train", "validation", "test")}
    row = {"name": "kept", "fold": 0, "n_folds": 1, "dataset_id": 1, "fingerprint": "f" * 64, "created_at": 0.0}
    row |= {"protocol": split.protocol, "seed": split.seed, "leaky": split.leaky, "parts": parts, "left_out": []}
    with before.write() as connection:
        _insert(connection, "data_split", row | {"stamp": split.provenance})
    with brought_up(before) as session:
        assert session.execute(sa.text("SELECT digest FROM data_split")).scalars().all() == [split.digest]
        assert find_split(session, "kept").split == split


DIGEST = HONEST.digest
OF = f"seed 3, {HONEST.provenance} [{DIGEST}]"

SELECTIONS = {
    "from the split itself": (f"5 features selected by mrmr on {OF}", "bearing", DIGEST),
    "from one with a name": (f"5 features selected by mrmr on split 'kept' (fold=2): {OF}", "bearing", DIGEST),
    "from a selection": (
        f"3 features selected by rfe on {OF}; made of 5 features selected by mrmr on seed 0, split by [0123456789ab]",
        "bearing",
        DIGEST,
    ),
    "by recording": (
        "5 features selected by rfe on seed 0, split by recording: 3 [0123456789ab]",
        "recording",
        "0123456789ab",
    ),
    "by speed": (
        "5 features selected by variance on seed 0, train at 800 rpm, test at 1200 rpm; no validation [0123456789ab]",
        "speed",
        "0123456789ab",
    ),
    "by load": (
        "5 features selected by variance on seed 0, train at 0 hp, test at 3 hp; no validation part [0123456789ab]",
        "load",
        "0123456789ab",
    ),
    "of folds": (
        "5 features selected by rfe on seed 0, leave one bearing a class out, fold 1 of 9: test on a [0123456789ab]",
        "bearing-folds",
        "0123456789ab",
    ),
    "that names none": ("5 features selected by an earlier version", None, None),
}


@pytest.mark.parametrize("case", SELECTIONS)
def test_a_selection_gets_the_split_that_it_was_made_on(before: Store, case: str) -> None:
    stamp, protocol, digest = SELECTIONS[case]
    row = {"dataset_id": 1, "dataset_fingerprint": "f" * 64, "path": "a", "version": 2, "window": 64, "hop": 64}
    row |= {"sample_rate_hz": 1.0, "channel": "DE", "n_windows": 1, "features": ["rms"]}
    with before.write() as connection:
        _insert(connection, "features_feature_set", row | {"job_id": "f0"})
        _insert(
            connection,
            "features_feature_set",
            row | {"job_id": "f1", "selected_from": 1, "leaky": False, "stamp": stamp},
        )
    with brought_up(before) as session:
        plain, chosen = (find_feature_set(session, number, home=before.settings.home) for number in (1, 2))
    assert (plain.split_protocol, plain.split_digest, plain.leak(HONEST)) == (None, None, None)
    assert (chosen.split_protocol, chosen.split_digest, chosen.provenance) == (protocol, digest, stamp)
    # As before: only a split that deals alike is the one that it was selected on, whatever is not known is another.
    assert chosen.leak(LEAKY) == "its features were selected on another split"
    assert (chosen.leak(HONEST) is None) == (digest == DIGEST)


@pytest.mark.parametrize(
    ("split", "stamp", "leaks"),
    [
        (HONEST, f"{HONEST.provenance}; left out: LEAKY; 200 trees", ()),
        (LEAKY, f"{LEAKY.provenance}; stored as 'easy'", (LEAKY.leak,)),
        (HONEST, f"LEAKY: {SEEN}; {HONEST.provenance}", (SEEN,)),
        (LEAKY, f"LEAKY: {SEEN}; {LEAKY.provenance}; epoch 3 of 4", (SEEN, LEAKY.leak)),
        (LEAKY, "in words of another version", ("how is not said",)),
    ],
)
def test_an_experiment_gets_its_split_and_how_it_leaks(
    before: Store, split: Split, stamp: str, leaks: tuple[str, ...]
) -> None:
    parts = {part: list(getattr(split, part)) for part in ("train", "validation", "test")}
    row = {"job_id": "e0", "model": "cnn1d", "dataset_id": 1, "dataset_name": "bench", "dataset_fingerprint": "f" * 64}
    row |= {"random_seed": 0, "leaky": bool(leaks), "classes": [], "config": {}, "metrics": {}, "stamp": stamp}
    row |= {"model_path": "a", "predictions_path": "b"}
    row |= {"split": {"protocol": split.protocol, "seed": split.seed, "leaky": split.leaky, "records": parts}}
    with before.write() as connection:
        _insert(connection, "training_experiment", row)
    with brought_up(before) as session:
        entry = find_experiment(session, 1, home=before.settings.home)
    assert (entry.leaky, entry.leaks, entry.provenance) == (bool(leaks), leaks, stamp)
    assert (entry.split_protocol, entry.split_digest) == (split.protocol, split.digest)

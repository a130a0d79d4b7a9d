"""`pfd data split` and `pfd data splits`: make a named split, and list them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from pfd import DataError, reading, writing
from pfd.console import echo, moment, one_line, print_json, print_table
from pfd_plugin_data.catalog import find_dataset
from pfd_plugin_data.folds import FOLDS, HELD_OUT, MAX_FOLDS, make_folds
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.split_store import StoredSplit, list_splits, save_splits
from pfd_plugin_data.splits import PARTS, PROTOCOLS, Split, make_split

SHOWN_FOLDS = 3
"""Of a split."""


@click.command("split")
@click.argument("dataset")
@click.argument("name")
@click.option(
    "--protocol",
    type=click.Choice([*PROTOCOLS, FOLDS]),
    default="bearing",
    show_default=True,
    help="What must not lie on two sides; 'bearing-folds' holds one bearing of each class out, in every way.",
)
@click.option("--test-value", help="The load, or the speed in rpm, to test at (load and speed only).")
@click.option("--leave-out", multiple=True, help="A class (or unlabelled), bearing or recording that takes no part.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@click.option("--validation", is_flag=True, help="Each fold validates on one more bearing of each class.")
@click.option(
    "--at-most",
    type=click.IntRange(1, 10_000),
    default=MAX_FOLDS,
    show_default=True,
    help="Most folds; others are drawn.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def split(
    dataset: str,
    name: str,
    protocol: str,
    test_value: str | None,
    leave_out: tuple[str, ...],
    seed: int,
    validation: bool,
    at_most: int,
    as_json: bool,
) -> None:
    """Split the recordings of DATASET, an id or a name, and keep the split under NAME."""
    folds = protocol == FOLDS
    if folds and test_value is not None:
        raise click.BadParameter(f"has no meaning for the protocol {FOLDS!r}", param_hint="--test-value")
    if not folds and (validation or at_most != MAX_FOLDS):
        raise click.UsageError(f"--validation and --at-most are for --protocol {FOLDS}")
    with reading() as session:
        entry = find_dataset(session, dataset)
    with entry.open() as found:
        recordings = found.recordings
    made: Sequence[Split]
    try:
        if folds:
            made = make_folds(recordings, validation=validation, at_most=at_most, seed=seed, leave_out=leave_out)
        else:
            made = [make_split(recordings, protocol, seed=seed, test_value=test_value, leave_out=leave_out)]
    except DataError as error:
        error.hint = error.hint and error.hint.in_options()
        raise
    with writing() as session:
        stored = save_splits(session, name, entry, made)
    if as_json:
        print_json([_json(one) for one in stored])
        return
    echo(one_line(f"split {name} of dataset {entry.id} {entry.name} ({entry.fingerprint[:12]})"))
    for one in stored[:SHOWN_FOLDS]:
        echo(one_line(one.split.provenance))
    if len(stored) > SHOWN_FOLDS:
        echo(f"… and {len(stored) - SHOWN_FOLDS} more folds; --json gives all, split.fold=N takes one")
    if len(stored) == 1:
        echo()
        print_table(("PART", "BEARINGS", "RECORDINGS", "CLASSES"), _parts(recordings, made[0]), right={1, 2})


@click.command("splits")
@click.argument("dataset", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def splits(dataset: str | None, as_json: bool) -> None:
    """List the named splits, newest first; those of DATASET only where it is given."""
    with reading() as session:
        entry = None if dataset is None else find_dataset(session, dataset)
        found = list_splits(session, dataset_id=None if entry is None else entry.id)
    if as_json:
        print_json([_json(one) for one in found])
        return
    if not found:
        echo("no splits yet; 'pfd data split DATASET NAME' makes one")
        return
    rows = [
        (one.name, one.dataset_id, one.n_folds, one.split.protocol, moment(one.created_at), _provenance(one))
        for one in found
    ]
    print_table(("NAME", "DATASET", "FOLDS", "PROTOCOL", "MADE", "SPLIT"), rows, right={1, 2})


def _provenance(one: StoredSplit) -> str:
    """What all folds of a split have in common: which bearings are tested is another matter in each."""
    shared = HELD_OUT if one.split.protocol == FOLDS else one.split.provenance
    return one.split.provenance if one.n_folds == 1 else f"{one.n_folds} folds: {shared}"


def _parts(recordings: Sequence[RecordingInfo], made: Split) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for part in PARTS:
        infos = [recordings[i] for i in getattr(made, part)]
        classes = ", ".join(sorted({info.label for info in infos})) or "-"
        rows.append((part, len({info.bearing_id for info in infos}), len(infos), classes))
    return rows


def _json(stored: StoredSplit) -> dict[str, Any]:
    made = stored.split
    return {
        "name": stored.name,
        "fold": stored.fold,
        "n_folds": stored.n_folds,
        "dataset_id": stored.dataset_id,
        "fingerprint": stored.fingerprint,
        "protocol": made.protocol,
        "seed": made.seed,
        "leaky": made.leaky,
        "stamp": made.provenance,
        "digest": made.digest,
        "left_out": list(made.left_out),
        "parts": {part: list(getattr(made, part)) for part in PARTS},
        "created_at": stored.created_at,
    }

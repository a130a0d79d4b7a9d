"""Leave-one-bearing-per-class-out: every way to hold one bearing of each class back, or a stated sample of them.

Three classes of three bearings give 27 folds.  The mean over them, and their spread, say what one lucky or unlucky
split cannot.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from pfd import DataError
from pfd_plugin_data.alternatives import suggest_splits
from pfd_plugin_data.grouping import by_class, kept_indices, require_labels
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.splits import Split, dealer, require_two

FOLDS = "bearing-folds"
"""The protocol's name in a `Split`."""

HELD_OUT = "leave one bearing a class out"
"""How the provenance of each fold begins."""

MAX_FOLDS = 200
"""Most folds that are made unless more are asked for."""


def make_folds(
    recordings: Sequence[RecordingInfo],
    *,
    validation: bool = False,
    at_most: int = MAX_FOLDS,
    seed: int = 0,
    leave_out: Iterable[str] = (),
) -> tuple[Split, ...]:
    """One split for each choice of one bearing of each class as the test part; the others train.

    Where there are more choices than `at_most`, that many different ones are drawn by `seed`, and the provenance of
    each says of how many.

    Parameters
    ----------
    validation : hold a further bearing of each class back, drawn by `seed`, to validate; each class then needs three.
    leave_out : classes, bearings or recordings, by name, that take no part.

    Raises
    ------
    DataError : a class has too few bearings; a bearing of another class takes the last recordings of one away.
    """
    if at_most < 1:
        raise DataError(f"at_most={at_most} must be at least 1")
    left_out = tuple(leave_out)
    kept = kept_indices(recordings, left_out)
    require_labels(recordings, kept)

    def deal(protocol: str, indices: list[int], value: str | float | None = None) -> object:
        if protocol == FOLDS:
            return _made(recordings, indices, validation, at_most, seed, left_out)
        return dealer(recordings, seed)(protocol, indices, value)

    try:
        return _made(recordings, kept, validation, at_most, seed, left_out)
    except DataError as error:
        if error.hint is None:
            error.hint = suggest_splits(recordings, kept, deal, protocol=FOLDS, left_out=left_out)
        raise


def _made(
    recordings: Sequence[RecordingInfo],
    kept: list[int],
    validation: bool,
    at_most: int,
    seed: int,
    left_out: tuple[str, ...],
) -> tuple[Split, ...]:
    members, classes = by_class(recordings, kept, lambda info: info.bearing_id)
    require_two(classes, "bearing", validates=False)
    _require_three(classes, needed=validation)
    sizes = [len(bearings) for bearings in classes.values()]
    total = math.prod(sizes)
    choices, order = np.random.SeedSequence(seed).spawn(2)
    numbers = _numbers(total, at_most, np.random.default_rng(choices))
    said = f"of {len(numbers)}" + (f", drawn from {total}" if len(numbers) < total else "")
    rng = np.random.default_rng(order)
    turns = {name: rng.permutation(len(bearings)).tolist() for name, bearings in classes.items()}
    splits = []
    for fold, number in enumerate(numbers):
        tested, validated = set(), set()
        for place, (name, bearings) in zip(_digits(number, sizes), classes.items(), strict=True):
            tested.add(bearings[place])
            if validation:
                validated.add(bearings[_next(place, turns[name])])
        parts: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
        for bearing, indices in members.items():
            part = "test" if bearing in tested else "validation" if bearing in validated else "train"
            parts[part] += indices
        provenance = f"{HELD_OUT}, fold {fold + 1} {said}: test on {', '.join(sorted(tested))}"
        provenance += f", validate on {', '.join(sorted(validated))}" if validation else "; no validation part"
        provenance += f"; left out: {', '.join(left_out)}" if left_out else ""
        _require_all(recordings, kept, parts, provenance)
        train, held, test = (tuple(sorted(parts[name])) for name in ("train", "validation", "test"))
        splits.append(Split(FOLDS, seed, train, held, test, provenance, False, left_out))
    return tuple(splits)


def _numbers(total: int, at_most: int, rng: np.random.Generator) -> list[int]:
    """The folds to make, each a number below `total`: all of them, or `at_most` different ones, in order."""
    if total <= at_most:
        return list(range(total))
    found: set[int] = set()
    while len(found) < at_most:
        # A product of many classes may be larger than 64 bits: draw below it from as many bytes as it takes.
        width = (total.bit_length() + 7) // 8 + 8
        found.add(int.from_bytes(rng.bytes(width), "little") % total)
    return sorted(found)


def _digits(number: int, sizes: Sequence[int]) -> Iterator[int]:
    """Which bearing of each class the fold of that number tests: its digits in the mixed base `sizes`."""
    for size in sizes:
        number, digit = divmod(number, size)
        yield digit


def _next(place: int, turn: list[int]) -> int:
    """The bearing that follows the tested one in a drawn order, so that each validates as often as it tests."""
    return turn[(turn.index(place) + 1) % len(turn)]


def _require_three(classes: dict[str, list[str]], *, needed: bool) -> None:
    few = {name: len(bearings) for name, bearings in classes.items() if len(bearings) < 3}
    if needed and few:
        counts = ", ".join(f"{name} has {count}" for name, count in few.items())
        raise DataError(
            f"no bearing is left to train on beside one that tests and one that validates: {counts}",
            hint="make the folds without a validation part, or leave those classes out",
        )


def _require_all(
    recordings: Sequence[RecordingInfo], kept: list[int], parts: dict[str, list[int]], provenance: str
) -> None:
    everything = {recordings[i].label for i in kept}
    for part in ("train", "test"):
        absent = everything - {recordings[i].label for i in parts[part]}
        if absent:
            raise DataError(
                f"{provenance}: the {part} part would hold no {', '.join(sorted(absent))}",
                hint="a bearing that was healthy and then failed counts for one class; leave such a class out",
            )

"""Honest splits: whatever makes recordings alike (the bearing first of all) lies whole on one side.

On 36 CWRU recordings a classifier that names 99 % of random windows rightly names 51 % of those from a bearing it has
not met.  So recordings are grouped by bearing unless another protocol is asked for by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd.lazy import RenamedAttribute
from pfd_plugin_data.alternatives import suggest_splits
from pfd_plugin_data.grouping import SAME_SPEED, by_class, by_load, by_speed, kept_indices, require_labels
from pfd_plugin_data.recording import RecordingInfo

PROTOCOLS = ("bearing", "recording", "load", "speed", "leaky-random")
PARTS = ("train", "validation", "test")

UNSPLIT = "unsplit"
"""The protocol's name in a `Split` of recordings none of which is labelled."""

LEAKY_SHARES = (0.6, 0.2, 0.2)

RANDOM_WINDOWS = "random windows of the same recordings in all parts"
"""How the protocol `leaky-random` leaks."""


@dataclass(frozen=True)
class Split:
    """Which recordings train, which validate, which test.

    `train`, `validation` and `test` are indices into the dataset's recordings; `validation` may be empty.
    `provenance` is one line for people, to stand beside every score made with it.  `left_out` is what was left out by
    name.

    `name`, and `fold` from 1 where there are several, are those of a stored split.  They say where it came from and not
    what it is, so two splits that differ in them alone are equal.

    Where `leaky` is true each part names the same recordings, and their windows are dealt out at random: `parts` says
    which window is whose, and is right for every protocol.
    """

    protocol: str
    seed: int
    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    provenance: str
    leaky: bool = False
    left_out: tuple[str, ...] = ()
    name: str | None = field(default=None, compare=False)
    fold: int | None = field(default=None, compare=False)

    stamp = RenamedAttribute("provenance")

    @property
    def title(self) -> str:
        """The provenance, and the name where the split is a stored one."""
        return self.provenance if self.name is None else f"{self.provenance}; stored as {self.source}"

    @property
    def source(self) -> str:
        """What a stored split is called, with its fold; empty where it was made for the occasion."""
        fold = "" if self.fold is None else f" (fold={self.fold})"
        return "" if self.name is None else f"{self.name!r}{fold}"

    @property
    def leak(self) -> str | None:
        """How training has looked at what is judged; None where it has not."""
        return RANDOM_WINDOWS if self.leaky else None

    @property
    def digest(self) -> str:
        """Equal for two splits of a dataset that deal its windows alike, whatever they are called."""
        dealt = [self.train, self.validation, self.test, self.seed if self.leaky else None]
        return hashlib.sha256(json.dumps(dealt).encode()).hexdigest()[:12]

    def parts(self, index: int, n_windows: int) -> npt.NDArray[np.int8]:
        """The part of each window of a recording, as an index into `PARTS`; -1 where it belongs to none."""
        if self.leaky and index in self.train:
            rng = np.random.default_rng(np.random.SeedSequence([self.seed, index]))
            return rng.choice(len(PARTS), n_windows, p=LEAKY_SHARES).astype(np.int8)
        part = next((i for i, name in enumerate(PARTS) if not self.leaky and index in getattr(self, name)), -1)
        return np.full(n_windows, part, np.int8)


def make_split(
    recordings: Sequence[RecordingInfo],
    protocol: str = "bearing",
    *,
    seed: int = 0,
    test_value: str | float | None = None,
    leave_out: Iterable[str] = (),
    needs_labels: bool = True,
) -> Split:
    """Split recordings so that no group is on two sides.

    Parameters
    ----------
    protocol : `"bearing"` and `"recording"` deal out the groups of each class by `seed`; `"load"` and `"speed"` test at
        one value and train at the others; `"leaky-random"` deals out windows, which tells nothing about new bearings.
    test_value : the load, or the speed in rpm, to test at; the last one in order unless given.
    leave_out : classes, bearings or recordings, by name, that take no part; "unlabelled" is those of unknown fault.
    needs_labels : False for what looks at no class.  Where no recording that takes part is labelled there is nothing to
        judge, so that all are the training part, as the provenance says; else a recording of unknown fault is refused.

    Raises
    ------
    DataError : it cannot be done honestly; the message says why, and the hint what would work on these recordings.
    """
    left_out = tuple(leave_out)
    kept = kept_indices(recordings, left_out)
    if protocol not in PROTOCOLS:
        raise DataError(f"unknown split protocol {protocol!r}", hint=f"choose one of {', '.join(PROTOCOLS)}")
    if test_value is not None and protocol not in ("load", "speed"):
        raise DataError(f"test_value={test_value!r} has no meaning for the protocol {protocol!r}")
    if not needs_labels and all(recordings[i].fault_type is None for i in kept):
        return _unsplit(kept, seed, left_out)
    require_labels(recordings, kept)
    deal = dealer(recordings, seed)
    try:
        parts, provenance = deal(protocol, kept, test_value)
    except DataError as error:
        if error.hint is None:
            error.hint = suggest_splits(recordings, kept, deal, protocol=protocol, left_out=left_out)
        raise
    if protocol != "leaky-random" and _bearings(recordings, parts[0]) & _bearings(recordings, parts[2]):
        provenance += "; train and test share bearings"
    provenance += _left_out(left_out)
    train, validation, test = (tuple(sorted(part)) for part in parts)
    return Split(protocol, seed, train, validation, test, provenance, protocol == "leaky-random", left_out)


def _unsplit(kept: list[int], seed: int, left_out: tuple[str, ...]) -> Split:
    provenance = f"not split: none of {len(kept)} recordings is labelled, so there is nothing to judge"
    return Split(UNSPLIT, seed, tuple(kept), (), (), provenance + _left_out(left_out), False, left_out)


def _left_out(names: tuple[str, ...]) -> str:
    return f"; left out: {', '.join(names)}" if names else ""


def _bearings(recordings: Sequence[RecordingInfo], indices: list[int]) -> set[str]:
    return {recordings[i].bearing_id for i in indices}


_Parts = tuple[list[int], list[int], list[int]]


def dealer(
    recordings: Sequence[RecordingInfo], seed: int
) -> Callable[[str, list[int], str | float | None], tuple[_Parts, str]]:
    """What deals those of the recordings that take part out by a protocol: the parts, and the provenance.

    It raises `DataError` where that cannot be, without a hint where another protocol may be the answer.
    """

    def deal(protocol: str, kept: list[int], test_value: str | float | None = None) -> tuple[_Parts, str]:
        if protocol == "leaky-random":
            return (kept, kept, kept), f"LEAKY: {RANDOM_WINDOWS}"
        if protocol == "bearing":
            return _deal(recordings, kept, lambda info: info.bearing_id, "bearing", seed)
        if protocol == "recording":
            return _deal(recordings, kept, lambda info: info.record_id, "recording", seed)
        groups = by_speed(recordings, kept) if protocol == "speed" else by_load(recordings, kept)
        return _across(recordings, groups, protocol, _chosen(groups, protocol, test_value), seed)

    return deal


def _deal(
    recordings: Sequence[RecordingInfo], kept: list[int], group_of: Callable[[RecordingInfo], str], noun: str, seed: int
) -> tuple[_Parts, str]:
    """Deal out the groups of each class: a quarter, at least one, to test, as many to validation, the rest to train."""
    members, classes = by_class(recordings, kept, group_of)
    require_two(classes, noun)
    scarce = {name: len(groups) for name, groups in classes.items() if len(groups) < 3}
    streams = np.random.SeedSequence(seed).spawn(len(classes))
    parts: dict[str, list[str]] = {name: [] for name in PARTS}
    for groups, stream in zip(classes.values(), streams, strict=True):
        dealt = [groups[i] for i in np.random.default_rng(stream).permutation(len(groups))]
        share = max(1, len(dealt) // 4)
        held = 0 if scarce else share
        parts["test"] += dealt[:share]
        parts["validation"] += dealt[share : share + held]
        parts["train"] += dealt[share + held :]
    train, validation, test = ([i for group in parts[name] for i in members[group]] for name in PARTS)
    _require_classes(recordings, kept, train, test, noun)
    counts = [f"{len(parts[name])} {noun}s {name}" for name in PARTS if parts[name]]
    provenance = f"split by {noun}: {', '.join(counts)}"
    if scarce:
        few = ", ".join(f"{name} has {count}" for name, count in scarce.items())
        provenance += f"; no validation part ({few} {noun}s)"
    return (train, validation, test), provenance


def require_two(classes: dict[str, list[str]], noun: str, *, validates: bool = True) -> None:
    """Raises `DataError` for a class with one group, which could be on one side only."""
    lone = {name: groups[0] for name, groups in sorted(classes.items()) if len(groups) == 1}
    if not lone:
        return
    which = ", ".join(f"class {name!r} has 1 {noun} ({group})" for name, group in lone.items())
    more = ", and 3 for a validation part" if validates else ""
    raise DataError(f"cannot split by {noun}: {which}; each class needs at least 2{more}")


def _require_classes(
    recordings: Sequence[RecordingInfo], kept: list[int], train: list[int], test: list[int], protocol: str
) -> None:
    for part, indices in (("train", train), ("test", test)):
        absent = {recordings[i].label for i in kept} - {recordings[i].label for i in indices}
        if absent:
            raise DataError(f"cannot split by {protocol}: the {part} part would hold no {', '.join(sorted(absent))}")


def _across(
    recordings: Sequence[RecordingInfo], groups: dict[str, list[int]], protocol: str, tested: str, seed: int
) -> tuple[_Parts, str]:
    """Test at one value, train at the others, and validate at one of those where enough are left."""
    rest = [name for name in groups if name != tested]
    held = [rest.pop(int(np.random.default_rng(seed).integers(len(rest))))] if len(rest) > 1 else []
    train, validation = ([i for name in names for i in groups[name]] for names in (rest, held))
    test = groups[tested]
    everything = [i for indices in groups.values() for i in indices]
    _require_classes(recordings, everything, train, test, protocol)
    checked = f"validate at {held[0]}" if held else "no validation part"
    return (train, validation, test), f"train at {', '.join(rest)}, test at {tested}; {checked}"


def _chosen(groups: dict[str, list[int]], protocol: str, value: str | float | None) -> str:
    """The name of the group to test at."""
    if len(groups) < 2:
        raise DataError(f'cannot split by {protocol}: all recordings have the same, "{next(iter(groups))}"')
    if value is None:
        return list(groups)[-1]
    for name in groups:
        if name in (str(value), str(value).strip()):
            return name
    if protocol == "speed":
        try:
            wanted = float(value)
        except ValueError:
            wanted = float("nan")
        near = {abs(float(name.split(maxsplit=1)[0]) - wanted): name for name in groups}
        if near and min(near) <= SAME_SPEED * wanted:
            return near[min(near)]
    raise DataError(f"test_value={value!r}: no such {protocol}", hint=f"there are {', '.join(groups)}")

"""Recordings of one measurement: copies, overlapping stretches of one signal, also scaled, inverted or moved.

Two channels share samples where landmarks of theirs have equal keys at places that lie one distance apart, and sizes of
one ratio.  Equal keys are found by sorting, which takes little time however many recordings are copies of each other:
of those with one key, each is compared with the one before it, and not with all.

What is alike shares no samples.  So each key counts once for two channels: pulses of one shape, or a tone, are no
evidence.  And what does not agree counts as well.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pfd_plugin_mat_import.landmarks import MARGIN, Landmarks, landmarks

MOST_LANDMARKS = 2**22
"""Landmarks that are kept, 24 bytes each: those of five hundred million samples.  Of more, one key in two is kept, or
in four, and so on, by which the shortest overlap that is found grows."""

LEAST = 3
"""Landmarks of equal keys that there have to be, and by how many they have to outweigh those in other places."""

LEAST_WITHIN = 8
"""The same where only a part of what could agree does."""

EQUAL = 0.45
"""The share of all landmarks whose keys have to be equal.  Rounding a copy changes keys sooner than places."""

TOLERANCE = 0.02
"""By which ratios of sizes may differ: rounding a copy changes them."""

ENOUGH = 8
"""A channel of fewer landmarks is compared by all of its samples at once as well."""

TELLING = 0.5
"""A channel tells something by its landmarks where this share of them have keys of their own."""


@dataclass(frozen=True)
class Shared:
    """Samples that two recordings have in common, or two channels of one.

    `first` and `second` number the recordings as they were added.  The `n_samples` from `first_begins` on in the one
    are those from `second_begins` on in the other, both counted from 0.  `channels` are pairs of one channel each, and
    `scales` how many times the first of a pair is the second, but for a constant.

    `binds` tells whether the recordings are of one measurement: not where as many channels as are shared differ, such
    as two recordings of one commanded speed.
    """

    first: int
    second: int
    first_begins: int
    second_begins: int
    n_samples: int
    channels: tuple[tuple[int, int], ...]
    scales: tuple[float, ...]
    binds: bool = True

    def turned(self) -> Shared:
        """The same, said of the second and the first."""
        return Shared(
            self.second,
            self.first,
            self.second_begins,
            self.first_begins,
            self.n_samples,
            tuple((second, first) for first, second in self.channels),
            tuple(1 / scale for scale in self.scales),
            self.binds,
        )


class _Channel(NamedTuple):
    """`digest` is that of all samples, where the landmarks of a channel tell too little; empty for a constant one."""

    recording: int
    number: int
    n_samples: int
    landmarks: Landmarks
    digest: str | None

    @property
    def is_telling(self) -> bool:
        return self.digest is None


class _Hint(NamedTuple):
    """Two channels of which so many keys agree: what is in the second lies `shift` samples later in the first."""

    votes: int
    first: int
    second: int
    shift: int
    scale: float


class CopyFinder:
    """Finds recordings that share samples.

        finder = CopyFinder()
        finder.add(signal)  # for each recording
        finder.find()

    `n_landmarks` is how many it keeps.  Copies that were resampled or filtered are not found, and of signals that
    repeat themselves only those that are equal as a whole.
    """

    def __init__(self, most_landmarks: int = MOST_LANDMARKS) -> None:
        self._most = most_landmarks
        self._mask = np.uint64(0)
        self.n_landmarks = 0
        self._n_recordings = 0
        self._begins = [0]  # of each recording, its first channel; and the next one
        self._channels: list[_Channel] = []

    def add(self, signal: npt.NDArray[np.float32]) -> None:
        """Look at a recording, float32 `(channels, samples)`."""
        for number, row in enumerate(signal):
            found = landmarks(row)
            telling = found.n_keys >= TELLING * len(found)
            kept = self._kept(found) if telling else found.where(slice(0))
            digest = None if telling and len(found) >= ENOUGH else _digest(row)
            self._channels.append(_Channel(self._n_recordings, number, row.size, kept, digest))
            self.n_landmarks += len(kept)
        self._n_recordings += 1
        self._begins.append(len(self._channels))
        while self.n_landmarks > self._most:
            self._mask = self._mask << np.uint64(1) | np.uint64(1)
            self._channels = [one._replace(landmarks=self._kept(one.landmarks)) for one in self._channels]
            self.n_landmarks = sum(len(one.landmarks) for one in self._channels)

    def _kept(self, found: Landmarks) -> Landmarks:
        return found.where(found.keys & self._mask == 0) if self._mask else found

    def find(self) -> list[Shared]:
        """What recordings share, and what channels of one do at the same time.

        It connects all recordings that share anything, and does not name each pair of them.
        """
        found, hints = list(_equal(self._channels)), sorted(_hints(self._channels), reverse=True)
        if not found and not hints:
            return []
        from scipy.cluster.hierarchy import DisjointSet  # takes longer to load than most imports to compare

        joined = DisjointSet(range(self._n_recordings))
        for one in found:
            joined.merge(one.first, one.second)
        pairs: defaultdict[tuple[int, int], defaultdict[int, list[_Hint]]] = defaultdict(lambda: defaultdict(list))
        for hint in hints:
            pair = self._channels[hint.first].recording, self._channels[hint.second].recording
            pairs[pair][hint.shift].append(hint)
        for (first, second), shifts in pairs.items():
            if first == second:
                found += filter(None, (self._shared([hint]) for hint in shifts[0] if not self._are_equal(hint)))
            elif joined.connected(first, second):
                continue
            elif shared := next(filter(None, map(self._shared, shifts.values())), None):
                if shared.binds:
                    joined.merge(first, second)
                found.append(shared)
        return found

    def _are_equal(self, hint: _Hint) -> bool:
        digest = self._channels[hint.first].digest
        return digest is not None and digest == self._channels[hint.second].digest

    def _shared(self, hints: Sequence[_Hint]) -> Shared | None:
        """What the channels of two recordings share at one shift; None where it is nothing."""
        seen = [(hint, stretch) for hint in hints if (stretch := _stretch(self._channels, hint))]
        if not seen:
            return None
        (best, (begins, ends)), *_ = seen
        first, second = self._channels[best.first].recording, self._channels[best.second].recording
        pairs = tuple((self._channels[hint.first].number, self._channels[hint.second].number) for hint, _ in seen)
        scales = tuple(hint.scale for hint, _ in seen)
        binds = first == second or self._n_differing(first, second, {n for pair in pairs for n in pair}) < len(pairs)
        return Shared(first, second, begins, begins - best.shift, ends - begins, pairs, scales, binds)

    def _n_differing(self, first: int, second: int, shared: Collection[int]) -> int:
        """How many channels of one number two recordings have that could agree, and do not."""
        known = [
            {one.number for one in self._of(recording) if one.is_telling and one.number not in shared}
            for recording in (first, second)
        ]
        return len(set.intersection(*known))

    def _of(self, recording: int) -> list[_Channel]:
        """The channels of a recording, which were added one after the other."""
        return self._channels[self._begins[recording] : self._begins[recording + 1]]


def connected(shared: Sequence[Shared]) -> list[list[Shared]]:
    """What is shared, by groups of recordings; what channels of one recording share is by itself, and what does not
    bind."""
    if not shared:
        return []
    from scipy.cluster.hierarchy import DisjointSet

    joined = DisjointSet({index for one in shared for index in (one.first, one.second)})
    for one in shared:
        joined.merge(one.first, one.second)
    groups: defaultdict[tuple[int, bool, bool], list[Shared]] = defaultdict(list)
    for one in sorted(shared, key=lambda one: (one.first, one.second)):
        within = one.first == one.second
        groups[one.first if within else joined[one.first], within, one.binds].append(one)
    return list(groups.values())


def _digest(row: npt.NDArray[np.float32]) -> str:
    if not row.size or (row == row[0]).all():
        return ""
    return hashlib.sha256(np.ascontiguousarray(row).data).hexdigest()


def _equal(channels: Sequence[_Channel]) -> Iterator[Shared]:
    """What is equal by its digest: channels of one recording, and recordings as a whole."""
    recordings: defaultdict[int, list[_Channel]] = defaultdict(list)
    for channel in channels:
        recordings[channel.recording].append(channel)
    alike: defaultdict[tuple[str | None, ...], list[list[_Channel]]] = defaultdict(list)
    for own in recordings.values():
        digests = tuple(channel.digest for channel in own)
        if None not in digests and any(digests):
            alike[digests].append(own)
        same: defaultdict[str, list[_Channel]] = defaultdict(list)
        for channel in own:
            same[channel.digest or ""].append(channel)
        for digest, equal in same.items():
            for first, second in pairwise(equal if digest else ()):
                yield _whole([(first, second)])
    for copies in alike.values():
        for one, other in pairwise(copies):
            yield _whole([pair for pair in zip(one, other, strict=True) if pair[0].digest])


def _whole(pairs: Sequence[tuple[_Channel, _Channel]]) -> Shared:
    first, second = pairs[0]
    numbers = tuple((one.number, other.number) for one, other in pairs)
    return Shared(first.recording, second.recording, 0, 0, first.n_samples, numbers, (1.0,) * len(pairs))


def _hints(channels: Sequence[_Channel]) -> Iterator[_Hint]:
    """The pairs of channels of which `LEAST` keys agree on a shift and a scale."""
    sizes = [len(channel.landmarks) for channel in channels]
    if not sum(sizes):
        return
    keys, places, heights = (
        np.concatenate([getattr(channel.landmarks, name) for channel in channels])
        for name in ("keys", "places", "sizes")
    )
    of = np.repeat(np.arange(len(channels)), sizes)
    recording = np.repeat([channel.recording for channel in channels], sizes)
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    one, other = order[same], order[same + 1]
    shift = places[one] - places[other]
    wanted = (recording[one] != recording[other]) | ((shift == 0) & (of[one] != of[other]))
    one, other, shift = one[wanted], other[wanted], shift[wanted]
    order = np.lexsort((shift, of[other], of[one]))
    table, ratio = np.stack([of[one], of[other], shift])[:, order], (heights[other] / heights[one])[order]
    begins = np.flatnonzero(np.diff(table, prepend=-1).any(axis=0))  # no channel has the number -1
    ends = np.append(begins[1:], order.size)
    often = ends - begins >= LEAST
    for begin, end in zip(begins[often], ends[often], strict=True):
        scale = float(np.median(ratio[begin:end]))
        if (votes := int(_near(ratio[begin:end], scale).sum())) >= LEAST:
            first, second, distance = map(int, table[:, begin])
            yield _Hint(votes, first, second, distance, scale)


def _stretch(channels: Sequence[_Channel], hint: _Hint) -> tuple[int, int] | None:
    """Where the first channel's samples that both have begin and end; None where what agrees is no evidence.

    Evidence is where landmarks of equal keys outweigh those that are in other places: in all that there is of both at
    this shift, or from the first to the last of them if they are many.  What both have goes on to where one of them
    ends unless a landmark there is in another place.
    """
    one, other = channels[hint.first], channels[hint.second]
    begins, ends = max(0, hint.shift), min(one.n_samples, other.n_samples + hint.shift)
    moved = replace(other.landmarks, places=other.landmarks.places + hint.shift)
    mine, theirs = (found.between(begins + MARGIN, ends - MARGIN) for found in (one.landmarks, moved))
    _, at, their = np.intersect1d(mine.places, theirs.places, assume_unique=True, return_indices=True)
    agree = _near(theirs.sizes[their] / mine.sizes[at], hint.scale)
    both, equal = mine.where(at[agree]), mine.where(at[agree & (mine.keys[at] == theirs.keys[their])])
    if equal.n_keys < LEAST:
        return None
    first, last = int(equal.places[0]), int(equal.places[-1]) + 1

    def others(begin: int, end: int) -> tuple[int, int]:
        """Landmarks of the one that the other has not in their places, and of the other."""
        n_mine, n_theirs, n_both = (len(found.between(begin, end)) for found in (mine, theirs, both))
        return n_mine - n_both, n_theirs - n_both

    def are_telling(begin: int, end: int, least: int) -> bool:
        against, alike = max(others(begin, end)), len(both.between(begin, end))
        return len(equal) - against >= least and len(equal) >= EQUAL * (alike + against)

    if not (are_telling(begins, ends, LEAST) or are_telling(first, last, LEAST_WITHIN)):
        return None
    return first if any(others(begins, first)) else begins, last if any(others(last, ends)) else ends


def _near(ratios: npt.NDArray[np.float64], scale: float) -> npt.NDArray[np.bool_]:
    """Which ratios are that one; none where it is not a number."""
    return np.abs(ratios / scale - 1) < TOLERANCE

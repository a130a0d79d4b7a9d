from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfd_plugin_mat_import.copies import CopyFinder, Shared, connected
from pfd_plugin_mat_import.landmarks import REACH, landmarks
from pfd_plugin_mat_import.reader import Reader

RATE = 12_000.0
N = 20_000

_Signal = npt.NDArray[np.floating[Any]]


def noise(seed: int, n: int = N) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(n).astype(np.float32)


def shared(*signals: _Signal, most_landmarks: int = 2**22) -> list[Shared]:
    finder = CopyFinder(most_landmarks)
    for signal in signals:
        finder.add(np.atleast_2d(signal).astype(np.float32))
    return finder.find()


def only(*signals: _Signal) -> Shared:
    [found] = shared(*signals)
    return found


def pairs_of(found: list[Shared]) -> set[tuple[int, int]]:
    return {(one.first, one.second) for one in found}


def rounded(row: _Signal, bits: int) -> _Signal:
    """As a recorder of so many bits would have it, at full range."""
    whole: _Signal = np.rint(row / np.abs(row).max() * (2 ** (bits - 1) - 1))
    return whole


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1024, N),
    begins=st.floats(0, 1),
    scale=st.floats(1e-6, 1e6),
    inverted=st.booleans(),
    offset=st.floats(-10, 10),
    before=st.integers(0, 3),
)
def test_a_slice_is_found_whatever_its_scale_and_offset(
    seed: int, n: int, begins: float, scale: float, inverted: bool, offset: float, before: int
) -> None:
    whole = noise(seed)
    start, factor = round(begins * (N - n)), -scale if inverted else scale
    others = [noise(seed + 1 + index) for index in range(before)]
    found = only(*others, whole, factor * (whole[start : start + n].astype(float) + offset))
    assert (found.first, found.second) == (before, before + 1)
    assert (found.first_begins, found.second_begins, found.n_samples) == (start, 0, n)
    assert list(found.scales) == pytest.approx([factor], rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(2000, N - 4000))
def test_two_parts_that_overlap_are_found_to_the_sample(seed: int, cut: int) -> None:
    whole = noise(seed)
    found = only(whole[: cut + 2000], whole[cut:])
    assert (found.first_begins, found.second_begins, found.n_samples) == (cut, 0, 2000)


def test_samples_that_only_a_part_of_two_recordings_shares_are_found() -> None:
    part = noise(1, 8000)
    found = only(np.r_[noise(2, 5000), part, noise(3, 9000)], np.r_[part, noise(4, 9000)])
    assert found.first_begins - found.second_begins == 5000
    assert 7500 < found.n_samples <= 8000


@pytest.mark.parametrize("bits", [16, 12, 10])
def test_a_copy_that_was_rounded_is_found(bits: int) -> None:
    found = only(noise(1), rounded(noise(1), bits))
    assert found.n_samples == N


def test_a_slice_out_of_millions_is_found() -> None:
    whole = noise(1, 3_000_000)
    found = only(whole, noise(2), whole[2_345_678:][:1024])
    assert (found.first, found.second, found.first_begins) == (0, 2, 2_345_678)


def test_the_channels_that_are_shared_are_named_and_those_of_one_recording_compared_at_once() -> None:
    found = only(np.stack([noise(1), noise(2)]), np.stack([noise(3), -2 * noise(1)]))
    assert (found.channels, found.scales) == (((0, 1),), (-2.0,))
    twice = only(np.stack([noise(1), noise(2), noise(1)]))
    assert (twice.first, twice.second, twice.channels) == (0, 0, ((0, 2),))
    assert shared(np.stack([noise(1)[:-500], noise(1)[500:]])) == []


@pytest.mark.parametrize("n", [2, 100, 300, 500])
def test_short_recordings_are_copies_where_all_samples_are_equal(n: int) -> None:
    both = np.stack([noise(1, n), noise(2, n)])
    found = only(both, noise(3, n), both)
    assert (found.first, found.second, found.n_samples, found.channels) == (0, 2, n, ((0, 0), (1, 1)))
    assert len(shared(np.stack([both[0], both[0]]))) == 1


def test_a_signal_that_repeats_itself_is_a_copy_where_all_samples_are_equal() -> None:
    t = np.arange(N) / RATE
    tone = np.sin(2 * math.pi * 997.3 * t)
    assert only(tone, np.sin(2 * math.pi * 997.3 * t + 1), tone).second == 2


def _tones(rng: np.random.Generator, level: float, *frequencies: float) -> _Signal:
    t = np.arange(N) / RATE
    tones = (np.sin(2 * math.pi * hz * t + rng.uniform(0, 6)) for hz in frequencies)
    found: _Signal = np.sum(list(tones), axis=0) + level * rng.standard_normal(N)
    return found


def _struck(rng: np.random.Generator, level: float) -> _Signal:
    """Impacts of one shape, at one rate."""
    at = np.zeros(N)
    at[(np.arange(N / 75 - 4) * 75.3 + rng.uniform(0, 75)).astype(int)] = 1
    ringing = np.exp(-np.arange(200) / 30) * np.sin(np.arange(200) * 1.5)
    return np.asarray(np.convolve(at, ringing)[:N] + level * rng.standard_normal(N))


def _tacho(rng: np.random.Generator, jitter: float) -> _Signal:
    turns = np.cumsum(29.95 / RATE * (1 + jitter * rng.standard_normal(N))) + rng.uniform()
    return np.asarray(turns % 1 < 0.05, float)


ALIKE: dict[str, Callable[[np.random.Generator], _Signal]] = {
    "noise": lambda rng: rng.standard_normal(N),
    "noise of few steps": lambda rng: np.rint(0.6 * rng.standard_normal(N)),
    "silence within": lambda rng: np.r_[rng.standard_normal(8000), np.zeros(4000), rng.standard_normal(N - 12_000)],
    "constant": lambda _: np.full(N, 0.5),
    "tone in noise": lambda rng: _tones(rng, 0.1, 997.3),
    "tone in little noise": lambda rng: _tones(rng, 1e-3, 997.3),
    "tones": lambda rng: _tones(rng, 0.01, 997.3, 1533.1, 29.95),
    "slow wave in little noise": lambda rng: _tones(rng, 1e-3, 29.95),
    "impacts": lambda rng: _struck(rng, 0.01),
    "tacho": lambda rng: np.stack([_tacho(rng, 0.0), rng.standard_normal(N)]),
    "tacho that shakes": lambda rng: _tacho(rng, 0.01),
}
"""Recordings that resemble each other and have no sample in common."""


@pytest.mark.parametrize("kind", ALIKE)
def test_recordings_that_are_only_alike_share_nothing(kind: str) -> None:
    rng = np.random.default_rng(1)
    assert shared(*(ALIKE[kind](rng) for _ in range(20))) == []


def test_many_recordings_of_the_same_tones_share_nothing_where_the_noise_is_not_the_same() -> None:
    rng = np.random.default_rng(1)
    hz = (997.3, 1533.1, 29.95, 2222.2, 3100.7, 421.9)
    assert shared(*(_tones(rng, 0.02, *hz) for _ in range(80))) == []


def test_a_few_equal_samples_among_many_others_are_no_evidence() -> None:
    part = noise(1, 600)
    assert shared(np.r_[noise(2, 9000), part, noise(3, 9000)], np.r_[noise(4, 7000), part, noise(5, 8000)]) == []


def test_samples_are_shared_as_far_as_their_scale_is_one() -> None:
    assert only(noise(1), noise(1) * np.linspace(1, 2, N)).n_samples < 0.1 * N


def test_copies_of_copies_are_one_group_and_take_no_longer_each() -> None:
    def seconds(n: int) -> float:
        finder = CopyFinder()
        for index in range(n):
            finder.add((1 + index % 7) * noise(1)[None, (index % 5) * 100 :])
        began = time.process_time()
        [group] = connected(finder.find())
        assert {number for one in group for number in (one.first, one.second)} == set(range(n))
        return time.process_time() - began

    seconds(2)  # loads what it needs
    few, many = seconds(100), seconds(500)
    assert many < 20 * few


def test_with_fewer_landmarks_than_there_are_copies_are_found_still() -> None:
    signals = [*map(noise, range(20)), -noise(3)[5000:]]
    found = pairs_of(shared(*signals, most_landmarks=800))
    assert found == {(3, 20)}
    finder = CopyFinder(800)
    for signal in signals:
        finder.add(signal[None].astype(np.float32))
    assert 200 < finder.n_landmarks <= 800


@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e30, 1e38])
def test_the_largest_and_the_smallest_numbers_are_compared_and_raise_nothing(scale: float) -> None:
    row = (noise(1) / 10).astype(float)
    assert shared(row * scale, noise(2) * 1e37) == []
    if scale > 1e-38:
        assert list(only(row * scale, row).scales) == pytest.approx([1 / scale], rel=1e-3)


@pytest.mark.parametrize("kind", ["noise", "noise of few steps", "silence within", "tacho that shakes"])
def test_landmarks_are_the_first_of_the_largest_bends_around(kind: str) -> None:
    row = ALIKE[kind](np.random.default_rng(2)).astype(np.float32)
    bends = np.abs(np.diff(np.diff(row)))
    expected = [
        at + 1
        for at in range(REACH, bends.size - REACH)
        if bends[at] > bends[at - REACH : at].max() and bends[at] >= bends[at + 1 : at + REACH + 1].max()
    ]
    assert expected
    assert landmarks(row).places.tolist() == expected


def test_real_recordings_share_nothing_and_copies_and_slices_of_them_are_found(test_data: Path) -> None:
    paths = [path for name in ("cwru", "mfpt", "uestc") for path in sorted((test_data / name).glob("*.mat"))]
    with Reader() as reader:
        signals = [reader.read(path)[0].signal for path in paths]
    assert shared(*signals) == []
    pairs = {(index, index + len(paths)) for index in range(len(paths))}
    assert pairs_of(shared(*signals, *(rounded(signal[0], 12) for signal in signals))) == pairs
    slices = shared(*signals, *(1 - 3 * signal[0, 20_000:24_000] for signal in signals))
    assert pairs_of(slices) == pairs
    assert {(one.first_begins, one.n_samples) for one in slices} == {(20_000, 4000)}

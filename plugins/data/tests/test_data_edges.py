"""No window tells how far from zero its recording lies, nor that it was resampled, by what stands at its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfd_plugin_data import iter_windows, open_dataset
from pfd_plugin_data.sources import Resampled, Stored, resample
from pfd_plugin_data.spectra import envelope_spectrum

RATE = 48_000.0
OFFSET = 512.0
N = 24_000


def signal(seed: int = 0) -> np.ndarray[Any, Any]:
    """Noise and a tone in steps of 2^-10, so that an offset can be added in float32 without loss."""
    x = np.random.default_rng(seed).standard_normal(N) + np.sin(2 * np.pi * 700 * np.arange(N) / RATE)
    return np.asarray(np.round(x * 1024) / 1024, np.float32)


def windows(make_info: Any, write_dataset: Any, x: np.ndarray[Any, Any], **conditions: Any) -> np.ndarray[Any, Any]:
    recordings = [
        (make_info("r0", sample_rate_hz=RATE, n_samples=N, rpm=1800.0), x[np.newaxis]),
        (make_info("r1", sample_rate_hz=12_000.0, n_samples=N, rpm=1800.0), x[np.newaxis]),
    ]
    dataset = open_dataset(write_dataset(recordings, name=f"d{x[0]:g}{len(conditions)}"))
    return np.concatenate([batch.x for batch in iter_windows(dataset, [0], window=512, hop=512, **conditions)])


CONDITIONS: list[dict[str, float]] = [
    {},
    {"sample_rate_hz": 11_025.0},
    {"lowpass_hz": 3000.0},
    {"lowpass_hz": 40.0},
    {"samples_per_rev": 200.0},
    {"samples_per_rev": 197.0, "lowpass_hz": 3000.0},
]


@pytest.mark.parametrize("conditions", CONDITIONS, ids=str)
def test_an_offset_of_the_recording_is_one_of_its_windows_and_nothing_else(
    make_info: Any, write_dataset: Any, conditions: dict[str, float]
) -> None:
    plain = windows(make_info, write_dataset, signal(), **conditions)
    lifted = windows(make_info, write_dataset, signal() + np.float32(OFFSET), **conditions)
    # Float32 has steps of 6e-5 at the offset; a ten-thousandth of the offset would be a thousand of them.
    np.testing.assert_allclose(lifted - OFFSET, plain, atol=3e-4)


@pytest.mark.parametrize("changing", [False, True])
def test_at_the_edges_of_a_course_of_the_speed_an_offset_makes_no_step(
    make_info: Any, write_dataset: Any, changing: bool
) -> None:
    course = np.linspace(25.0, 35.0 if changing else 25.0, 257)
    found = []
    for level in (0.0, OFFSET):
        info = make_info("r0", sample_rate_hz=RATE, n_samples=N, rpm=1800.0)
        path = write_dataset([(info, (signal() + np.float32(level))[np.newaxis])], name=f"l{level:g}", speed_hz=course)
        batches = iter_windows(open_dataset(path), [0], window=512, hop=512, samples_per_rev=300)
        found.append(np.concatenate([batch.x for batch in batches]) - level)
    np.testing.assert_allclose(found[1], found[0], atol=3e-4)


def test_the_first_and_the_last_window_of_a_resampled_recording_are_no_outliers() -> None:
    for seed in range(20):
        x = resample(signal(seed) + np.float32(OFFSET), RATE, 12_000.0) - OFFSET
        inner = x[100:-100]
        for edge in (x[:40], x[-40:]):
            assert np.abs(edge).max() < 2 * np.abs(inner).max()


def test_a_line_stays_a_line_up_to_its_ends() -> None:
    x = np.linspace(-3, 5, 4000, dtype=np.float32)
    np.testing.assert_allclose(resample(x, 40_000.0, 10_000.0), x[::4], atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 3000),
    rates=st.sampled_from([(48_000, 12_000), (48_828, 12_000), (25_600, 20_000), (12_000, 11_999)]),
    start=st.integers(0, 3000),
    length=st.integers(1, 200),
)
def test_a_stretch_at_any_place_is_that_of_the_whole(n: int, rates: tuple[int, int], start: int, length: int) -> None:
    from pfd_plugin_data.resampling import rate_ratio

    source = Resampled(Stored(signal()[:n]), rate_ratio(*map(float, rates)))
    whole = source.read(0, source.size)
    assert whole.size == source.size
    np.testing.assert_allclose(source.read(start, start + length), whole[start : start + length], atol=2e-5)


@pytest.mark.parametrize("band", [(0.0, 2000.0), (1200.0, 5400.0)])
def test_an_offset_does_not_show_in_an_envelope_spectrum(band: tuple[float, float]) -> None:
    x = signal().astype(np.float64)
    _, plain = envelope_spectrum(x, RATE, band)
    _, lifted = envelope_spectrum(x + OFFSET, RATE, band)
    np.testing.assert_allclose(lifted, plain, atol=1e-9)

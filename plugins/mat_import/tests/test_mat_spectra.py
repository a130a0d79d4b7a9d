from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from pfd_plugin_mat_import.spectra import ChannelSpectra


def spectra(row: np.ndarray, rate_hz: float) -> ChannelSpectra:
    return ChannelSpectra("DE", row.astype(np.float32), np.float32(np.abs(row).max()), rate_hz)


@pytest.mark.parametrize("most_hz", [600.0, 2045.0])
def test_the_spectrum_is_that_of_the_weighted_signal(most_hz: float) -> None:
    row = np.random.default_rng(0).standard_normal(4096)
    window = scipy.signal.windows.blackmanharris(4096, sym=False)
    expected = np.abs(np.fft.rfft((row - row.mean()) * window)) / np.abs(row).max()
    found = spectra(row, 4096.0).signal(most_hz)
    assert found.size == most_hz + 1
    np.testing.assert_allclose(found, expected[: found.size], atol=1e-3)


def test_the_envelope_spectrum_is_that_of_the_whole_analytic_signal() -> None:
    row = np.random.default_rng(3).standard_normal(4096)
    phases = np.exp(1j * np.angle(np.fft.rfft(row)))
    phases[[0, -1]] = 0  # the mean, and what lies at half the sample rate
    power = np.abs(scipy.signal.hilbert(np.fft.irfft(phases))) ** 2
    window = scipy.signal.windows.blackmanharris(4096, sym=False)
    whole = np.abs(np.fft.rfft((power - power.mean()) * window))
    found = spectra(row, 4096.0).envelope(600.0)
    assert found.size == 601
    # Nothing but a factor lies between them.
    np.testing.assert_allclose(found[1:] / found[1:].sum(), whole[1:601] / whole[1:601].sum(), rtol=2e-3)


def test_a_recording_that_changes_shows_its_end_in_its_power() -> None:
    t = np.arange(3 * 2**16) / 12_000
    row = np.where(t < 10, np.sin(2 * np.pi * 100 * t), np.sin(2 * np.pi * 110 * t))
    found = spectra(row, 12_000.0)
    power, at = found.power(200.0), (np.array([100, 110]) / found.resolution_hz).round().astype(int)
    assert power[at].min() > 0.2 * power.max()
    assert found.signal(200.0)[at[1]] < 1e-3 * found.signal(200.0)[at[0]]

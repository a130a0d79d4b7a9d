from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pfd import DataError
from pfd_plots import draw, save
from pfd_plugin_data import fault_orders, generate_dataset_task
from pfd_plugin_data.cli import data
from pfd_plugin_data.plots import PLOTS, Plot, recording_figure
from pfd_plugin_data.spectra import envelope_spectrum, power_density, spectrogram
from pfd_plugin_data.stretch import Stretch, fault_lines

RATE = 12_000.0
PNG = b"\x89PNG\r\n\x1a\n"


def modulated(seconds: float = 2.0, rate_hz: float = 107.0) -> np.ndarray:
    """A carrier of 3 kHz and amplitude 1, its envelope 1 + ½ sin."""
    times = np.arange(round(RATE * seconds)) / RATE
    return np.asarray((1 + 0.5 * np.sin(2 * np.pi * rate_hz * times)) * np.sin(2 * np.pi * 3000 * times))


@pytest.fixture
def generated(pfd_home: Path) -> None:
    assert pfd_home
    generate_dataset_task.delay({"name": "bench", "num_signals_per_fault": 3, "snr_db": 10}).get()


def test_the_envelope_spectrum_shows_the_modulation_with_its_amplitude() -> None:
    frequencies, amplitudes = envelope_spectrum(modulated(), RATE, (2000, 4000))
    peak = int(np.argmax(amplitudes))
    assert frequencies[peak] == pytest.approx(107, abs=0.3)
    assert amplitudes[peak] == pytest.approx(0.5, rel=0.02)
    _, outside = envelope_spectrum(modulated(), RATE, (4500, 5500))
    assert outside.max() < 1e-6


def test_power_density_gives_the_power_of_white_noise_back() -> None:
    x = 2 * np.random.default_rng(0).standard_normal(240_000)
    frequencies, density = power_density(x, RATE)
    assert np.trapezoid(density, frequencies) == pytest.approx(4, rel=0.02)


@pytest.mark.parametrize("size", [64, 500, 5000, 600_000])
def test_a_spectrogram_is_bounded_whatever_the_length(size: int) -> None:
    frequencies, times, density = spectrogram(np.random.default_rng(0).standard_normal(size), RATE)
    assert density.shape == (frequencies.size, times.size)
    assert 1 <= times.size <= 1000
    assert times[-1] <= size / RATE


@pytest.mark.parametrize("band", [(4000.0, 2000.0), (-1.0, 100.0), (100.0, 6001.0), (2000.0, 2000.0)])
def test_a_band_that_cannot_be_is_refused(band: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="does not lie between"):
        envelope_spectrum(modulated(), RATE, band)


def test_fault_lines_come_from_geometry_and_speed_and_are_never_guessed(make_info) -> None:
    info = make_info(rpm=1800.0)
    orders = fault_orders(info.geometry)
    assert fault_lines(info) == {
        "1×": 30.0,
        "FTF": 30 * orders["ftf"],
        "2×BSF": 60 * orders["bsf"],
        "BPFO": 30 * orders["bpfo"],
        "BPFI": 30 * orders["bpfi"],
    }
    assert fault_lines(make_info(rpm=None)) == {}
    assert fault_lines(make_info(rpm=1800.0, geometry=None)) == {"1×": 30.0}


@pytest.mark.parametrize("plot", PLOTS)
def test_each_plot_is_drawn_with_what_it_is_called(make_info, plot: Plot) -> None:
    stretch = Stretch(make_info(rpm=1800.0), "DE", "g", modulated(), 0.0, (2000, 4000))
    axes = draw(recording_figure(stretch, (plot,))).axes[0]
    assert axes.get_title(loc="left").lower().startswith(plot)
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    if plot == "envelope":
        texts = [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[union-attr]
        assert texts == ["1× 30.0 Hz", "FTF 11.9 Hz", "2×BSF 141.4 Hz", "BPFO 107.5 Hz", "BPFI 162.5 Hz"]
        drawn = sorted(float(np.asarray(line.get_xdata())[0]) for line in axes.lines[1:])
        expected = sorted(k * f for f in fault_lines(stretch.info).values() for k in (1, 2, 3))
        assert drawn == pytest.approx(expected)


def test_a_fault_line_beyond_the_band_is_named_as_left_out(make_info) -> None:
    stretch = Stretch(make_info(rpm=30_000.0), "DE", "g", modulated(), 0.0, (2000, 4000))
    legend = draw(recording_figure(stretch, ("envelope",))).axes[0].get_legend()
    assert legend is not None
    assert [text.get_text().split()[0] for text in legend.get_texts()] == ["1×", "FTF", "BPFO"]
    title = " ".join(legend.get_title().get_text().split())
    assert title == "beyond a band 2 kHz wide: 2×BSF 2356.7 Hz, BPFI 2707.6 Hz"
    assert draw(recording_figure(stretch, ("envelope",))).axes[0].get_xlim() == (0, 2000)


@pytest.mark.parametrize("columns", [{"rpm": None}, {"geometry": None}], ids=str)
def test_without_lines_the_plot_says_why(make_info, columns: dict[str, None]) -> None:
    stretch = Stretch(make_info(**columns), "DE", None, modulated(), 0.0, (2000, 4000))
    axes = draw(recording_figure(stretch, ("envelope",))).axes[0]
    legend = axes.get_legend()
    said = [text.get_text() for text in axes.texts] + ([] if legend is None else [legend.get_title().get_text()])
    assert said == [f"no fault lines: {'speed' if 'rpm' in columns else 'geometry'} unknown"]


def test_of_a_rotor_the_orders_are_drawn_and_nothing_is_said_of_fault_lines(make_info) -> None:
    times = np.arange(24_000) / RATE
    x = 0.5 * np.sin(2 * np.pi * 60 * times) + 0.01 * np.sin(2 * np.pi * 120 * times)
    stretch = Stretch(make_info(rpm=3600.0, geometry=None, fault_type="imbalance"), "X", "g", x, 0.0, (2000, 4000))
    axes = draw(recording_figure(stretch, ("spectrum",))).axes[0]
    assert axes.get_yscale() == "log"
    assert axes.get_xlim() == (0, 630)
    assert [float(np.asarray(line.get_xdata())[0]) for line in axes.lines[1:]] == [60.0 * k for k in range(1, 11)]
    frequencies, amplitudes = (np.asarray(values) for values in axes.lines[0].get_data())
    for hz, amplitude in ((60, 0.5), (120, 0.01)):
        assert amplitudes[np.argmin(np.abs(frequencies - hz))] == pytest.approx(amplitude, rel=0.01)
    legend = draw(recording_figure(stretch, ("envelope",))).axes[0].get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == ""


@pytest.mark.parametrize("x", [np.zeros(1000), np.full(1000, 3.0), np.ones(64)], ids=["zeros", "constant", "short"])
def test_a_signal_with_nothing_in_it_is_drawn_all_the_same(make_info, tmp_path: Path, x: np.ndarray) -> None:
    save(recording_figure(Stretch(make_info(), "DE", "g", x, 0.0, (1000, 5000))), tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(PNG)


def test_the_same_plot_is_the_same_file(make_info, tmp_path: Path) -> None:
    stretch = Stretch(make_info(), "DE", "g", modulated(), 0.0, (2000, 4000))
    for name in ("a.svg", "b.svg", "a.png", "b.png"):
        save(recording_figure(stretch), tmp_path / name)
    for kind in ("svg", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    with pytest.raises(DataError, match="names no format"):
        save(recording_figure(stretch), tmp_path / "a.jpg")


def test_the_shell_draws_into_a_file_and_says_where(generated, tmp_path: Path) -> None:
    runner = CliRunner()
    for what, name in (("all", "all.png"), ("envelope", "sub/one.svg")):
        outcome = runner.invoke(data, ["plot", "bench", "ball-0000", str(tmp_path / name), "--what", what])
        assert outcome.exit_code == 0, outcome.exception
        assert outcome.output.strip() == str(tmp_path / name)
    assert (tmp_path / "all.png").read_bytes().startswith(PNG)
    assert b"<svg" in (tmp_path / "sub" / "one.svg").read_bytes()[:2000]


def test_a_recording_can_be_named_by_its_number(generated, tmp_path: Path) -> None:
    for recording, name in (("0", "number.json"), ("normal-0000", "name.json")):
        outcome = CliRunner().invoke(data, ["plot", "bench", recording, str(tmp_path / name), "--what", "wave"])
        assert outcome.exit_code == 0, outcome.exception
    assert (tmp_path / "number.json").read_bytes() == (tmp_path / "name.json").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("99", "x.png"), "no recording '99'"),
        (("bal-0000", "x.png"), "no recording 'bal-0000'"),
        (("ball-0000", "x.png", "--channel", "FE"), "no channel 'FE'"),
        (("ball-0000", "x.png", "--start", "99"), "only 0 samples"),
        (("ball-0000", "x.png", "--band", "1", "9000"), "does not lie between"),
        (("ball-0000", "x.bmp"), "names no format"),
    ],
    ids=["number", "recording", "channel", "start", "band", "format"],
)
def test_what_cannot_be_drawn_is_refused_and_leaves_nothing(
    generated, tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    recording, name, *options = arguments
    outcome = CliRunner().invoke(data, ["plot", "bench", recording, str(tmp_path / name), *options])
    assert isinstance(outcome.exception, DataError)
    assert complaint in str(outcome.exception)
    assert list(tmp_path.glob("x.*")) == []


def test_without_matplotlib_the_error_says_what_to_install(generated, tmp_path: Path) -> None:
    code = """
import sys
sys.modules["matplotlib"] = None
from pfd_plugin_data.cli import data
from pfd import DataError
try:
    data(["plot", "bench", "ball-0000", sys.argv[1]], standalone_mode=False)
except DataError as error:
    print(error, error.hint)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "x.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "needs matplotlib" in done.stdout
    assert "pfd-plugin-data[plot]" in done.stdout

"""Pictures of one recording: wave, spectrum, envelope spectrum with the fault lines, spectrogram."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pfd import DataError, replacing
from pfd_plugin_data import spectra
from pfd_plugin_data.classes import ROTOR
from pfd_plugin_data.kinematics import fault_orders
from pfd_plugin_data.labels import plain_text
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.speed_sources import MEASURED

try:
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError as error:
    raise DataError("plotting needs matplotlib", hint="pip install 'pfd-plugin-data[plot]'") from error

Plot = Literal["wave", "spectrum", "envelope", "spectrogram"]
PLOTS: tuple[Plot, ...] = ("wave", "spectrum", "envelope", "spectrogram")

FORMATS = (".png", ".svg")
HARMONICS = 3
"""Of each fault line."""

ORDERS = 10
"""Orders of the shaft that a spectrum is drawn up to where nothing but the speed is known, as of a rotor."""

PER_ORDER = 20
"""Lines of that spectrum from one order to the next, at least."""

POINTS = 4000
"""Most points of a line; a longer one is drawn as the band between its least and greatest values."""

SHORT = 24
"""Characters of a sensor and of a unit, which stand beside an axis."""

INK, MUTED, LINE = "#1b1f24", "#57606a", "#0072B2"
COLOURS = {"1×": "#57606a", "FTF": "#CC79A7", "2×BSF": "#E69F00", "BPFO": "#009E73", "BPFI": "#D55E00"}
"""Told apart under all common kinds of colour blindness (Okabe & Ito 2008)."""

STYLES: dict[str, Any] = {"1×": ":", "FTF": (0, (1, 1)), "2×BSF": "-.", "BPFO": "--", "BPFI": (0, (6, 2))}


@dataclass(frozen=True)
class Stretch:
    """A part of one channel of a recording: `x` float64 `(samples,)` that begins at `start_s`.

    The `rpm` of its columns is that of the part; where only the mean over the whole recording is known of a speed that
    changes, `speed_known` is false, and no fault lines are drawn.
    """

    info: RecordingInfo
    sensor: str
    unit: str | None
    x: npt.NDArray[np.float64]
    start_s: float
    band_hz: tuple[float, float]
    speed_known: bool = True


def fault_lines(info: RecordingInfo) -> dict[str, float]:
    """Frequencies in Hz at which faults show in an envelope spectrum, by name; of an unknown geometry only the shaft's.

    Empty where the speed is unknown.  A spall on a ball shows at twice the BSF, since it strikes both rings.
    """
    if not info.rpm:
        return {}
    shaft = info.rpm / 60
    if info.geometry is None:
        return {"1×": shaft}
    orders = fault_orders(info.geometry)
    named = {
        "1×": 1.0,
        "FTF": orders["ftf"],
        "2×BSF": 2 * orders["bsf"],
        "BPFO": orders["bpfo"],
        "BPFI": orders["bpfi"],
    }
    return {name: order * shaft for name, order in named.items()}


def draw(stretch: Stretch, plots: tuple[Plot, ...] = PLOTS) -> Figure:
    """A figure with one panel a plot; no global state of matplotlib is touched."""
    rows = (len(plots) + 1) // 2 if len(plots) > 1 else 1
    columns = min(2, len(plots))
    with rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(6.2 * columns, 3.4 * rows + 0.6), layout="constrained", dpi=130, facecolor="white")
        FigureCanvasAgg(figure)
        figure.suptitle(_heading(stretch), x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
        for place, plot in enumerate(plots, start=1):
            _PANELS[plot](figure.add_subplot(rows, columns, place), stretch)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG or SVG, as the name says, whole or not at all."""
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{path.name!r} names no format", hint=f"end it with {' or '.join(FORMATS)}")
    # Without a date and with fixed ids, so that the same plot gives the same file.
    with rc_context({"svg.hashsalt": "pfd"}), replacing(path) as temporary:
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else {}
        figure.savefig(temporary, format=path.suffix.lower()[1:], metadata=metadata)


def _heading(stretch: Stretch) -> str:
    info = stretch.info
    words = " on average" if info.speed_changes else " as measured" if info.rpm_source == MEASURED else ""
    speed = "speed unknown" if info.rpm is None else f"{info.rpm:g} rpm{words}"
    end = stretch.start_s + stretch.x.size / info.sample_rate_hz
    fault = plain_text(info.fault_type or "fault unknown")
    return (
        f"{plain_text(info.record_id)}  ·  {fault}, bearing {plain_text(info.bearing_id, 40)}\n"
        f"{_sensor(stretch)}, {speed}, {info.sample_rate_hz:g} Hz, {stretch.start_s:g} to {end:.4g} s"
    )


def _wave(axes: Axes, stretch: Stretch) -> None:
    x, rate = stretch.x, stretch.info.sample_rate_hz
    times = stretch.start_s + np.arange(x.size) / rate
    if x.size <= POINTS:
        axes.plot(times, x, color=LINE, linewidth=0.6)
    else:
        width = -(-x.size // (POINTS // 2))
        starts = np.arange(0, x.size, width)
        low, high = np.minimum.reduceat(x, starts), np.maximum.reduceat(x, starts)
        axes.fill_between(times[starts], low, high, color=LINE, linewidth=0.3)
    centred = x - x.mean()
    rms = float(np.sqrt(np.mean(x**2)))
    power = float(np.mean(centred**2))
    kurtosis = f", kurtosis {np.mean(centred**4) / power**2:.3g}" if power else ""
    axes.set_title(f"Wave: r.m.s. {rms:.3g}{_unit(stretch, ' ')}{kurtosis}", loc="left", fontsize=9, color=INK)
    axes.set_xlabel("time, s")
    axes.set_ylabel(f"{_sensor(stretch)}{_unit(stretch)}")
    axes.margins(x=0)


def _spectrum(axes: Axes, stretch: Stretch) -> None:
    if stretch.info.rpm and _is_of_rotor(stretch.info):
        _orders(axes, stretch, stretch.info.rpm / 60)
        return
    frequencies, density = spectra.power_density(stretch.x, stretch.info.sample_rate_hz)
    # The line at 0 Hz is what taking out the mean has left.
    axes.semilogy(frequencies[1:] / 1e3, np.maximum(density[1:], np.finfo(float).tiny), color=LINE, linewidth=0.8)
    low, high = stretch.band_hz
    axes.axvspan(low / 1e3, high / 1e3, color=MUTED, alpha=0.10, linewidth=0)
    axes.set_title("Spectrum (Welch); shaded: the band of the envelope", loc="left", fontsize=9, color=INK)
    axes.set_xlabel("frequency, kHz")
    axes.set_ylabel(f"power density{_squared(stretch, ', ')}")
    axes.margins(x=0)


def _orders(axes: Axes, stretch: Stretch, shaft_hz: float) -> None:
    """The amplitudes at the first orders of the shaft, where faults of rotors show."""
    frequencies, amplitudes = spectra.amplitude_spectrum(stretch.x, stretch.info.sample_rate_hz, shaft_hz / PER_ORDER)
    top = min((ORDERS + 0.5) * shaft_hz, float(frequencies[-1]))
    # Up to a quarter of an order there is what taking out the mean has left.
    shown = (frequencies <= top) & (frequencies >= 0.25 * shaft_hz)
    axes.semilogy(
        frequencies[shown], np.maximum(amplitudes[shown], np.finfo(float).tiny), color=LINE, linewidth=0.8, zorder=3
    )
    orders = range(1, int(top / shaft_hz) + 1)
    for order in orders:
        axes.axvline(order * shaft_hz, color=COLOURS["1×"], linestyle=STYLES["1×"], linewidth=0.8)
    above = axes.secondary_xaxis("top")
    above.set_xticks([order * shaft_hz for order in orders], [f"{order}×" for order in orders])
    above.tick_params(length=0, labelsize=7, colors=MUTED, pad=1)
    axes.set_title(
        f"Spectrum up to {ORDERS} orders of the shaft, 1× {shaft_hz:.4g} Hz", loc="left", fontsize=9, color=INK
    )
    axes.set_xlabel("frequency, Hz")
    axes.set_ylabel(f"amplitude{_unit(stretch)}")
    axes.set_xlim(0, top)


def _envelope(axes: Axes, stretch: Stretch) -> None:
    info = stretch.info
    low, high = stretch.band_hz
    frequencies, amplitudes = spectra.envelope_spectrum(stretch.x, info.sample_rate_hz, stretch.band_hz)
    lines = fault_lines(info) if stretch.speed_known else {}
    # An envelope changes no faster than its band is wide.
    widest = min(high - low, float(frequencies[-1]))
    beyond = [f"{name} {frequency:.1f} Hz" for name, frequency in lines.items() if frequency > widest]
    top = min((HARMONICS + 0.3) * max(lines.values(), default=150.0), widest)
    if set(lines) == {"1×"}:
        top = min(12 * lines["1×"], widest)
    # Below half the slowest line there is nothing but slow changes of loudness, which would set the scale.
    shown = (frequencies <= top) & (frequencies > 0.5 * min(lines.values(), default=2 * frequencies[1]))
    axes.plot(frequencies[shown], amplitudes[shown], color=LINE, linewidth=0.8, zorder=3)
    for name, frequency in lines.items():
        for harmonic in range(1, HARMONICS + 1):
            if harmonic * frequency <= top:
                axes.axvline(
                    harmonic * frequency,
                    color=COLOURS[name],
                    linestyle=STYLES[name],
                    linewidth=1.1 if harmonic == 1 else 0.6,
                    alpha=1.0 if harmonic == 1 else 0.6,
                    label=f"{name} {frequency:.1f} Hz" if harmonic == 1 else None,
                )
    axes.set_title(f"Envelope spectrum of {low / 1e3:.3g} to {high / 1e3:.3g} kHz", loc="left", fontsize=9, color=INK)
    axes.set_xlabel("frequency, Hz")
    axes.set_ylabel(f"amplitude{_unit(stretch)}")
    axes.set_xlim(0, top)
    axes.set_ylim(bottom=0)
    if lines:
        title = "no fault lines: geometry unknown" if len(lines) == 1 and not _is_of_rotor(info) else None
        if beyond:
            title = f"beyond a band {widest / 1e3:.3g} kHz wide:\n{', '.join(beyond)}"
        axes.legend(title=title, fontsize=7, title_fontsize=7, loc="upper right", framealpha=0.9)
    else:
        why = "speed unknown" if stretch.speed_known else "the speed changes, its course is not stored"
        axes.text(0.99, 0.97, f"no fault lines: {why}", transform=axes.transAxes, ha="right", va="top", color=MUTED)


def _spectrogram(axes: Axes, stretch: Stretch) -> None:
    rate = stretch.info.sample_rate_hz
    frequencies, _, density = spectra.spectrogram(stretch.x, rate)
    level = 10 * np.log10(np.maximum(density[1:], np.finfo(float).tiny))
    image = axes.imshow(
        level,
        aspect="auto",
        origin="lower",
        extent=(stretch.start_s, stretch.start_s + stretch.x.size / rate, frequencies[1] / 1e3, frequencies[-1] / 1e3),
        vmin=float(np.percentile(level, 5)),
        vmax=float(level.max()),
        cmap="viridis",
        interpolation="nearest",
    )
    unit = _squared(stretch, " ") or " unit²/Hz"
    axes.figure.colorbar(image, ax=axes, label=f"dB re 1{unit}")
    axes.set_title("Spectrogram", loc="left", fontsize=9, color=INK)
    axes.set_xlabel("time, s")
    axes.set_ylabel("frequency, kHz")


def _is_of_rotor(info: RecordingInfo) -> bool:
    """Whether a recording is known to be of a rotor, whose faults show at orders of the shaft."""
    return info.fault_type in ROTOR[1:] or (info.specimen or "").startswith("rotor")


def _sensor(stretch: Stretch) -> str:
    return plain_text(stretch.sensor, SHORT)


def _unit(stretch: Stretch, before: str = ", ", after: str = "") -> str:
    """The unit with what stands around it; nothing where it is unknown."""
    return f"{before}{plain_text(stretch.unit, SHORT)}{after}" if stretch.unit else ""


def _squared(stretch: Stretch, before: str) -> str:
    """The unit of a power density: a unit of several signs is squared as a whole."""
    unit = _unit(stretch, "")
    whole = unit if unit.isalpha() or not unit else f"({unit})"
    return f"{before}{whole}²/Hz" if unit else ""


_PANELS: Mapping[Plot, Callable[[Axes, Stretch], None]] = {
    "wave": _wave,
    "spectrum": _spectrum,
    "envelope": _envelope,
    "spectrogram": _spectrogram,
}

"""Figures of one recording: wave, spectrum, envelope spectrum with the fault lines, spectrogram."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pfd.views import Axis, Curve, Figure, Matrix, Note, Panel, Rule, in_short
from pfd_plugin_data import spectra
from pfd_plugin_data.speed_sources import MEASURED
from pfd_plugin_data.stretch import Stretch, fault_lines

Plot = Literal["wave", "spectrum", "envelope", "spectrogram"]

HARMONICS = 3
"""Of each fault line."""

ORDERS = 10
"""Orders of the shaft that a spectrum is drawn up to where nothing but the speed is known, as of a rotor."""

PER_ORDER = 20
"""Lines of that spectrum from one order to the next, at least."""

STYLES: dict[str, dict[str, Any]] = {
    "1×": {"role": "muted", "stroke": "dotted"},
    "FTF": {"series": 3, "stroke": "dotted"},
    "2×BSF": {"series": 4, "stroke": "dashed"},
    "BPFO": {"series": 2, "stroke": "dashed"},
    "BPFI": {"series": 1, "stroke": "solid"},
}
"""How each fault line is told from the others."""

SECONDS, HERTZ, KILOHERTZ = Axis(label="time", unit="s"), "Hz", Axis(label="frequency", unit="kHz")


def recording_figure(stretch: Stretch, plots: tuple[Plot, ...] | None = None) -> Figure:
    """A figure with one panel a plot, by default all of them."""
    plots = plots or PLOTS
    about = f"{_words(stretch)}, {stretch.info.sample_rate_hz:g} Hz, {stretch.start_s:g} to {stretch.end_s:.4g} s"
    return Figure(
        title=about,
        alt=f"The {', '.join(plots)} of {about}.",
        panels=tuple(panel_of(stretch, plot) for plot in plots),
        columns=min(2, len(plots)),
    ).decimated()


def panel_of(stretch: Stretch, plot: Plot) -> Panel:
    """One plot of a recording."""
    return _PANELS[plot](stretch)


def _words(stretch: Stretch) -> str:
    """What is drawn: recording, fault and bearing; sensor and speed."""
    info = stretch.info
    record, fault, bearing, sensor = map(
        in_short, (info.record_id, info.fault_type or "fault unknown", info.bearing_id, stretch.sensor)
    )
    how = " on average" if info.speed_changes else " as measured" if info.rpm_source == MEASURED else ""
    speed = "speed unknown" if info.rpm is None else f"{info.rpm:g} rpm{how}"
    return f"{record}  ·  {fault}, bearing {bearing}; {sensor}, {speed}"


def _wave(stretch: Stretch) -> Panel:
    x = stretch.x
    centred = x - x.mean()
    power = float(np.mean(centred**2))
    kurtosis = f", kurtosis {np.mean(centred**4) / power**2:.3g}" if power else ""
    rms = f"{np.sqrt(np.mean(x**2)):.3g} {stretch.unit or ''}".strip()
    times = stretch.start_s + np.arange(x.size) / stretch.info.sample_rate_hz
    title = f"Wave: r.m.s. {rms}{kurtosis}"
    return Panel(title=title, x=SECONDS, y=_level(stretch, stretch.sensor), marks=(Curve(x=times, y=x, width=0.6),))


def _spectrum(stretch: Stretch) -> Panel:
    if stretch.info.rpm and stretch.is_of_rotor:
        return _orders(stretch, stretch.info.rpm / 60)
    frequencies, density = spectra.power_density(stretch.x, stretch.info.sample_rate_hz)
    low, high = stretch.band_hz
    # The line at 0 Hz is what taking out the mean has left.
    curve = Curve(x=frequencies[1:] / 1e3, y=_above_zero(density[1:]), width=0.8)
    return Panel(
        title="Spectrum (Welch); shaded: the band of the envelope",
        x=KILOHERTZ,
        y=Axis(label="power density", unit=stretch.unit_of_density, scale="log"),
        marks=(curve, Rule(x=low / 1e3, to=high / 1e3, role="muted")),
    )


def _orders(stretch: Stretch, shaft_hz: float) -> Panel:
    """The amplitudes at the first orders of the shaft, where faults of rotors show."""
    frequencies, amplitudes = spectra.amplitude_spectrum(stretch.x, stretch.info.sample_rate_hz, shaft_hz / PER_ORDER)
    top = min((ORDERS + 0.5) * shaft_hz, float(frequencies[-1]))
    # Up to a quarter of an order there is what taking out the mean has left.
    curve = _within(frequencies, _above_zero(amplitudes), 0.25 * shaft_hz, top)
    orders = range(1, int(top / shaft_hz) + 1)
    return Panel(
        title=f"Spectrum up to {ORDERS} orders of the shaft, 1× {shaft_hz:.4g} Hz",
        x=Axis(label="frequency", unit=HERTZ, low=0, high=top),
        y=_level(stretch, "amplitude", scale="log"),
        marks=(curve, *(Rule(x=order * shaft_hz, width=0.8, label=f"{order}×", **STYLES["1×"]) for order in orders)),
    )


def _envelope(stretch: Stretch) -> Panel:
    low, high = stretch.band_hz
    frequencies, amplitudes = spectra.envelope_spectrum(stretch.x, stretch.info.sample_rate_hz, stretch.band_hz)
    lines = fault_lines(stretch.info) if stretch.speed_known else {}
    shaft_only = set(lines) == {"1×"}
    # An envelope changes no faster than its band is wide.
    widest = min(high - low, float(frequencies[-1]))
    top = min((12 if shaft_only else HARMONICS + 0.3) * max(lines.values(), default=150.0), widest)
    # Below half the slowest line there is nothing but slow changes of loudness, which would set the scale.
    curve = _within(frequencies, amplitudes, 0.5 * min(lines.values(), default=2 * frequencies[1]), top)
    rules = [
        Rule(x=harmonic * hz, **STYLES[name], name="" if harmonic > 1 else f"{name} {hz:.1f} Hz", width=width)
        for name, hz in lines.items()
        for harmonic, width in zip(range(1, HARMONICS + 1), (1.3, 0.6, 0.6), strict=True)
        if harmonic * hz <= top
    ]
    legend = "no fault lines: geometry unknown" if shaft_only and not stretch.is_of_rotor else ""
    if beyond := [f"{name} {hz:.1f} Hz" for name, hz in lines.items() if hz > widest]:
        legend = f"beyond a band {widest / 1e3:.3g} kHz wide: {', '.join(beyond)}"
    why = "speed unknown" if stretch.speed_known else "the speed changes, its course is not stored"
    return Panel(
        title=f"Envelope spectrum of {low / 1e3:.3g} to {high / 1e3:.3g} kHz",
        x=Axis(label="frequency", unit=HERTZ, low=0, high=top),
        y=_level(stretch, "amplitude", low=0),
        marks=(curve, *rules) if lines else (curve, Note(text=f"no fault lines: {why}")),
        legend=legend,
    )


def _spectrogram(stretch: Stretch) -> Panel:
    frequencies, _, density = spectra.spectrogram(stretch.x, stretch.info.sample_rate_hz)
    level = 10 * np.log10(_above_zero(density[1:]))
    cells = Matrix(
        values=level,
        label=f"dB re 1 {stretch.unit_of_density or 'unit²/Hz'}",
        x=(stretch.start_s, stretch.end_s),
        y=(frequencies[1] / 1e3, frequencies[-1] / 1e3),
        low=float(np.percentile(level, 5)),
        upward=True,
    )
    return Panel(title="Spectrogram", x=SECONDS, y=KILOHERTZ, marks=(cells,))


def _level(stretch: Stretch, label: str, **limits: Any) -> Axis:
    """An axis of values in the unit of the sensor."""
    return Axis(label=label.strip() or "level", unit=stretch.unit or "", **limits)


def _within(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], low: float, high: float) -> Curve:
    shown = (x >= low) & (x <= high)
    return Curve(x=x[shown], y=y[shown], width=0.8)


def _above_zero(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.maximum(values, np.finfo(float).tiny)


_PANELS: Mapping[Plot, Callable[[Stretch], Panel]] = {
    "wave": _wave,
    "spectrum": _spectrum,
    "envelope": _envelope,
    "spectrogram": _spectrogram,
}
PLOTS: tuple[Plot, ...] = tuple(_PANELS)

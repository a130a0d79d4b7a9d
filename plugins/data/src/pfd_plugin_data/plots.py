"""Figures of one recording: wave, spectrum, envelope spectrum with the fault lines, spectrogram."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pfd.views import Axis, Curve, Figure, Matrix, Note, Panel, Rule
from pfd_plugin_data import spectra
from pfd_plugin_data.classes import ROTOR
from pfd_plugin_data.kinematics import fault_orders
from pfd_plugin_data.recording import RecordingInfo
from pfd_plugin_data.speed_sources import MEASURED

Plot = Literal["wave", "spectrum", "envelope", "spectrogram"]
PLOTS: tuple[Plot, ...] = ("wave", "spectrum", "envelope", "spectrogram")

HARMONICS = 3
"""Of each fault line."""

ORDERS = 10
"""Orders of the shaft that a spectrum is drawn up to where nothing but the speed is known, as of a rotor."""

PER_ORDER = 20
"""Lines of that spectrum from one order to the next, at least."""

LONGEST = 40
"""Characters of a name in the heading."""

STYLES: dict[str, dict[str, Any]] = {
    "1×": {"role": "muted", "stroke": "dotted"},
    "FTF": {"series": 3, "stroke": "dotted"},
    "2×BSF": {"series": 4, "stroke": "dashed"},
    "BPFO": {"series": 2, "stroke": "dashed"},
    "BPFI": {"series": 1, "stroke": "solid"},
}
"""How each fault line is told from the others."""


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

    @property
    def end_s(self) -> float:
        """Where it ends, seconds."""
        return self.start_s + self.x.size / self.info.sample_rate_hz

    def axis(self, label: str, **limits: Any) -> Axis:
        """An axis of values in the unit of the sensor."""
        return Axis(label=label.strip() or "level", unit=self.unit or "", **limits)

    @property
    def unit_of_density(self) -> str:
        """The unit of a power density, empty where that of the sensor is unknown: `g²/Hz`, `(m/s²)²/Hz`."""
        if not self.unit:
            return ""
        return f"{self.unit}²/Hz" if self.unit.isalpha() else f"({self.unit})²/Hz"


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


def recording_figure(stretch: Stretch, plots: tuple[Plot, ...] = PLOTS) -> Figure:
    """A figure with one panel a plot."""
    info = stretch.info
    words = " on average" if info.speed_changes else " as measured" if info.rpm_source == MEASURED else ""
    speed = "speed unknown" if info.rpm is None else f"{info.rpm:g} rpm{words}"
    names = (
        f"{_short(info.record_id)}  ·  {_short(info.fault_type or 'fault unknown')}, bearing {_short(info.bearing_id)}"
    )
    about = (
        f"{_short(stretch.sensor)}, {speed}, {info.sample_rate_hz:g} Hz, {stretch.start_s:g} to {stretch.end_s:.4g} s"
    )
    return Figure(
        title=f"{names}; {about}",
        alt=f"The {', '.join(plots)} of {names}; {about}.",
        panels=tuple(_PANELS[plot](stretch) for plot in plots),
        columns=min(2, len(plots)),
    ).decimated()


def _wave(stretch: Stretch) -> Panel:
    x = stretch.x
    centred = x - x.mean()
    rms = float(np.sqrt(np.mean(x**2)))
    power = float(np.mean(centred**2))
    kurtosis = f", kurtosis {np.mean(centred**4) / power**2:.3g}" if power else ""
    unit = f" {stretch.unit}" if stretch.unit else ""
    times = stretch.start_s + np.arange(x.size) / stretch.info.sample_rate_hz
    return Panel(
        title=f"Wave: r.m.s. {rms:.3g}{unit}{kurtosis}",
        x=Axis(label="time", unit="s"),
        y=stretch.axis(stretch.sensor),
        marks=(Curve(x=times, y=x, width=0.6),),
    )


def _spectrum(stretch: Stretch) -> Panel:
    if stretch.info.rpm and _is_of_rotor(stretch.info):
        return _orders(stretch, stretch.info.rpm / 60)
    frequencies, density = spectra.power_density(stretch.x, stretch.info.sample_rate_hz)
    low, high = stretch.band_hz
    # The line at 0 Hz is what taking out the mean has left.
    curve = Curve(x=frequencies[1:] / 1e3, y=_above_zero(density[1:]), width=0.8)
    return Panel(
        title="Spectrum (Welch); shaded: the band of the envelope",
        x=Axis(label="frequency", unit="kHz"),
        y=Axis(label="power density", unit=stretch.unit_of_density, scale="log"),
        marks=(curve, Rule(x=low / 1e3, to=high / 1e3, role="muted")),
    )


def _orders(stretch: Stretch, shaft_hz: float) -> Panel:
    """The amplitudes at the first orders of the shaft, where faults of rotors show."""
    frequencies, amplitudes = spectra.amplitude_spectrum(stretch.x, stretch.info.sample_rate_hz, shaft_hz / PER_ORDER)
    top = min((ORDERS + 0.5) * shaft_hz, float(frequencies[-1]))
    # Up to a quarter of an order there is what taking out the mean has left.
    shown = (frequencies <= top) & (frequencies >= 0.25 * shaft_hz)
    orders = range(1, int(top / shaft_hz) + 1)
    return Panel(
        title=f"Spectrum up to {ORDERS} orders of the shaft, 1× {shaft_hz:.4g} Hz",
        x=Axis(label="frequency", unit="Hz", low=0, high=top),
        y=stretch.axis("amplitude", scale="log"),
        marks=(
            Curve(x=frequencies[shown], y=_above_zero(amplitudes[shown]), width=0.8),
            *(Rule(x=order * shaft_hz, width=0.8, label=f"{order}×", **STYLES["1×"]) for order in orders),
        ),
    )


def _envelope(stretch: Stretch) -> Panel:
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
    marks: list[Any] = [Curve(x=frequencies[shown], y=amplitudes[shown], width=0.8)]
    for name, frequency in lines.items():
        for harmonic in range(1, HARMONICS + 1):
            if harmonic * frequency <= top:
                first = {"name": f"{name} {frequency:.1f} Hz", "width": 1.3} if harmonic == 1 else {"width": 0.6}
                marks.append(Rule(x=harmonic * frequency, **STYLES[name], **first))
    why = "speed unknown" if stretch.speed_known else "the speed changes, its course is not stored"
    legend = "no fault lines: geometry unknown" if set(lines) == {"1×"} and not _is_of_rotor(info) else ""
    if beyond:
        legend = f"beyond a band {widest / 1e3:.3g} kHz wide: {', '.join(beyond)}"
    return Panel(
        title=f"Envelope spectrum of {low / 1e3:.3g} to {high / 1e3:.3g} kHz",
        x=Axis(label="frequency", unit="Hz", low=0, high=top),
        y=stretch.axis("amplitude", low=0),
        marks=(*marks, *(() if lines else (Note(text=f"no fault lines: {why}"),))),
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
    x, y = Axis(label="time", unit="s"), Axis(label="frequency", unit="kHz")
    return Panel(title="Spectrogram", x=x, y=y, marks=(cells,))


def _short(name: str) -> str:
    """A name by its beginning and its end, so that what stands behind it is seen as well."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 13]}…{name[-12:]}"


def _above_zero(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.maximum(values, np.finfo(float).tiny)


def _is_of_rotor(info: RecordingInfo) -> bool:
    """Whether a recording is known to be of a rotor, whose faults show at orders of the shaft."""
    return info.fault_type in ROTOR[1:] or (info.specimen or "").startswith("rotor")


_PANELS: Mapping[Plot, Callable[[Stretch], Panel]] = {
    "wave": _wave,
    "spectrum": _spectrum,
    "envelope": _envelope,
    "spectrogram": _spectrogram,
}

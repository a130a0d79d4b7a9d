"""A simulator of rotors on journal bearings: the eleven classes of a machine, on two radial sensors of one bearing.

What turns with the shaft is a sum of orders: forces on the disc, answered by rotor, film and housing as they are at
that load, temperature and speed.  What does not is noise in bursts and contacts.  Whirl is integrated (`jeffcott`).
All levels are in g at the housing; `severity` goes from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, lfilter, sosfilt

from pfd_plugin_data.simulators import jeffcott
from pfd_plugin_data.simulators.machine import GRAVITY, Machine, worn
from pfd_plugin_data.simulators.noise import coloured
from pfd_plugin_data.simulators.speed import Shaft, Signal

KNOTS = 65
"""So many times the answer of the machine is worked out anew where it changes within a recording."""

VANES = 7

PARTS = {
    "combined_misalign_imbalance": ("misalignment", "imbalance"),
    "combined_wear_lube": ("wear", "lubrication"),
    "combined_cavit_jeu": ("cavitation", "looseness"),
}
"""What combined classes are made of."""

LINES = {
    "imbalance": (1.0,),
    "misalignment": (2.0, 3.0),
    "looseness": (0.5, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0),
    "wear": (1.0, 2.0),
}
"""Orders at which faults show that turn with the shaft."""


@dataclass(frozen=True)
class Course:
    """How a recording goes: the shaft, and at each of `KNOTS` even times load in N, oil in °C and severity."""

    shaft: Shaft
    load: Signal
    celsius: Signal
    severity: Signal

    def at_samples(self, values: Signal) -> Signal:
        return np.interp(np.arange(self.shaft.n), np.linspace(0, self.shaft.n - 1, KNOTS), values)

    def omega(self) -> Signal:
        """Angular speed at the knots, rad/s."""
        if self.shaft.turns is None:
            return np.full(KNOTS, 2 * math.pi * self.shaft.hz)
        edges = np.linspace(0, self.shaft.n - 1, KNOTS).round().astype(np.int64)
        return np.asarray(2 * math.pi * self.shaft.frequency()[edges])


@dataclass(frozen=True)
class Simulated:
    """Vibration of the housing, g, `(2, samples)`, without noise: all of it, and of it what is the fault's.

    `mask` is 1 where the fault acts; `load` the load at the knots, N, which whirl sets for itself.
    """

    signal: Signal
    fault: Signal
    mask: npt.NDArray[np.uint8]
    load: Signal


def fault_orders(fault_type: str) -> tuple[float, ...]:
    """The orders at which a fault shows; none where it is not bound to the shaft, or where that comes out."""
    return tuple(sorted({order for part in parts(fault_type) for order in LINES.get(part, ())}))


def parts(fault_type: str) -> tuple[str, ...]:
    """The faults that a class is made of; none of a healthy machine."""
    return () if fault_type == "normal" else PARTS.get(fault_type, (fault_type,))


def simulate(rng: np.random.Generator, machine: Machine, fault_type: str, course: Course) -> Simulated:
    """One recording of a machine."""
    model = _Model(rng, machine, course)
    healthy = model.healthy()
    fault = np.zeros_like(healthy)
    mask = np.zeros(course.shaft.n, bool)
    load = course.load
    for part in sorted(parts(fault_type), key=lambda name: name == "looseness"):  # it cuts what the others make
        if part == "oil_whirl":
            made, load = model.whirl()
            acts = np.ones(course.shaft.n, bool)
        else:
            made, acts = _FAULTS[part](model, healthy + fault)
        fault += made
        mask |= acts
    return Simulated(healthy + fault, fault, mask.view(np.uint8), load)


class _Model:
    """A machine on its course, and what it can do."""

    def __init__(self, rng: np.random.Generator, machine: Machine, course: Course) -> None:
        self.rng = rng
        self.machine = machine
        self.course = course
        self.n, self.rate = course.shaft.n, course.shaft.rate
        self.severity = course.at_samples(course.severity)
        turns = course.shaft.turns
        self.angle = 2 * np.pi * (course.shaft.hz * np.arange(self.n) / self.rate if turns is None else turns)
        omega = course.omega()
        # The force of an unbalance of 1 m at the knots, and what it makes at the housing: the measure of all lines.
        self._omega = omega
        self.unit = machine.unbalance(1.0) * machine.rotor.mass * omega**2

    def line(self, order: float, level: float | Signal, phase: float, *, turning: bool = True) -> Signal:
        """A line on both sensors, whose force is `level` times that of the usual unbalance.

        A force that turns with the shaft reaches the second sensor a quarter of a turn later, any other at once.
        """
        machine, course = self.machine, self.course
        steady = all(np.ptp(values) == 0 for values in (self._omega, course.load, course.celsius))
        answers = [
            self.unit[i] * machine.answer(np.array([order]), self._omega[i], course.load[i], course.celsius[i])[0]
            for i in range(1 if steady else KNOTS)
        ]
        found = np.array(answers * KNOTS if steady else answers)
        amplitude = level * course.at_samples(np.abs(found))
        lag = course.at_samples(np.unwrap(np.angle(found)))
        angle = order * self.angle + phase + lag
        return np.stack([amplitude * np.cos(angle), amplitude * (np.sin(angle) if turning else np.cos(angle))])

    def once(self) -> float:
        """The level of 1× of a machine with the usual unbalance, g: the measure of what is not bound to the shaft."""
        omega = 2 * math.pi * self.machine.rated_hz
        force = self.machine.unbalance(1.0) * self.machine.rotor.mass * omega**2
        load, celsius = self.machine.rated_load, float(self.course.celsius[0])
        return float(force * np.abs(self.machine.answer(np.ones(1), omega, load, celsius))[0])

    def healthy(self) -> Signal:
        machine = self.machine
        levels = (machine.residual, machine.residual * machine.texture[0], machine.residual * machine.texture[1])
        found = np.zeros((2, self.n))
        for order, (level, phase) in enumerate(zip(levels, machine.phases, strict=False), start=1):
            found += self.line(order, level, phase, turning=order == 1)
        # The flow of the oil, heard through the housing.
        return found + 0.02 * self.once() * self.noise(slope=-0.5)

    def noise(self, *, slope: float = 0.0, band: tuple[float, float] | None = None) -> Signal:
        """Noise of unit r.m.s. on both sensors, half of it the same on both; `band` in Hz."""
        rows = [coloured(self.rng, self.n, slope) for _ in range(3)]
        found = (np.stack(rows[:2]) + rows[2]) / math.sqrt(2)
        if band is not None:
            high = min(band[1], 0.45 * self.rate)
            found = sosfilt(butter(4, (min(band[0], 0.8 * high), high), "bandpass", fs=self.rate, output="sos"), found)
            found /= np.sqrt(np.mean(found**2))
        return np.asarray(found)

    def contacts(self, rate_hz: float) -> tuple[Signal, npt.NDArray[np.bool_]]:
        """Contacts at random times that ring the housing, of unit height; and where they ring."""
        count = int(self.rng.poisson(rate_hz * self.n / self.rate)) + 1
        at = self.rng.integers(0, self.n, count)
        hits = np.zeros((2, self.n))
        heights = self.rng.exponential(1.0, count) * self.severity[at]
        np.add.at(hits[0], at, heights)
        np.add.at(hits[1], at, heights * self.rng.uniform(0.3, 1.0, count))
        hz, damping = self.machine.resonance
        pole = np.exp(2 * np.pi * hz / self.rate * complex(-damping, math.sqrt(1 - damping**2)))
        rung = lfilter([0.0, pole.imag], [1.0, -2 * pole.real, abs(pole) ** 2], hits)
        length = math.ceil(math.log(10) / (2 * np.pi * hz * damping) * self.rate)
        return np.asarray(rung), _spread(at, length, self.n)

    def whirl(self) -> tuple[Signal, Signal]:
        """What the film does to the housing where it is unloaded so far that the rotor whirls; and the load left."""
        machine, course = worn(self.machine), self.course
        omega = course.omega()
        slowest = int(omega.argmin())
        limit = machine.whirl_load(float(omega[slowest]), float(course.celsius[slowest]))
        # Severity is how much of the load is gone that would hold the rotor; how far it whirls comes out, and hangs on
        # the clearance more than on the load.  Where the load changes within the recording, so does what is left.
        load = limit * (0.85 - 0.6 * course.severity) * course.load / course.load.max()
        operation = jeffcott.Operation(omega, load, course.celsius)
        orbit = jeffcott.integrate(machine.rotor, operation, self.n, self.rate)
        force = orbit.force - course.at_samples(load) * np.array([[0.0], [-1.0]])
        force -= force.mean(axis=1, keepdims=True)
        # Its answer to the unbalance is in the healthy part already.
        basis = np.stack([np.cos(self.angle), np.sin(self.angle)])
        weights = np.linalg.solve(np.einsum("in,jn->ij", basis, basis), np.einsum("in,cn->ic", basis, force))
        force -= np.einsum("ic,in->cn", weights, basis)
        return force / (machine.housing_mass * GRAVITY), load


def _spread(at: npt.NDArray[np.int64], length: int, n: int) -> npt.NDArray[np.bool_]:
    edges = np.zeros(n + 1, np.int64)
    np.add.at(edges, at, 1)
    np.add.at(edges, np.minimum(at + length, n), -1)
    return np.cumsum(edges[:-1]) > 0


_Made = tuple[Signal, npt.NDArray[np.bool_]]


def _always(model: _Model) -> npt.NDArray[np.bool_]:
    return np.ones(model.n, bool)


def _imbalance(model: _Model, _: Signal) -> _Made:
    """1×, a force that goes as the square of the speed and turns with the shaft."""
    return model.line(1, 5 * model.severity, model.machine.phases[3]), _always(model)


def _misalignment(model: _Model, _: Signal) -> _Made:
    """2× and 3×, along one direction."""
    twice = model.line(2, 4 * model.severity, model.machine.phases[4], turning=False)
    return twice + model.line(3, 2 * model.severity, model.machine.phases[5], turning=False), _always(model)


def _looseness(model: _Model, before: Signal) -> _Made:
    """Many harmonics and halves of them, and a wave that is cut where the part comes to its stop."""
    found = np.zeros_like(before)
    for place, order in enumerate(LINES["looseness"]):
        level = (4.0 if order % 1 == 0 else 0.5) * model.severity / max(1.0, order)
        found += model.line(order, level, model.machine.phases[6 + place], turning=False)
    whole = before + found
    stop = np.abs(whole).max(axis=1, keepdims=True) * (1 - 0.5 * model.severity)
    return np.clip(whole, -stop, stop) - before, _always(model)


def _lubrication(model: _Model, _: Signal) -> _Made:
    """A raised broadband floor, slipping and sticking, and contacts at random."""
    unit = model.once()
    slipping = 1 + 0.5 * np.sign(np.sin(2 * np.pi * 7.3 * np.arange(model.n) / model.rate + model.rng.uniform(0, 6.28)))
    floor = 1.2 * unit * model.severity * slipping * model.noise(slope=-0.3)
    return floor + 4 * unit * model.contacts(6.0)[0], _always(model)


def _cavitation(model: _Model, _: Signal) -> _Made:
    """Bursts of some milliseconds at 1.5 to 2.5 kHz, as vanes pass; at least one in each recording."""
    count = 1 + int(model.rng.poisson(20 * model.n / model.rate))
    lengths = np.maximum(4, (model.rng.uniform(2e-3, 8e-3, count) * model.rate).astype(np.int64))
    starts = (model.rng.uniform(size=count) * np.maximum(1, model.n - lengths)).astype(np.int64)
    shape = np.zeros(model.n)
    acts = np.zeros(model.n, bool)
    for start, length in zip(starts, lengths, strict=True):
        end = min(start + length, model.n)
        height = model.rng.uniform(0.6, 1.4) * np.hanning(length + 2)[1 : end - start + 1]
        shape[start:end] = np.maximum(shape[start:end], height)
        acts[start:end] = True
    vanes = 1 + 0.5 * np.sin(VANES * model.angle)
    return 6 * model.once() * model.severity * shape * vanes * model.noise(band=(1500.0, 2500.0)), acts


def _wear(model: _Model, _: Signal) -> _Made:
    """Noise of asperities that comes and goes slowly, with 1× and 2×."""
    slow = 1 + 0.4 * np.sin(2 * np.pi * model.rng.uniform(0.3, 1.0) * np.arange(model.n) / model.rate)
    rough = 0.8 * model.once() * model.severity * slow * model.noise(band=(0.05 * model.rate, 0.4 * model.rate))
    once = model.line(1, 1.5 * model.severity, model.machine.phases[20])
    return rough + once + model.line(2, 1.0 * model.severity, model.machine.phases[21], turning=False), _always(model)


_FAULTS: dict[str, Callable[[_Model, Signal], _Made]] = {
    "imbalance": _imbalance,
    "misalignment": _misalignment,
    "looseness": _looseness,
    "lubrication": _lubrication,
    "cavitation": _cavitation,
    "wear": _wear,
}

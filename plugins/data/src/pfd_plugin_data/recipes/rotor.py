"""Recordings of rotors on journal bearings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from pfd_plugin_data.classes import SEVERITIES
from pfd_plugin_data.params import GenerateDatasetParams
from pfd_plugin_data.recipes.finish import (
    ORIGINS,
    SPEED_POINTS,
    added_noise,
    checksum,
    finish,
    sampled,
    samples,
    speed_words,
)
from pfd_plugin_data.recipes.plan import Generated, Plan, Stream
from pfd_plugin_data.recording import ChannelInfo, RecordingInfo
from pfd_plugin_data.simulators.machine import Machine, draw_machine
from pfd_plugin_data.simulators.noise import energy
from pfd_plugin_data.simulators.rotor import KNOTS, Course, Simulated, fault_orders, simulate
from pfd_plugin_data.simulators.speed import Signal, turn

SOURCE = "PFD simulator of rotors on journal bearings"

GROWTH = 0.8
"""Where a fault grows within a recording, its severity begins at a fifth of what it ends at."""

WARMING_KELVIN = 20.0
LOAD_STEP = 0.6
"""A step of the load takes it to so much of what it was."""

_CHANNELS = (ChannelInfo("X", "radial", "g"), ChannelInfo("Y", "radial", "g"))


class RotorMachine:
    """Makes the recordings of one dataset."""

    def __init__(self, params: GenerateDatasetParams) -> None:
        self._params = params
        self._machines: dict[str, Machine] = {}

    def make(self, plan: Plan) -> Generated:
        """One recording; always the same one, whatever was made before."""
        params, machine, n = self._params, self._machine(plan), samples(self._params)
        transients = params.transients or ("none",)
        at_level, at_transient = plan.dealt(len(params.severity_levels), len(transients))
        transient = transients[at_transient]
        profile = "ramp" if transient == "speed_ramp" else params.speed_profile
        level, severity, grows = self._severity(plan, params.severity_levels[at_level])
        course = self._course(plan, machine, profile, transient, severity)
        made = simulate(plan.rng(Stream.SIGNAL), machine, plan.fault_type, course)
        signal = finish(plan, params, made.signal + self._noise(plan, made.signal))
        shaft, speed = course.shaft, speed_words(params, profile)
        origins = ORIGINS | {"specimen": "simulated", "condition": "simulated", "rpm": speed}
        origins |= {"load": "drawn within parameter load_range"}
        origins |= {"severity": "dealt from parameter severity_levels"} if level else {}
        words = [f"oil {course.celsius.mean():.0f} °C", f"SNR {params.snr_db:g} dB"]
        words += [f"severity {severity[-1]:.2f}"] if level else []
        words += ["the fault grows"] if grows else []
        words += [transient.replace("_", " ")] if transient != "none" else []
        info = RecordingInfo(
            record_id=plan.record_id,
            bearing_id=plan.bearing_id,
            specimen="rotor on journal bearings",
            geometry=None,
            fault_type=plan.fault_type,
            fault_size=None,
            fault_origin="synthetic",
            severity=level,
            condition=", ".join(words),
            rpm=60 * shaft.hz,
            rpm_source=speed,
            load=f"{made.load.mean() / machine.rated_load:.1%}",
            channels=_CHANNELS,
            sample_rate_hz=params.sample_rate_hz,
            n_samples=n,
            sha256=checksum(signal),
            source=SOURCE,
            licence=None,
            origins=origins,
        )
        return Generated(info, signal, _truth(plan, made, course))

    def _machine(self, plan: Plan) -> Machine:
        if plan.bearing_id not in self._machines:
            self._machines[plan.bearing_id] = draw_machine(
                plan.of_bearing(), plan.rpm / 60, self._params.speed_variation
            )
        return self._machines[plan.bearing_id]

    def _severity(self, plan: Plan, level: str) -> tuple[str | None, Signal, bool]:
        """The name of the severity, its course at the knots, and whether it grows."""
        if plan.fault_type == "normal":
            return None, np.zeros(KNOTS), False
        rng = plan.rng(Stream.SEVERITY)
        severity = rng.uniform(*SEVERITIES[level])
        grows = rng.uniform() < self._params.temporal_evolution
        return level, severity * np.linspace(1 - GROWTH if grows else 1.0, 1.0, KNOTS), grows

    def _course(self, plan: Plan, machine: Machine, profile: str, transient: str, severity: Signal) -> Course:
        params, rng = self._params, plan.rng(Stream.OPERATION)
        assert params.load_range is not None
        assert params.temp_range is not None
        load = np.full(KNOTS, machine.rated_load * rng.uniform(*params.load_range))
        celsius = np.full(KNOTS, rng.uniform(*params.temp_range))
        step = int(rng.uniform(0.3, 0.7) * KNOTS)
        if transient == "load_step":
            load[step:] *= LOAD_STEP
        if transient == "thermal":
            celsius += np.linspace(0, WARMING_KELVIN, KNOTS)
        n, rate = samples(params), params.sample_rate_hz
        shaft = turn(plan.rng(Stream.SPEED), profile, plan.rpm / 60, params.speed_variation, n, rate)
        return Course(shaft, load, celsius, severity)

    def _noise(self, plan: Plan, vibration: Signal) -> Signal:
        """The noise layers of both channels, so strong that the SNR is what was asked for in each."""
        rows = []
        for channel, row in enumerate(vibration):
            noise = added_noise(plan, self._params, len(row), 1.0, channel)
            if (power := energy(noise)) > 0:
                noise *= math.sqrt(energy(row) / power * 10 ** (-self._params.snr_db / 10))
            rows.append(noise)
        return np.stack(rows)


def _truth(plan: Plan, made: Simulated, course: Course) -> dict[str, npt.NDArray[Any]]:
    truth: dict[str, npt.NDArray[Any]] = {
        "fault_orders": np.array(fault_orders(plan.fault_type)),
        "fault_mask": made.mask,
    }
    if course.shaft.turns is not None:
        truth["speed_hz"] = sampled(course.shaft.frequency(), SPEED_POINTS)
    if plan.fault_type != "normal":
        truth["severity"] = course.severity
    return truth

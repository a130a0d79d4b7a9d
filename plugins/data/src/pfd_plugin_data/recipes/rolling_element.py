"""Recordings of rolling-element bearings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pfd_plugin_data.geometries import GEOMETRIES
from pfd_plugin_data.params import GenerateDatasetParams, Geometry
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
from pfd_plugin_data.simulators.rolling_element import SIZES_IN, Bearing, Setting, Simulated, draw_bearing, simulate
from pfd_plugin_data.simulators.speed import Shaft, turn

SOURCE = "PFD simulator of rolling-element bearings"

GROWTH = 0.8
"""Where a fault grows within a recording, its strikes begin at a fifth of what they end at."""

_CHANNELS = (ChannelInfo("DE", "radial", "g"),)
_SEVERITY_OF = {size: name for name, size in SIZES_IN.items()}


class RollingElement:
    """Makes the recordings of one dataset."""

    def __init__(self, params: GenerateDatasetParams) -> None:
        self._params = params
        geometry = params.geometry or Geometry()
        self._geometry = geometry.model_dump()
        self._specimen = next(
            (known.specimen for known in GEOMETRIES.values() if known[:4] == tuple(self._geometry.values())), None
        )
        sizes = tuple(size for name, size in SIZES_IN.items() if name in params.severity_levels)
        self._setting = Setting(
            sizes_in=sizes if params.fault_size_in is None else (params.fault_size_in,),
            load_zone=params.load_zone,
            slip=params.slip,
            slip_adds_up=params.slip_adds_up is not False,
            resonances=tuple((one.hz, one.damping, one.weight) for one in params.resonances or ()) or None,
        )
        self._bearings: dict[str, Bearing] = {}

    def make(self, plan: Plan) -> Generated:
        """One recording; always the same one, whatever was made before."""
        params, bearing, n = self._params, self._bearing(plan), samples(self._params)
        hz, variation, rate = plan.rpm / 60, params.speed_variation, params.sample_rate_hz
        shaft = (
            turn(plan.rng(Stream.SPEED), params.speed_profile, hz, variation, n, rate)
            if variation
            else Shaft(hz, rate, n)
        )
        evolution = params.temporal_evolution if bearing.faults else 0.0
        grows = evolution > 0 and plan.rng(Stream.SEVERITY).uniform() < evolution
        made = simulate(
            plan.rng(Stream.SIGNAL),
            bearing,
            shaft,
            snr_db=params.snr_db,
            growth=GROWTH if grows else 0.0,
            added=added_noise(plan, params, n, 1.0),
        )
        signal = finish(plan, params, made.signal[np.newaxis])
        speed = speed_words(params, params.speed_profile)
        info = RecordingInfo(
            record_id=plan.record_id,
            bearing_id=plan.bearing_id,
            specimen=self._specimen,
            geometry=self._geometry,
            fault_type=plan.fault_type,
            fault_size=bearing.size_in,
            fault_origin="synthetic",
            severity=_SEVERITY_OF.get(bearing.size_in),
            condition=self._condition(bearing, grows=grows),
            rpm=60 * shaft.hz if variation else plan.rpm,
            rpm_source=speed,
            load=None,
            channels=_CHANNELS,
            sample_rate_hz=rate,
            n_samples=n,
            sha256=checksum(signal),
            source=SOURCE,
            licence=None,
            origins=self._origins(bearing) | {"rpm": speed},
        )
        return Generated(info, signal, _truth(made, bearing, shaft, grows=grows))

    def _bearing(self, plan: Plan) -> Bearing:
        if plan.bearing_id not in self._bearings:
            self._bearings[plan.bearing_id] = draw_bearing(
                plan.of_bearing(), plan.fault_type, self._geometry, self._params.sample_rate_hz, self._setting
            )
        return self._bearings[plan.bearing_id]

    def _condition(self, bearing: Bearing, *, grows: bool) -> str | None:
        if not bearing.faults:
            return None
        return f"SNR {self._params.snr_db:g} dB{', the fault grows' if grows else ''}"

    def _origins(self, bearing: Bearing) -> dict[str, str]:
        """Where the columns come from, but for the speed."""
        by_size = "parameter fault_size_in" if self._params.fault_size_in else "drawn from parameter severity_levels"
        origins = ORIGINS | {"geometry": "parameter geometry", "fault_size": "parameter fault_types"}
        if self._specimen:
            origins["specimen"] = "parameter geometry"
        if bearing.faults:
            origins |= {"fault_size": by_size, "condition": "simulated"}
            origins |= {"severity": by_size} if bearing.size_in in _SEVERITY_OF else {}
        return origins


def _truth(made: Simulated, bearing: Bearing, shaft: Shaft, *, grows: bool) -> dict[str, npt.NDArray[Any]]:
    truth: dict[str, npt.NDArray[Any]] = {
        "impact_times": made.strikes.times,
        "impact_faults": made.strikes.which,
        "impact_mask": made.mask,
        "fault_orders": bearing.fault_lines(),
    }
    if shaft.turns is not None:
        truth["speed_hz"] = sampled(shaft.frequency(), SPEED_POINTS)
    if grows:
        truth["severity"] = np.linspace(1 - GROWTH, 1, len(sampled(made.noise)))
    return truth

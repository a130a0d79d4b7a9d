"""Generating a dataset: which bearings, which recordings of each, and from which random stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pfd_plugin_data import layout
from pfd_plugin_data.params import GenerateDatasetParams
from pfd_plugin_data.recording import FAULTS, ChannelInfo, RecordingInfo
from pfd_plugin_data.simulator import Bearing, Signal, draw_bearing, simulate

SOURCE = "PFD simulator of rolling-element bearings"


@dataclass(frozen=True)
class Generated:
    """One generated recording: its columns, float32 `(1, samples)`, and the times of its impacts, s."""

    info: RecordingInfo
    signal: npt.NDArray[np.float32]
    impact_times: Signal


@dataclass(frozen=True)
class _Plan:
    """One recording to be made: everything but its samples."""

    record_id: str
    bearing_id: str
    bearing: Bearing
    rpm: float
    stream: np.random.SeedSequence


def generate_recordings(params: GenerateDatasetParams) -> Iterator[Generated]:
    """Make the recordings of a dataset one by one, always the same ones from the same parameters."""
    for plan in _plans(params):
        made = simulate(
            np.random.default_rng(plan.stream),
            plan.bearing,
            rpm=plan.rpm,
            snr_db=params.snr_db,
            duration_s=params.duration_s,
            sample_rate_hz=params.sample_rate_hz,
        )
        signal = made.signal[np.newaxis].astype(layout.SIGNAL_TYPE)
        yield Generated(_info(plan, params, signal), signal, made.impact_times)


def _plans(params: GenerateDatasetParams) -> Iterator[_Plan]:
    """Deal recordings over the bearings of a class, and over the speeds once each bearing has one.

    The streams hang on the place of a fault type in `FAULTS`, so leaving a class out changes no other one.
    """
    geometry = params.geometry.model_dump()
    classes = np.random.SeedSequence(params.random_seed).spawn(len(FAULTS))
    for fault in params.fault_types:
        of_bearings, of_recordings = classes[FAULTS.index(fault)].spawn(2)
        bearings = [
            draw_bearing(np.random.default_rng(stream), fault, geometry, params.sample_rate_hz)
            for stream in of_bearings.spawn(params.bearings_per_fault)
        ]
        for number, stream in enumerate(of_recordings.spawn(params.num_signals_per_fault)):
            turn, which = divmod(number, len(bearings))
            yield _Plan(
                record_id=f"{fault}-{number:04d}",
                bearing_id=f"{fault}-bearing-{which:02d}",
                bearing=bearings[which],
                rpm=params.rpm[turn % len(params.rpm)],
                stream=stream,
            )


def _info(plan: _Plan, params: GenerateDatasetParams, signal: npt.NDArray[np.float32]) -> RecordingInfo:
    return RecordingInfo(
        record_id=plan.record_id,
        bearing_id=plan.bearing_id,
        specimen="simulated",
        geometry=plan.bearing.geometry,
        fault_type=plan.bearing.fault_type,
        fault_size=plan.bearing.size_in,
        fault_origin="synthetic",
        severity=None,
        condition=f"SNR {params.snr_db:g} dB" if plan.bearing.fault_type != "normal" else None,
        rpm=plan.rpm,
        rpm_source="parameter rpm",
        load=None,
        channels=(ChannelInfo("DE", "radial", "g"),),
        sample_rate_hz=params.sample_rate_hz,
        n_samples=signal.shape[1],
        sha256=hashlib.sha256(signal.data).hexdigest(),
        source=SOURCE,
        licence=None,
    )

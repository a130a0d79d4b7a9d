"""Spectra of a tooth mesh: simulated by angle, so that each line of the shaft is a bin, and averaged over blocks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pfd import DataError, TaskContext
from pfd.records import upsert_for_job
from pfd.views import Axis, Column, Curve, Figure, Panel, Rule, Table
from pfd_example_gearbox.kinematics import Mesh, meshes
from pfd_example_gearbox.params import Spectrum, SpectrumParams
from pfd_example_gearbox.records import SpectrumRow
from pfd_example_gearbox.settings import GearboxSettings
from pfd_example_gearbox.store import find_gearbox

REVOLUTIONS, HARMONICS = 8, 2
"""Of the shaft in a block; of the mesh that are looked at."""

NOISE = 0.3
"""Standard deviation, beside a mesh of amplitude 1."""


def mesh_spectrum(params: SpectrumParams, ctx: TaskContext) -> Spectrum:
    """Average the spectrum of a gear, and compare the sidebands of its mesh with the mesh itself."""
    settings = ctx.settings.of(GearboxSettings)
    with ctx.session() as session:
        row = find_gearbox(session, params.gearbox)
        number, name, teeth = row.id, row.name, row.teeth
    stages = meshes(teeth, params.rpm)
    if params.stage > len(stages):
        raise DataError(f"gearbox {name} has {len(stages)} stages, and no stage {params.stage}")
    mesh, pinion = stages[params.stage - 1], teeth[2 * params.stage - 2]
    lines = [pinion * harmonic for harmonic in range(1, HARMONICS + 1)]
    power = _averaged(params, ctx, pinion, lines, settings.sidebands, REVOLUTIONS / mesh.shaft_hz)
    ratio = _sideband_ratio(power, lines, settings.sidebands)
    _keep(ctx, name, mesh, power, lines, settings.sidebands)
    with ctx.session() as session:
        upsert_for_job(session, SpectrumRow, ctx.job_id, {"gearbox": name, "sideband_ratio": ratio})
    suspect = ratio > settings.limit
    return Spectrum(gearbox_id=number, gearbox=name, mesh_hz=mesh.mesh_hz, sideband_ratio=ratio, suspect=suspect)


def _averaged(
    params: SpectrumParams, ctx: TaskContext, pinion: int, lines: Sequence[int], sidebands: int, seconds: float
) -> NDArray[Any]:
    """The mean power at each order of the shaft, blocks computed by as many threads as the job may have."""
    total = np.zeros(4 * HARMONICS * pinion + 1)
    with ThreadPoolExecutor(ctx.threads) as pool:
        for first in range(0, params.blocks, ctx.threads):
            several = range(first, min(first + ctx.threads, params.blocks))
            for done, power in zip(
                several, pool.map(lambda block: _power(params, pinion, block), several), strict=True
            ):
                total += power
                ctx.record("averaging", done, sideband_ratio=_sideband_ratio(total, lines, sidebands))
                ctx.progress((done + 1) / params.blocks, f"{done + 1} of {params.blocks} blocks")
                if params.realtime:
                    time.sleep(seconds)
    return total / params.blocks


def _power(params: SpectrumParams, pinion: int, block: int) -> NDArray[Any]:
    """The power of a block at whole orders from 0 on."""
    samples = 8 * HARMONICS * pinion * REVOLUTIONS
    angle = 2 * np.pi * REVOLUTIONS * np.arange(samples) / samples
    if params.fault == "tooth":  # one tooth of all meshes softer, once a revolution
        modulation = np.exp(-0.5 * ((angle % (2 * np.pi) - np.pi) * pinion / (2 * np.pi)) ** 2)
    else:
        modulation = np.cos(angle)
    signal = sum(np.cos(pinion * order * angle) / order for order in range(1, HARMONICS + 1))
    signal = signal * (1 + params.depth * modulation)
    signal = signal + np.random.default_rng((params.seed, block)).normal(0, NOISE, samples)
    power: NDArray[Any] = np.abs(np.fft.rfft(signal)[::REVOLUTIONS] * 2 / samples) ** 2
    return power


def _sideband_ratio(power: NDArray[Any], lines: Sequence[int], sidebands: int) -> float:
    beside = [line + k for line in lines for k in range(-sidebands, sidebands + 1) if k]
    return float(np.sqrt(power[beside].sum() / power[list(lines)].sum()))


def _keep(ctx: TaskContext, name: str, mesh: Mesh, power: NDArray[Any], lines: Sequence[int], sidebands: int) -> None:
    """The figure, the table and the numbers of a spectrum."""
    amplitude = np.sqrt(power)
    curve = Curve(x=np.arange(len(power)) * mesh.shaft_hz, y=amplitude, name="amplitude")
    rules = [Rule(x=line * mesh.shaft_hz, label=f"{number}× mesh") for number, line in enumerate(lines, start=1)]
    frequency = Axis(label="frequency", unit="Hz", low=0, high=1.3 * lines[-1] * mesh.shaft_hz)
    panel = Panel(x=frequency, y=Axis(label="amplitude", unit="m/s²"), marks=(curve, *rules))
    ctx.figure(
        "spectrum",
        Figure(
            title=f"Stage {mesh.stage} of {name}",
            alt=f"Amplitude over frequency; the tooth mesh lies at {mesh.mesh_hz:.1f} Hz.",
            panels=(panel,),
        ),
    )
    rows = [
        (number, k, (line + k) * mesh.shaft_hz, amplitude[line + k])
        for number, line in enumerate(lines, start=1)
        for k in range(-sidebands, sidebands + 1)
    ]
    columns = (Column(name="harmonic"), Column(name="sideband"), Column(name="frequency", unit="Hz"))
    ctx.table("lines", Table(columns=(*columns, Column(name="amplitude", unit="m/s²")), rows=tuple(rows)))
    ctx.write_json("lines.json", [dict(zip(("harmonic", "sideband", "hz"), row[:3], strict=True)) for row in rows])

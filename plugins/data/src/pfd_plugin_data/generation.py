"""Generating a dataset: each recording from its own random stream, in one process or in several at once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator

from pfd_plugin_data import layout
from pfd_plugin_data.parallel import ordered
from pfd_plugin_data.params import GenerateDatasetParams
from pfd_plugin_data.recipes.plan import Generated, Plan, plans
from pfd_plugin_data.recipes.rolling_element import RollingElement
from pfd_plugin_data.recipes.rotor import RotorMachine

CHUNK_SAMPLES = 100_000
"""Samples that a process makes before it hands them over: the way between processes has its price a message."""

WORTH_PROCESSES = 4_000_000
"""Below so many samples in all, starting processes takes longer than they save."""


def _maker(params: GenerateDatasetParams) -> RollingElement | RotorMachine:
    return RotorMachine(params) if params.simulator == "rotor" else RollingElement(params)


def generate_recordings(params: GenerateDatasetParams) -> Iterator[Generated]:
    """Make the recordings of a dataset one by one, always the same ones from the same parameters."""
    maker = _maker(params)
    for plan in plans(params):
        yield maker.make(plan)


def generate_packed(params: GenerateDatasetParams, processes: int = 1) -> Generator[layout.Packed]:
    """The same recordings in the same order, ready to be written, made by several processes where that pays.

    Raises
    ------
    WorkerLost : one of the processes has been killed.
    """
    maker = _maker(params)
    each = round(params.duration_s * params.sample_rate_hz)
    wanted = list(plans(params))

    def make(plan: Plan) -> layout.Packed:
        made = maker.make(plan)
        return layout.pack(made.info, made.signal, made.truth)

    if processes > 1 and each * len(wanted) >= WORTH_PROCESSES:
        chunk = max(1, CHUNK_SAMPLES // each)
        chunks = [wanted[first : first + chunk] for first in range(0, len(wanted), chunk)]
        sent = ordered(lambda number: layout.to_buffers(list(map(make, chunks[number]))), len(chunks), processes)
        with contextlib.closing(sent):
            for buffers in sent:
                yield from layout.from_buffers(buffers)
    else:
        yield from map(make, wanted)


def share_of_cores() -> int:
    """How many processes this job may keep busy: what its worker has told libraries to use."""
    number = os.environ.get("LOKY_MAX_CPU_COUNT", "")
    return int(number) if number.isdecimal() else 1

"""The tasks: domain functions with a job's progress, files and table around them."""

from __future__ import annotations

import contextlib
from collections import Counter

from pfd import TaskContext
from pfd_plugin_data.catalog import register_dataset
from pfd_plugin_data.dataset import open_dataset
from pfd_plugin_data.export import export_dataset, require_format
from pfd_plugin_data.generation import generate_packed, share_of_cores
from pfd_plugin_data.layout import decode_info
from pfd_plugin_data.overview import keep_overview
from pfd_plugin_data.params import GenerateDatasetParams, GenerateDatasetResult
from pfd_plugin_data.room import require_room
from pfd_plugin_data.settings import DataSettings
from pfd_plugin_data.writer import DatasetWriter


def generate_dataset(params: GenerateDatasetParams, ctx: TaskContext) -> GenerateDatasetResult:
    """Simulate bearings or rotors and store their recordings, with the truth beside each, as a dataset."""
    if params.output_format is not None:
        require_format(params.output_format)  # before anything is computed
    total = len(params.fault_types) * params.num_signals_per_fault
    made = Counter(dict.fromkeys(params.fault_types, 0))
    path = ctx.artifact(f"{params.name}.h5")
    require_room(path.parent, params, ctx.settings.of(DataSettings).keep_free_bytes)
    with (
        DatasetWriter(path, params.name) as writer,
        contextlib.closing(generate_packed(params, share_of_cores())) as recordings,
    ):
        for done, packed in enumerate(recordings, start=1):
            ctx.check_cancelled()
            writer.append(packed)
            made[str(decode_info(packed.info).fault_type)] += 1
            ctx.record("classes", done, **made)
            ctx.progress(done / total, f"Recording {done}/{total}", recording=packed.record_id)
    with open_dataset(path) as dataset:
        if params.output_format is not None:
            ctx.progress(1.0, f"Exporting to {params.output_format}")
            export_dataset(dataset, ctx.artifact(params.output_format), params.output_format)
        with ctx.session() as session:
            entry = register_dataset(session, dataset, job_id=ctx.job_id, home=ctx.settings.home)
        keep_overview(ctx, dataset.recordings, dataset, entry.id)
    ctx.progress(1.0, f"{entry.n_recordings} recordings of {entry.n_bearings} bearings")
    return GenerateDatasetResult(
        dataset_id=entry.id,
        name=entry.name,
        fingerprint=entry.fingerprint,
        n_recordings=entry.n_recordings,
        n_bearings=entry.n_bearings,
        classes=entry.classes,
    )

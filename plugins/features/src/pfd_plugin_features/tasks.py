"""The feature tasks: context and storage around `extraction`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from pfd import DataError, TaskContext
from pfd_plugin_data import (
    Dataset,
    DatasetEntry,
    RecordingInfo,
    common_channel,
    common_rate,
    fault_orders,
    find_dataset,
    iter_windows,
    open_dataset,
)
from pfd_plugin_features.envelope_domain import line_orders
from pfd_plugin_features.extraction import VERSION, choose, compute, usable
from pfd_plugin_features.params import ExtractFeaturesParams, ExtractFeaturesResult
from pfd_plugin_features.records import FeatureSetRow
from pfd_plugin_features.table import table_writer
from pfd_plugin_features.windows import Condition

FLAT_SHARE = 0.82
"""Of the band below half the sample rate, what the anti-alias filter of resampling leaves untouched."""


def extract_features(params: ExtractFeaturesParams, ctx: TaskContext) -> ExtractFeaturesResult:
    """Describe every window of a dataset, one batch in memory at a time."""
    with ctx.session() as session:
        entry = find_dataset(session, params.dataset, home=ctx.settings.home)
    with open_dataset(entry.path) as dataset:
        return _extract(dataset, entry, params, ctx)


def _extract(
    dataset: Dataset, entry: DatasetEntry, params: ExtractFeaturesParams, ctx: TaskContext
) -> ExtractFeaturesResult:
    recordings = dataset.recordings
    rate = params.sample_rate_hz or common_rate(recordings)
    channel = params.channel or common_channel(recordings)
    hop = params.hop or params.window
    bandwidth = _common_bandwidth(recordings, rate, params.lowpass_hz)
    conditions = [_condition(info, rate, bandwidth, params.window) for info in recordings]
    features, absent = choose(params.domains, conditions)
    if not features:
        raise DataError(
            f"no feature of {', '.join(params.domains)} can be computed here: {next(iter(absent.values()))}",
            hint="choose another domain",
        )
    for name, reason in absent.items():
        ctx.log.info("no column %s: %s", name, reason)
    names = [feature.name for feature in features]
    origin = {
        "dataset": entry.name,
        "dataset_fingerprint": dataset.fingerprint,
        "window": params.window,
        "hop": hop,
        "sample_rate_hz": rate,
        "lowpass_hz": params.lowpass_hz,
        "channel": channel,
        "version": VERSION,
        "units": {feature.name: feature.unit for feature in features},
    }
    path = ctx.artifact("features.parquet")
    unusable = 0
    with table_writer(path, names, origin) as writer:
        for index, info in enumerate(recordings):
            ctx.progress(index / len(recordings), f"Recording {index + 1}/{len(recordings)}", record_id=info.record_id)
            for batch in iter_windows(
                dataset,
                [index],
                window=params.window,
                hop=hop,
                channel=channel,
                sample_rate_hz=rate,
                lowpass_hz=params.lowpass_hz,
            ):
                ctx.check_cancelled()
                kept = usable(batch.x)
                unusable += int(kept.size - kept.sum())
                if kept.any():
                    values = compute(features, batch.x[kept], conditions[index])
                    writer.add(values, index, batch.start[kept], info.fault_type, info.bearing_id)
        if not writer.rows:
            longest = max(info.n_samples * rate / info.sample_rate_hz for info in recordings)
            raise DataError(
                f"dataset {entry.name!r} has no usable window of {params.window} samples; "
                f"its longest recording has {longest:.0f} at {rate:g} Hz",
                hint="choose a smaller window",
            )
    row = {
        "dataset_id": entry.id,
        "dataset_fingerprint": dataset.fingerprint,
        "path": path.resolve().relative_to(ctx.settings.home.resolve()).as_posix(),
        "version": VERSION,
        "window": params.window,
        "hop": hop,
        "sample_rate_hz": rate,
        "lowpass_hz": params.lowpass_hz,
        "channel": channel,
        "n_windows": writer.rows,
        "features": names,
    }
    return ExtractFeaturesResult(
        feature_set_id=_store(row, ctx),
        dataset_id=entry.id,
        dataset_fingerprint=dataset.fingerprint,
        n_windows=writer.rows,
        n_unusable=unusable,
        n_features=len(names),
        features=names,
        absent=absent,
        window=params.window,
        hop=hop,
        sample_rate_hz=rate,
    )


def _condition(info: RecordingInfo, rate: float, bandwidth: float, window: int) -> Condition:
    return Condition(
        sample_rate_hz=rate,
        window=window,
        bandwidth_hz=bandwidth,
        # A shaft at rest has no harmonics: 0 rpm tells no more than an unknown speed.
        shaft_hz=info.rpm / 60 if info.rpm else None,
        orders=line_orders(fault_orders(info.geometry)) if info.geometry else {},
    )


def _common_bandwidth(recordings: tuple[RecordingInfo, ...], rate: float, lowpass_hz: float | None) -> float:
    """The band that all recordings fill.  One band for all: else its width would tell how a class was recorded."""
    band = rate / 2
    if any(info.sample_rate_hz > rate for info in recordings):
        band *= FLAT_SHARE
    return band if lowpass_hz is None else min(band, lowpass_hz)


def _store(values: dict[str, Any], ctx: TaskContext) -> int:
    with ctx.session() as session:
        row = session.scalars(select(FeatureSetRow).where(FeatureSetRow.job_id == ctx.job_id)).first()
        if row is None:
            row = FeatureSetRow(job_id=ctx.job_id)
            session.add(row)
        for name, value in values.items():
            setattr(row, name, value)
        session.flush()
        return row.id

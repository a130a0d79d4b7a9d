"""The feature tasks: context and storage around `extraction`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from importlib import metadata
from typing import Any

from pfd import DataError, Seal, TaskContext
from pfd.records import upsert_for_job
from pfd_plugin_data import (
    Conditioning,
    Dataset,
    DatasetEntry,
    RecordingInfo,
    SpeedProfile,
    fault_orders,
    find_dataset,
    iter_windows,
    speed_words,
)
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.envelope_domain import line_orders
from pfd_plugin_features.extraction import VERSION, choose, compute, usable
from pfd_plugin_features.params import ExtractFeaturesParams, ExtractFeaturesResult
from pfd_plugin_features.records import FeatureSetRow
from pfd_plugin_features.store import (
    FeatureSetEntry,
    find_same,
    is_intact,
    place_again,
)
from pfd_plugin_features.table import table_writer
from pfd_plugin_features.threads import job_threads

LIBRARIES = ("numpy", "pywavelets", "scipy")
"""What computes the values: under other versions they may differ in the last digits, so that a set is not reused."""

COSTLY = frozenset({"bispectrum", "advanced"})
"""Domains that take more than about a third of a millisecond a window."""


def extract_features(params: ExtractFeaturesParams, ctx: TaskContext) -> ExtractFeaturesResult:
    """Describe every window of a dataset, one batch in memory at a time."""
    with ctx.session() as session:
        entry = find_dataset(session, params.dataset, home=ctx.settings.home)
    with entry.open(speed_source=params.speed_source) as dataset:
        return _extract(dataset, entry, params, ctx)


def _extract(
    dataset: Dataset, entry: DatasetEntry, params: ExtractFeaturesParams, ctx: TaskContext
) -> ExtractFeaturesResult:
    recordings = dataset.recordings
    conditioning = Conditioning.of(recordings, params.channel, params.sample_rate_hz, params.lowpass_hz)
    rate, bandwidth = conditioning.sample_rate_hz, conditioning.bandwidth_hz(recordings)
    hop = params.hop or params.window
    if words := conditioning.words(recordings):
        ctx.log.info("recordings were %s", words)
    if words := speed_words(recordings):
        ctx.log.info("%s", words)
    profiles = [dataset.speed(index) for index in range(len(recordings))]
    conditions = [
        _condition(info, rate, bandwidth, params.window, profile)
        for info, profile in zip(recordings, profiles, strict=True)
    ]
    features, absent = choose(params.domains, conditions)
    if not features:
        raise DataError(
            f"no feature of {', '.join(params.domains)} can be computed here: {next(iter(absent.values()))}",
            hint="choose another domain",
        )
    if changing := sum(condition.shaft_span_hz is not None for condition in conditions):
        ctx.log.info("the speed changes within %d recordings: windows of them go by their own mean speed", changing)
    for name, reason in absent.items():
        ctx.log.info("no column %s: %s", name, reason)
    names = [feature.name for feature in features]
    wanted = {
        "dataset_id": entry.id,
        "dataset_fingerprint": dataset.fingerprint,
        "version": VERSION,
        "window": params.window,
        "hop": hop,
        **asdict(conditioning),
        "speed_source": None if params.speed_source == "declared" else params.speed_source,
        "features": names,
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }
    path = ctx.artifact("features.parquet")
    if params.reuse and (found := _reusable(wanted, ctx)) is not None:
        place_again(found.file.intact(), path)
        ctx.progress(1.0, f"Feature set {found.id} is the same: nothing is computed")
        return _result(found.id, wanted, found.n_windows, found.n_unusable or 0, absent, reused_from=found.job_id)
    origin = {name: value for name, value in wanted.items() if name not in ("dataset_id", "features")}
    origin |= {"dataset": entry.name, "units": {feature.name: feature.unit for feature in features}}
    # Only what takes long gains by a second core: the rest is bound by memory, and by handing out the blocks.
    threads = job_threads() if any(feature.domain in COSTLY for feature in features) else 1
    unusable = 0
    with table_writer(path, names, origin) as writer:
        for index, (info, profile) in enumerate(zip(recordings, profiles, strict=True)):
            ctx.progress(index / len(recordings), f"Recording {index + 1}/{len(recordings)}", record_id=info.record_id)
            for batch in iter_windows(dataset, [index], window=params.window, hop=hop, **conditioning.conditions):
                ctx.check_cancelled()
                kept = usable(batch.x)
                unusable += int(kept.size - kept.sum())
                if kept.any():
                    speeds = None
                    if profile is not None and conditions[index].shaft_span_hz is not None:
                        begins = batch.start[kept] / rate
                        speeds = profile.mean_hz(begins, begins + params.window / rate)
                    values = compute(features, batch.x[kept], conditions[index], shaft_hz=speeds, threads=threads)
                    writer.add(values, index, batch.start[kept], info.fault_type, info.bearing_id)
        if not writer.rows:
            longest = max(info.n_samples * rate / info.sample_rate_hz for info in recordings)
            raise DataError(
                f"dataset {entry.name!r} has no usable window of {params.window} samples; "
                f"its longest recording has {longest:.0f} at {rate:g} Hz",
                hint="choose a smaller window",
            )
    row = {
        **wanted,
        "path": ctx.home_relative(path),
        "n_windows": writer.rows,
        "n_unusable": unusable,
        "seal": Seal.of(path).to_json(),
    }
    with ctx.session() as session:
        ref = upsert_for_job(session, FeatureSetRow, ctx.job_id, row).id
    ctx.progress(1.0, f"{len(names)} features of {writer.rows} windows")
    return _result(ref, wanted, writer.rows, unusable, absent)


def _reusable(wanted: Mapping[str, Any], ctx: TaskContext) -> FeatureSetEntry | None:
    """A stored set made from the same recordings, in the same way, whose file is as it was written."""
    with ctx.session() as session:
        found = find_same(session, wanted, home=ctx.settings.home)
    for entry in found:
        if is_intact(entry):
            return entry
        ctx.log.warning("feature set %d would be the same, but its file is gone or has changed", entry.id)
    return None


def _result(
    ref: int,
    wanted: Mapping[str, Any],
    n_windows: int,
    n_unusable: int,
    absent: Mapping[str, str],
    reused_from: str | None = None,
) -> ExtractFeaturesResult:
    return ExtractFeaturesResult(
        feature_set_id=ref,
        dataset_id=wanted["dataset_id"],
        dataset_fingerprint=wanted["dataset_fingerprint"],
        n_windows=n_windows,
        n_unusable=n_unusable,
        n_features=len(wanted["features"]),
        features=wanted["features"],
        absent=dict(absent),
        channel=wanted["channel"],
        window=wanted["window"],
        hop=wanted["hop"],
        sample_rate_hz=wanted["sample_rate_hz"],
        reused_from=reused_from,
    )


def _condition(
    info: RecordingInfo, rate: float, bandwidth: float, window: int, profile: SpeedProfile | None = None
) -> Condition:
    # A shaft at rest has no harmonics: 0 rpm tells no more than an unknown speed.
    shaft_hz, span, why = info.rpm / 60 if info.rpm else None, None, "the speed is unknown"
    if profile is None and info.speed_changes:
        # A mean over the recording would be right in none of its windows.
        shaft_hz, why = None, "the speed changes, and its course is not stored"
    elif profile is not None and profile.slowest_hz == 0:
        shaft_hz, why = None, "the shaft stands for a while"
    elif profile is not None:
        shaft_hz = float(profile.mean_hz(0.0, info.n_samples / info.sample_rate_hz))
        span = (profile.slowest_hz, profile.fastest_hz)
    return Condition(
        sample_rate_hz=rate,
        window=window,
        bandwidth_hz=bandwidth,
        shaft_hz=shaft_hz,
        shaft_span_hz=span,
        no_speed=why,
        orders=line_orders(fault_orders(info.geometry)) if info.geometry else {},
    )

"""The feature tasks: context and storage around extraction, importance, selection and correlation.

What loads scikit-learn and matplotlib is imported where it is used: an extraction needs neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from pfd import DataError, Seal, TaskContext
from pfd.csv_tables import write_csv
from pfd.records import upsert_for_job
from pfd_plugin_data import (
    Conditioning,
    Dataset,
    DatasetEntry,
    find_dataset,
    in_brief,
    iter_windows,
    leakage,
    speed_words,
)
from pfd_plugin_features.cautions import lost_by_selection
from pfd_plugin_features.extraction import VERSION, choose, compute, condition_of, usable
from pfd_plugin_features.learning import Scaling, is_constant
from pfd_plugin_features.params import (
    ComputeCorrelationParams,
    ComputeCorrelationResult,
    ComputeImportanceParams,
    ComputeImportanceResult,
    ExtractFeaturesParams,
    ExtractFeaturesResult,
    FeatureCluster,
    FeatureImportance,
    SelectFeaturesParams,
    SelectFeaturesResult,
)
from pfd_plugin_features.records import FeatureSetRow
from pfd_plugin_features.steps import telling
from pfd_plugin_features.store import MADE_OF, FeatureSetEntry, find_same, is_intact, on_split, place_again
from pfd_plugin_features.study import NO_VALIDATION, Study
from pfd_plugin_features.summary import Summary
from pfd_plugin_features.table import table_writer, write_columns

if TYPE_CHECKING:
    from pfd_plugin_features.learning import Matrix

write_table = partial(write_csv, digits=9)
"""Of scores, whose further digits say nothing."""

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
        condition_of(info, rate, bandwidth, params.window, profile)
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
    units = {feature.name: feature.unit for feature in features}
    origin |= {"dataset": entry.name, "units": units}
    # Only what takes long gains by a second core: the rest is bound by memory, and by handing out the blocks.
    threads = ctx.threads if any(feature.domain in COSTLY for feature in features) else 1
    unusable, summary = 0, Summary(len(names))
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
                    summary.add(values)
            ctx.record("extraction", index + 1, **{"described": writer.rows, "left out": unusable})
        if not writer.rows:
            longest = max(info.n_samples * rate / info.sample_rate_hz for info in recordings)
            raise DataError(
                f"dataset {entry.name!r} has no usable window of {params.window} samples; "
                f"its longest recording has {longest:.0f} at {rate:g} Hz",
                hint="choose a smaller window",
            )
    signal_units = {one.unit for info in recordings for one in info.channels if one.sensor == conditioning.channel}
    signal_unit = signal_units.pop() if len(signal_units) == 1 else None
    ctx.table("features", summary.table(names, units, signal_unit or ""))
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


def compute_importance(params: ComputeImportanceParams, ctx: TaskContext) -> ComputeImportanceResult:
    """Judge each feature by several measures, all on the training part but for permutation, on the validation part.

    Artifacts: `importance.png`, `.svg` and `.figure.json`, `importance.csv`.
    """
    from pfd_plugin_features import figures, importance

    study = Study.of(params, ctx)
    entry, table = study.entry, study.table
    train, validation = table.train, table.validation
    skipped = {"permutation": NO_VALIDATION} if "permutation" in params.methods and validation is None else {}
    methods = [method for method in params.methods if method not in skipped]
    if not methods:
        raise DataError(
            f"permutation importance is taken on the validation part, and {NO_VALIDATION}: {table.split.title}",
            hint="choose another split or another measure",
        )
    ctx.progress(0.05, "Growing the forest")
    growing = telling(ctx, 0.05, 0.3, "Growing the forest, tree")
    forest = importance.fit_forest(train, params.n_estimators, params.random_seed, ctx.threads, growing)
    scores: dict[str, Matrix] = {}
    spreads: dict[str, Matrix] = {}
    for number, method in enumerate(methods):
        ctx.check_cancelled()
        start, end = (0.3 + 0.6 * done / len(methods) for done in (number, number + 1))
        ctx.progress(start, f"Measuring {method.replace('_', ' ')}", method=method)
        steps = partial(telling, ctx, start, end, method=method)
        if method == "mutual_information":
            measuring = steps("Measuring mutual information, feature")
            scores[method] = importance.mutual_information(train, params.random_seed, measuring)
        elif method == "forest":
            scores[method] = importance.forest_importance(forest)
        elif method == "shap":
            explaining = steps("Explaining window")
            scores[method] = importance.shap_importance(forest, train, params.random_seed, explaining)
        elif validation is not None:
            permuting = steps("Permuting feature")
            falls = importance.permutation_falls(forest, validation, params.n_repeats, params.random_seed, permuting)
            scores[method], spreads[method] = falls.mean(axis=0), falls.std(axis=0)
    rank = importance.mean_rank(scores)
    order = np.argsort(rank, kind="stable")
    names = [table.names[i] for i in order]
    reached = None if validation is None else importance.balanced_accuracy(forest, validation)
    cautions = study.cautions(f"feature set {entry.id}", reached)
    ctx.progress(0.92, "Drawing")
    figure = figures.importance_figure(
        names,
        {method: values[order] for method, values in scores.items()},
        {method: values[order] for method, values in spreads.items()},
        of=study.title,
        notes=[
            *([f"Whiskers: the standard deviation of {params.n_repeats} permutations."] if spreads else []),
            study.judged("forest", reached),
            *_noted(skipped),
        ],
        provenance=study.shown_provenance,
        cautions=[caution.text for caution in cautions],
    )
    ctx.figure("importance", figure)
    write_table(
        ctx.artifact("importance.csv"),
        ["feature", "mean_rank", *scores],
        [[table.names[i], float(rank[i]), *(float(values[i]) for values in scores.values())] for i in order],
    )
    ctx.progress(1.0, f"{names[0]} tells most, of {len(names)} features{in_brief(cautions)}")
    return ComputeImportanceResult(
        **study.looked_at(),
        feature_set_id=entry.id,
        methods=methods,
        skipped=skipped,
        validation_score=reached,
        chance=1 / len(table.classes),
        cautions=[str(caution) for caution in cautions],
        features=[
            FeatureImportance(
                name=table.names[i],
                mean_rank=float(rank[i]),
                scores={method: float(values[i]) for method, values in scores.items()},
            )
            for i in order
        ],
    )


def select_features(params: SelectFeaturesParams, ctx: TaskContext) -> SelectFeaturesResult:
    """Choose features on the training part, and store them as a feature set of its own.

    The new set keeps all windows and the values as they were; train on it under the same split.  Artifacts:
    `features.parquet`, `selection.json` (with the scaling of the training part), `selection.csv`, `selection.png`,
    `.svg` and `.figure.json`.
    """
    from pfd_plugin_features import figures, importance, selection

    study = Study.of(params, ctx)
    entry, table = study.entry, study.table
    varying = int(np.count_nonzero(~is_constant(table.train.x)))
    if params.n_features > varying:
        raise DataError(
            f"n_features={params.n_features}, but of the {len(table.names)} features of set {entry.id} {varying} vary "
            "over the training part",
            hint="ask for fewer",
        )
    ctx.progress(0.1, f"Selecting by {params.method.replace('_', ' ')}")
    found = selection.select(params, table.train, partial(telling, ctx, 0.1, 0.8))
    names = [table.names[i] for i in found.chosen]
    validation, reached, reached_all = table.validation, None, None
    if validation is not None:
        ctx.progress(0.8, "Judging on the validation part")
        score = partial(importance.forest_score, table.train, validation, seed=params.random_seed, threads=ctx.threads)
        growing = telling(ctx, 0.8, 0.86, "Judging these by a forest, tree")
        reached = score(list(found.chosen), on_step=growing)
        growing = telling(ctx, 0.86, 0.92, "Judging all by a forest, tree")
        reached_all = score(list(range(len(table.names))), on_step=growing)
    ctx.check_cancelled()
    ctx.progress(0.92, "Storing")
    provenance = f"{len(names)} features selected by {params.method} {on_split(table.split)}"
    provenance += f"{MADE_OF}{entry.provenance}" if entry.provenance else ""
    leaky = bool(study.leaks)
    path = ctx.artifact("features.parquet")
    write_columns(
        entry.file.intact(), path, names, {"selected_from": entry.id, "selection": params.method, "stamp": provenance}
    )
    left = sorted(set(range(len(table.names))) - set(found.chosen), key=lambda i: -found.scores[i])
    order = [*found.chosen, *left]
    subject = f"{len(names)} features of set {entry.id}"
    cautions = study.cautions(subject, reached)
    cautions += lost_by_selection(subject, len(table.names), reached, reached_all)
    figure = figures.selection_figure(
        [table.names[i] for i in order],
        found.scores[order],
        len(names),
        found.note,
        of=f"by {params.method.replace('_', ' ')}, {study.title}",
        notes=[
            study.judged(f"forest on these {len(names)}", reached),
            *([] if reached_all is None else [f"Of a forest on all {len(table.names)} features: {reached_all:.3f}."]),
        ],
        provenance=study.shown_provenance,
        cautions=[caution.text for caution in cautions],
    )
    ctx.figure("selection", figure)
    write_table(
        ctx.artifact("selection.csv"),
        ["feature", "selected", "score"],
        [[table.names[i], "yes" if i in found.chosen else "no", float(found.scores[i])] for i in order],
    )
    scaling = Scaling.fitted(table.train.x[:, list(found.chosen)])
    ctx.write_json(
        "selection.json",
        {
            "features": names,
            "method": params.method,
            "selected_from": entry.id,
            "stamp": provenance,
            "leaky": leaky,
            "dataset_fingerprint": entry.dataset_fingerprint,
            "scaling": {
                name: {"mean": float(mean), "std": float(std)}
                for name, mean, std in zip(names, scaling.mean, scaling.std, strict=True)
            },
        },
    )
    row = {
        name: getattr(entry, name)
        for name in (
            *("dataset_id", "dataset_fingerprint", "version", "window", "hop", "sample_rate_hz", "lowpass_hz"),
            *("channel", "speed_source", "n_windows", "n_unusable"),
        )
    }
    row |= {"path": ctx.home_relative(path), "features": names, "seal": Seal.of(path).to_json()}
    row |= {"selected_from": entry.id, "provenance": provenance, "leaky": leaky}
    row |= {"split_protocol": table.split.protocol, "split_digest": table.split.digest}
    with ctx.session() as session:
        ref = upsert_for_job(session, FeatureSetRow, ctx.job_id, row).id
    of_all = f"{len(names)} of {len(table.names)} features"
    if reached is not None and reached_all is not None:
        of_all += f": balanced accuracy {reached:.3f}, on all {reached_all:.3f}"
    ctx.progress(1.0, f"{'LEAKY: ' if leaky else ''}{of_all}{in_brief(cautions)}")
    return SelectFeaturesResult(
        **study.looked_at(),
        feature_set_id=ref,
        selected_from=entry.id,
        method=params.method,
        features=names,
        scores={table.names[i]: float(found.scores[i]) for i in order},
        score_is=found.note,
        validation_score=reached,
        validation_score_all=reached_all,
        chance=1 / len(table.classes),
        cautions=[str(caution) for caution in cautions],
    )


def compute_correlation(params: ComputeCorrelationParams, ctx: TaskContext) -> ComputeCorrelationResult:
    """Correlate the features over the training part, and group those that say the same.

    It looks at no class, so that it can look at recordings none of which is labelled: at all of them.

    Artifacts: `correlation.png`, `.svg` and `.figure.json`, `correlation.csv` (the matrix), `clusters.csv`.
    """
    from pfd_plugin_features import figures
    from pfd_plugin_features.correlation import cluster, correlation

    study = Study.of(params, ctx, needs_labels=False)
    entry, table = study.entry, study.table
    constant = is_constant(table.train.x)
    kept = np.flatnonzero(~constant)
    if kept.size < 2:
        raise DataError(
            f"{kept.size} of {len(table.names)} features vary over the training part, and two are needed",
            hint="extract more features",
        )
    names = [table.names[i] for i in kept]
    ctx.progress(0.2, f"Correlating {len(names)} features")
    matrix = correlation(table.train.x[:, kept], params.method)
    ctx.check_cancelled()
    ctx.progress(0.6, "Clustering")
    clusters = cluster(matrix, params.threshold)
    ctx.progress(0.7, "Drawing")
    figure = figures.correlation_figure(
        names,
        matrix,
        clusters,
        params.threshold,
        of=study.title,
        notes=[
            f"{params.method.capitalize()} correlation over {len(table.train)} windows of the training part.",
            f"In a framed cluster each two features correlate by {params.threshold:g} at least, either way.",
        ],
        provenance=study.shown_provenance,
        cautions=[caution.text for caution in leakage("", study.leaks)],
    )
    ctx.figure("correlation", figure)
    write_table(
        ctx.artifact("correlation.csv"),
        ["feature", *names],
        [[name, *(float(value) for value in row)] for name, row in zip(names, matrix, strict=True)],
    )
    write_table(
        ctx.artifact("clusters.csv"),
        ["cluster", "feature", "representative"],
        [
            [number, names[i], "yes" if i == members[0] else "no"]
            for number, members in enumerate(clusters.members, 1)
            for i in members
        ],
    )
    only_trained = {"n_windows": {"train": len(table.train), "validation": 0}}
    ctx.progress(1.0, f"{len(names)} features in {len(clusters.members)} clusters")
    return ComputeCorrelationResult(
        **(study.looked_at() | only_trained),
        feature_set_id=entry.id,
        method=params.method,
        threshold=params.threshold,
        n_features=len(names),
        clusters=[
            FeatureCluster(representative=names[members[0]], members=[names[i] for i in members])
            for members in clusters.members
        ],
        constant=[table.names[i] for i in np.flatnonzero(constant)],
    )


def _noted(skipped: dict[str, str]) -> list[str]:
    return [f"No {method.replace('_', ' ')} importance: {reason}." for method, reason in skipped.items()]

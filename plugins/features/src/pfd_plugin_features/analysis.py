"""The tasks that learn from a feature set: context and storage around importance, selection and correlation."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from pfd import DataError, Seal, TaskContext
from pfd.records import upsert_for_job
from pfd_plugin_data import Caution, DatasetEntry, choose_split, find_dataset, in_brief, leakage, write_csv
from pfd_plugin_features import figures, importance, selection
from pfd_plugin_features.cautions import cautions_of, lost_by_selection
from pfd_plugin_features.correlation import cluster, correlation
from pfd_plugin_features.learning import LearningTable, Matrix, OnStep, Part, Scaling, deal, is_constant
from pfd_plugin_features.params import (
    ComputeCorrelationParams,
    ComputeCorrelationResult,
    ComputeImportanceParams,
    ComputeImportanceResult,
    FeatureCluster,
    FeatureImportance,
    OnFeatureSet,
    SelectFeaturesParams,
    SelectFeaturesResult,
)
from pfd_plugin_features.records import FeatureSetRow
from pfd_plugin_features.store import (
    MADE_OF,
    FeatureSetEntry,
    find_feature_set,
    on_split,
)
from pfd_plugin_features.table import read_features, write_columns
from pfd_plugin_features.threads import job_threads

write_table = partial(write_csv, digits=9)
"""Of scores, whose further digits say nothing."""

TREES = 100
"""Of the forest that tells what a selection costs."""

NO_VALIDATION = "the split has no validation part"


def compute_importance(params: ComputeImportanceParams, ctx: TaskContext) -> ComputeImportanceResult:
    """Judge each feature by several measures, all on the training part but for permutation, on the validation part.

    Artifacts: `importance.png` and `.svg`, `importance.csv`.
    """
    entry, source, table = _learning_table(params, ctx)
    train, validation = table.train, table.validation
    skipped = {"permutation": NO_VALIDATION} if "permutation" in params.methods and validation is None else {}
    methods = [method for method in params.methods if method not in skipped]
    if not methods:
        raise DataError(
            f"permutation importance is taken on the validation part, and {NO_VALIDATION}: {table.split.title}",
            hint="choose another split or another measure",
        )
    ctx.progress(0.05, "Growing the forest")
    growing = _telling(ctx, 0.05, 0.3, "Growing the forest, tree")
    forest = importance.fit_forest(train, params.n_estimators, params.random_seed, job_threads(), growing)
    scores: dict[str, Matrix] = {}
    spreads: dict[str, Matrix] = {}
    for number, method in enumerate(methods):
        ctx.check_cancelled()
        start, end = (0.3 + 0.6 * done / len(methods) for done in (number, number + 1))
        ctx.progress(start, f"Measuring {method.replace('_', ' ')}", method=method)
        telling = partial(_telling, ctx, start, end, method=method)
        if method == "mutual_information":
            measuring = telling("Measuring mutual information, feature")
            scores[method] = importance.mutual_information(train, params.random_seed, measuring)
        elif method == "forest":
            scores[method] = importance.forest_importance(forest)
        elif method == "shap":
            explaining = telling("Explaining window")
            scores[method] = importance.shap_importance(forest, train, params.random_seed, explaining)
        elif validation is not None:
            permuting = telling("Permuting feature")
            falls = importance.permutation_falls(forest, validation, params.n_repeats, params.random_seed, permuting)
            scores[method], spreads[method] = falls.mean(axis=0), falls.std(axis=0)
    rank = importance.mean_rank(scores)
    order = np.argsort(rank, kind="stable")
    names = [table.names[i] for i in order]
    reached = None if validation is None else importance.balanced_accuracy(forest, validation)
    cautions = _cautions(f"feature set {entry.id}", entry, table, reached)
    ctx.progress(0.92, "Drawing")
    figure = figures.draw_importance(
        names,
        {method: values[order] for method, values in scores.items()},
        {method: values[order] for method, values in spreads.items()},
        of=_named(entry, source),
        notes=[
            *([f"Whiskers: the standard deviation of {params.n_repeats} permutations."] if spreads else []),
            _judged("forest", reached, table),
            *_noted(skipped),
            _provenance(entry, table),
        ],
        cautions=[caution.text for caution in cautions],
    )
    figures.save(figure, ctx.artifact("importance.png"), ctx.artifact("importance.svg"))
    write_table(
        ctx.artifact("importance.csv"),
        ["feature", "mean_rank", *scores],
        [[table.names[i], float(rank[i]), *(float(values[i]) for values in scores.values())] for i in order],
    )
    ctx.progress(1.0, f"{names[0]} tells most, of {len(names)} features{in_brief(cautions)}")
    return ComputeImportanceResult(
        **_looked_at(entry, table),
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
    `features.parquet`, `selection.json` (with the scaling of the training part), `selection.csv`, `selection.png` and
    `.svg`.
    """
    entry, source, table = _learning_table(params, ctx)
    varying = int(np.count_nonzero(~is_constant(table.train.x)))
    if params.n_features > varying:
        raise DataError(
            f"n_features={params.n_features}, but of the {len(table.names)} features of set {entry.id} {varying} vary "
            "over the training part",
            hint="ask for fewer",
        )
    ctx.progress(0.1, f"Selecting by {params.method.replace('_', ' ')}")
    found = _select(params, table.train, ctx)
    names = [table.names[i] for i in found.chosen]
    validation, reached, reached_all = table.validation, None, None
    if validation is not None:
        ctx.progress(0.8, "Judging on the validation part")
        growing = _telling(ctx, 0.8, 0.86, "Judging these by a forest, tree")
        reached = _score(table.train, validation, list(found.chosen), params.random_seed, growing)
        growing = _telling(ctx, 0.86, 0.92, "Judging all by a forest, tree")
        reached_all = _score(table.train, validation, list(range(len(table.names))), params.random_seed, growing)
    ctx.check_cancelled()
    ctx.progress(0.92, "Storing")
    provenance = f"{len(names)} features selected by {params.method} {on_split(table.split)}"
    provenance += f"{MADE_OF}{entry.provenance}" if entry.provenance else ""
    leaky = bool(_leaks(entry, table))
    path = ctx.artifact("features.parquet")
    write_columns(
        entry.file.intact(), path, names, {"selected_from": entry.id, "selection": params.method, "stamp": provenance}
    )
    left = sorted(set(range(len(table.names))) - set(found.chosen), key=lambda i: -found.scores[i])
    order = [*found.chosen, *left]
    subject = f"{len(names)} features of set {entry.id}"
    cautions = _cautions(subject, entry, table, reached)
    cautions += lost_by_selection(subject, len(table.names), reached, reached_all)
    figure = figures.draw_selection(
        [table.names[i] for i in order],
        found.scores[order],
        len(names),
        found.note,
        of=f"by {params.method.replace('_', ' ')}, {_named(entry, source)}",
        notes=[
            _judged(f"forest on these {len(names)}", reached, table),
            *([] if reached_all is None else [f"Of a forest on all {len(table.names)} features: {reached_all:.3f}."]),
            _provenance(entry, table),
        ],
        cautions=[caution.text for caution in cautions],
    )
    figures.save(figure, ctx.artifact("selection.png"), ctx.artifact("selection.svg"))
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
        **_looked_at(entry, table),
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

    Artifacts: `correlation.png` and `.svg`, `correlation.csv` (the matrix), `clusters.csv`.
    """
    entry, source, table = _learning_table(params, ctx, needs_labels=False)
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
    figure = figures.draw_correlation(
        names,
        matrix,
        clusters,
        params.threshold,
        of=_named(entry, source),
        notes=[
            f"{params.method.capitalize()} correlation over {len(table.train)} windows of the training part.",
            f"In a framed cluster each two features correlate by {params.threshold:g} at least, either way.",
            _provenance(entry, table),
        ],
        cautions=[caution.text for caution in leakage("", _leaks(entry, table))],
    )
    figures.save(figure, ctx.artifact("correlation.png"), ctx.artifact("correlation.svg"))
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
        **(_looked_at(entry, table) | only_trained),
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


def _learning_table(
    params: OnFeatureSet, ctx: TaskContext, *, needs_labels: bool = True
) -> tuple[FeatureSetEntry, DatasetEntry, LearningTable]:
    """The feature set, its dataset, and its windows dealt by the split asked for.

    Raises
    ------
    DataError : the dataset is not the one that the features were made from, or cannot be split so; a stored split is
        not of it.
    """
    with ctx.session() as session:
        entry = find_feature_set(session, params.feature_set, home=ctx.settings.home)
        source = find_dataset(session, entry.dataset_id, home=ctx.settings.home)
    if source.fingerprint != entry.dataset_fingerprint:
        raise DataError(
            f"dataset {source.id} has changed since feature set {entry.id} was made from it",
            hint="extract the features again",
        )
    with source.open() as dataset:
        recordings = dataset.recordings
    split = choose_split(
        params.split, source, recordings, seed=params.random_seed, sessions=ctx.session, needs_labels=needs_labels
    )
    ctx.log.info("split: %s", split.title)
    ctx.progress(0.02, "Reading the features")
    table = deal(
        read_features(entry),
        recordings,
        split,
        max_windows=params.max_windows,
        seed=params.random_seed,
        needs_labels=needs_labels,
    )
    return entry, source, table


def _select(params: SelectFeaturesParams, train: Part, ctx: TaskContext) -> selection.Selection:
    count, seed = params.n_features, params.random_seed
    if params.method == "variance":
        return selection.by_variance(train, count)
    telling = partial(_telling, ctx, 0.1, 0.8)
    if params.method == "mutual_information":
        return selection.by_mutual_information(train, count, seed, telling("Measuring feature"))
    if params.method == "mrmr":
        return selection.by_mrmr(train, count, telling("Choosing feature"))
    if params.method == "rfe":
        return selection.by_rfe(train, count, seed, telling("Eliminating feature"))
    return selection.by_stability(train, count, seed, params.n_subsamples, telling("Choosing on half"))


def _telling(ctx: TaskContext, start: float, end: float, doing: str, **meta: Any) -> OnStep:
    """What tells of the steps of a part of a task, which goes from one fraction of its progress to another."""

    def on_step(done: int, total: int) -> None:
        ctx.check_cancelled()
        ctx.progress(start + (end - start) * done / total, f"{doing} {done}/{total}", **meta)

    return on_step


def _score(train: Part, validation: Part, columns: list[int], seed: int, on_step: OnStep) -> float:
    """Balanced accuracy on the validation part of a forest on some of the features."""

    def of(part: Part) -> Part:
        return Part(part.x[:, columns], part.y, part.bearing_id, part.record)

    forest = importance.fit_forest(of(train), TREES, seed, job_threads(), on_step)
    return importance.balanced_accuracy(forest, of(validation))


def _looked_at(entry: FeatureSetEntry, table: LearningTable) -> dict[str, Any]:
    parts = {"train": table.train, "validation": table.validation}
    return {
        "dataset_id": entry.dataset_id,
        "dataset_fingerprint": entry.dataset_fingerprint,
        "stamp": _provenance(entry, table),
        "split_name": table.split.name,
        "split_fold": table.split.fold,
        "leaky": bool(_leaks(entry, table)),
        "n_windows": {name: 0 if part is None else len(part) for name, part in parts.items()},
        "n_bearings": {
            name: 0 if part is None else int(np.unique(part.bearing_id).size) for name, part in parts.items()
        },
    }


def _named(entry: FeatureSetEntry, source: DatasetEntry) -> str:
    return f"feature set {entry.id} of dataset {source.name}"


def _provenance(entry: FeatureSetEntry, table: LearningTable) -> str:
    own = entry.leak(table.split)
    said = (own and f"LEAKY: {own}", entry.provenance and f"of {entry.provenance}", table.split.title, entry.speeds)
    return "; ".join(filter(None, said))


def _leaks(entry: FeatureSetEntry, table: LearningTable) -> list[str]:
    """How what is judged has been looked at, in choosing the features and in training."""
    return [leak for leak in (entry.leak(table.split), table.split.leak) if leak]


def _cautions(subject: str, entry: FeatureSetEntry, table: LearningTable, reached: float | None) -> list[Caution]:
    return cautions_of(subject, table, reached, _leaks(entry, table))


def _judged(what: str, reached: float | None, table: LearningTable) -> str:
    if reached is None:
        return f"Balanced accuracy of a {what} on new recordings: unknown, {NO_VALIDATION}."
    assert table.validation is not None
    return (
        f"Balanced accuracy of a {what} on the validation part ({len(table.validation)} windows): "
        f"{reached:.3f}; by chance {1 / len(table.classes):.3f}."
    )


def _noted(skipped: dict[str, str]) -> list[str]:
    return [f"No {method.replace('_', ' ')} importance: {reason}." for method, reason in skipped.items()]

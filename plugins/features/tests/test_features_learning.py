"""Importance, selection and correlation, on tables whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.ensemble import RandomForestClassifier

from pfd import CancelRequested, DataError
from pfd_plugin_data import ChannelInfo, RecordingInfo, Split, make_split
from pfd_plugin_features import FeatureTable
from pfd_plugin_features.correlation import cluster, correlation
from pfd_plugin_features.importance import (
    MAX_SHAP_WINDOWS,
    balanced_accuracy,
    fit_forest,
    forest_importance,
    mean_rank,
    mutual_information,
    permutation_falls,
    shap_importance,
    tree_explainer,
)
from pfd_plugin_features.learning import LearningTable, OnStep, Scaling, deal, is_constant
from pfd_plugin_features.selection import (
    Selection,
    by_mrmr,
    by_mutual_information,
    by_rfe,
    by_stability,
    by_variance,
)

NAMES = ("strong", "twin", "weak", "constant", "noise_0", "noise_1", "noise_2", "noise_3")
CLASSES = ("normal", "inner_race", "outer_race")
WINDOWS = 20


def recording(index: int) -> RecordingInfo:
    """Of 12 bearings, four of each class, with two recordings each."""
    bearing = index // 2
    return RecordingInfo(
        record_id=f"r{index}",
        bearing_id=f"b{bearing}",
        specimen=None,
        geometry=None,
        fault_type=CLASSES[bearing % 3],
        fault_size=None,
        fault_origin=None,
        severity=None,
        condition=None,
        rpm=1800.0,
        rpm_source=None,
        load=None,
        channels=(ChannelInfo("DE"),),
        sample_rate_hz=12_000.0,
        n_samples=1000,
        sha256="0" * 64,
        source="made",
        licence=None,
    )


RECORDINGS = tuple(recording(index) for index in range(24))


def feature_table(seed: int = 0) -> FeatureTable:
    """`strong` tells all classes apart, `twin` is nearly the same, `weak` tells one from the others, roughly."""
    rng = np.random.default_rng(seed)
    record = np.repeat(np.arange(24), WINDOWS)
    code = np.array([CLASSES.index(RECORDINGS[i].fault_type) for i in record])
    x = rng.standard_normal((record.size, len(NAMES)))
    x[:, 0] = code + 0.3 * x[:, 0]
    x[:, 1] = x[:, 0] + 0.02 * x[:, 1]
    x[:, 2] += 1.5 * (code == 1)
    x[:, 3] = 0.1
    return FeatureTable(
        names=NAMES,
        x=x,
        record=record,
        start=np.tile(np.arange(WINDOWS), 24) * 2048,
        label=np.array([RECORDINGS[i].fault_type for i in record]),
        bearing_id=np.array([RECORDINGS[i].bearing_id for i in record]),
        origin={},
    )


def dealt(protocol: str = "bearing", max_windows: int = 10_000, seed: int = 0) -> LearningTable:
    split = make_split(RECORDINGS, protocol, seed=seed)
    return deal(feature_table(), RECORDINGS, split, max_windows=max_windows, seed=seed)


# Parts


@pytest.mark.parametrize("seed", range(5))
def test_no_window_of_the_test_part_is_kept_and_no_bearing_is_on_two_sides(seed: int) -> None:
    table = dealt(seed=seed)
    assert table.validation is not None
    assert set(table.train.record) == set(table.split.train)
    assert set(table.validation.record) == set(table.split.validation)
    assert not set(table.train.bearing_id) & set(table.validation.bearing_id)
    of_test = {RECORDINGS[i].bearing_id for i in table.split.test}
    assert not of_test & {*table.train.bearing_id, *table.validation.bearing_id}


def test_a_leaky_split_deals_each_window_once() -> None:
    table = dealt("leaky-random")
    assert table.split.leaky
    assert table.validation is not None
    whole = feature_table().x[:, 0]
    seen = np.concatenate([table.train.x[:, 0], table.validation.x[:, 0]])
    assert len(np.unique(seen)) == len(seen) < len(whole)


def test_of_many_windows_so_many_are_drawn_by_the_seed() -> None:
    few, again, other = dealt(max_windows=100), dealt(max_windows=100), dealt(max_windows=100, seed=1)
    assert len(few.train) == 100
    np.testing.assert_array_equal(few.train.x, again.train.x)
    assert not np.array_equal(few.train.x, other.train.x)
    assert set(few.train.y) == {0, 1, 2}


def test_scaling_is_that_of_the_part_it_was_fitted_on() -> None:
    table = dealt()
    assert table.validation is not None
    scaled = Scaling.fitted(table.train.x)(table.train.x)
    assert is_constant(table.train.x).tolist() == [name == "constant" for name in NAMES]
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(scaled.std(axis=0), [0.0 if name == "constant" else 1.0 for name in NAMES], atol=1e-9)
    assert abs(Scaling.fitted(table.train.x)(table.validation.x).mean(axis=0)).max() > 1e-3


def test_one_class_and_values_that_are_not_finite_are_refused() -> None:
    lone = Split("bearing", 0, (0, 6), (12,), (18,), "by hand")
    with pytest.raises(DataError, match="the training part holds normal, and at least two classes are needed"):
        deal(feature_table(), RECORDINGS, lone, max_windows=1000, seed=0)
    unknown = Split("bearing", 0, (0, 2), (4,), (6,), "by hand")
    with pytest.raises(DataError, match="the validation part holds outer_race, which the training part does not"):
        deal(feature_table(), RECORDINGS, unknown, max_windows=1000, seed=0)
    broken = feature_table()
    broken.x[7, 2] = np.nan
    with pytest.raises(DataError, match="feature 'weak' holds values that are not finite"):
        deal(broken, RECORDINGS, make_split(RECORDINGS), max_windows=1000, seed=0)


# Importance


def test_each_measure_ranks_what_tells_the_classes_apart_before_noise() -> None:
    table = dealt()
    assert table.validation is not None
    forest = fit_forest(table.train, 60, seed=0)
    assert balanced_accuracy(forest, table.validation) > 0.8
    scores = {
        "mutual_information": mutual_information(table.train, 0),
        "forest": forest_importance(forest),
        "permutation": permutation_falls(forest, table.validation, 5, 0).mean(axis=0),
        "shap": shap_importance(forest, table.train, 0),
    }
    for name, values in scores.items():
        assert max(values[0], values[1]) == values.max(), name
        assert min(values[0], values[1]) > values[4:].max(), name
        assert values[3] == pytest.approx(0, abs=1e-12), name
    rank = mean_rank(scores)
    assert set(np.argsort(rank)[:3]) == {0, 1, 2}


def test_mutual_information_of_classes_that_are_told_apart_is_their_entropy() -> None:
    assert mutual_information(dealt().train, 0)[0] == pytest.approx(np.log(3), abs=0.25)


def test_what_takes_long_tells_of_each_step() -> None:
    train = dealt().train
    steps: list[tuple[int, int]] = []

    def on_step(done: int, total: int) -> None:
        steps.append((done, total))

    told = mutual_information(train, 0, on_step)
    assert steps == [(done, len(NAMES)) for done in range(1, len(NAMES) + 1)]
    assert told.tolist() == mutual_information(train, 0).tolist()
    steps.clear()
    shap_importance(fit_forest(train, 20, seed=0), train, 0, on_step)
    assert len(steps) > 1
    assert steps[-1] == (min(len(train), MAX_SHAP_WINDOWS), min(len(train), MAX_SHAP_WINDOWS))


def test_permuting_what_the_forest_never_looks_at_changes_nothing() -> None:
    table = dealt()
    assert table.validation is not None
    steps: list[tuple[int, int]] = []

    def on_step(done: int, total: int) -> None:
        steps.append((done, total))

    falls = permutation_falls(fit_forest(table.train, 20, seed=0), table.validation, 2, 0, on_step)
    assert falls.shape == (2, len(NAMES))
    assert falls[:, 3].tolist() == [0, 0]
    assert steps == [(done, len(NAMES)) for done in range(1, len(NAMES) + 1)]


def test_shap_values_share_out_what_the_forest_says_beyond_its_mean() -> None:
    table = dealt()
    forest = fit_forest(table.train, 20, seed=0)
    explainer = tree_explainer(forest)
    x = table.train.x[:10]
    told = np.asarray(explainer.shap_values(x)).sum(axis=1) + explainer.expected_value
    np.testing.assert_allclose(told, forest.predict_proba(x), atol=1e-9)


def test_the_number_of_threads_changes_no_score() -> None:
    table = dealt()
    one, two = fit_forest(table.train, 20, seed=3), fit_forest(table.train, 20, seed=3, threads=2)
    np.testing.assert_array_equal(forest_importance(one), forest_importance(two))
    np.testing.assert_array_equal(one.predict_proba(table.train.x), two.predict_proba(table.train.x))


def test_a_forest_grown_in_steps_is_the_one_grown_at_once_and_each_step_is_told() -> None:
    train, steps = dealt().train, list[tuple[int, int]]()
    grown = fit_forest(train, 25, 3, 1, lambda done, total: steps.append((done, total)))
    whole = RandomForestClassifier(25, class_weight="balanced", random_state=3).fit(train.x, train.y)
    np.testing.assert_array_equal(grown.predict_proba(train.x), whole.predict_proba(train.x))
    assert steps == [(10, 25), (20, 25), (25, 25)]


# Selection

METHODS: dict[str, Callable[[LearningTable, int], Selection]] = {
    "variance": lambda table, count: by_variance(table.train, count),
    "mutual_information": lambda table, count: by_mutual_information(table.train, count, 0),
    "mrmr": lambda table, count: by_mrmr(table.train, count),
    "rfe": lambda table, count: by_rfe(table.train, count, 0),
    "stability": lambda table, count: by_stability(table.train, count, 0, 10),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [1, 4, 8])
def test_as_many_features_are_chosen_as_were_asked_for_each_once(method: str, count: int) -> None:
    found = METHODS[method](dealt(), count)
    assert len(set(found.chosen)) == len(found.chosen) == count
    assert np.isfinite(found.scores).all()
    assert found.scores.shape == (len(NAMES),)
    assert found.note


@pytest.mark.parametrize("method", METHODS)
def test_of_one_feature_that_one_is_chosen(method: str) -> None:
    table = dealt()
    alone = replace(table, names=NAMES[:1], train=replace(table.train, x=table.train.x[:, :1]))
    found = METHODS[method](alone, 1)
    assert found.chosen == (0,)
    assert found.scores.shape == (1,)
    assert np.isfinite(found.scores).all()


@pytest.mark.parametrize("method", [method for method in METHODS if method != "variance"])
def test_what_tells_the_classes_apart_is_chosen_first(method: str) -> None:
    found = METHODS[method](dealt(), 2)
    assert found.chosen[0] in (0, 1)
    assert NAMES.index("constant") not in METHODS[method](dealt(), 7).chosen


STEPS: dict[str, Callable[[OnStep], Selection]] = {
    "mrmr": lambda on_step: by_mrmr(dealt().train, 3, on_step),
    "rfe": lambda on_step: by_rfe(dealt().train, 3, 0, on_step),
    "stability": lambda on_step: by_stability(dealt().train, 3, 0, 5, on_step),
}


@pytest.mark.parametrize("method", STEPS)
def test_a_method_that_takes_long_tells_of_its_steps_and_ends_where_it_is_told_to(method: str) -> None:
    steps: list[tuple[int, int]] = []
    STEPS[method](lambda done, total: steps.append((done, total)))
    assert len(steps) > 2
    assert steps == sorted(steps)
    [total] = {total for _, total in steps}
    assert steps[-1] == (total, total)

    def enough(done: int, total: int) -> None:
        raise CancelRequested("cancel")

    with pytest.raises(CancelRequested):
        STEPS[method](enough)


def test_mrmr_takes_something_new_where_mutual_information_takes_the_same_twice() -> None:
    table = dealt()
    assert set(METHODS["mutual_information"](table, 2).chosen) == {0, 1}
    assert set(METHODS["mrmr"](table, 2).chosen) in ({0, 2}, {1, 2})


def test_variance_leaves_out_what_does_not_change_whatever_its_unit() -> None:
    table = dealt()
    table.train.x[:, 4] *= 1e6
    found = by_variance(table.train, 7)
    assert NAMES.index("constant") not in found.chosen
    np.testing.assert_allclose(found.scores[4], by_variance(dealt().train, 7).scores[4], rtol=1e-9)


def test_a_stable_choice_is_made_in_every_half_and_noise_is_not() -> None:
    found = by_stability(dealt().train, 2, seed=0, n_subsamples=20)
    assert "20 halves, by bearing" in found.note
    assert max(found.scores[0], found.scores[1]) == 1.0
    assert found.scores[4:].max() < 0.6


@pytest.mark.parametrize("method", METHODS)
def test_what_the_other_parts_hold_changes_no_choice(method: str) -> None:
    split = make_split(RECORDINGS)
    spoilt = feature_table()
    others = np.isin(spoilt.record, [*split.validation, *split.test])
    spoilt.x[others] = np.random.default_rng(9).standard_normal((others.sum(), len(NAMES))) * 100
    table = deal(spoilt, RECORDINGS, split, max_windows=10_000, seed=0)
    clean, other = METHODS[method](dealt(), 3), METHODS[method](table, 3)
    assert clean.chosen == other.chosen
    np.testing.assert_array_equal(clean.scores, other.scores)


# Correlation


def test_correlations_are_those_of_scipy() -> None:
    x = np.random.default_rng(0).standard_normal((200, 4))
    x[:, 1] = np.exp(x[:, 0])
    pearson, spearman = correlation(x, "pearson"), correlation(x, "spearman")
    for i in range(4):
        for j in range(4):
            assert pearson[i, j] == pytest.approx(stats.pearsonr(x[:, i], x[:, j])[0], abs=1e-12)
            assert spearman[i, j] == pytest.approx(stats.spearmanr(x[:, i], x[:, j])[0], abs=1e-12)
    assert spearman[0, 1] == pytest.approx(1.0)
    assert pearson[0, 1] < 0.9


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_in_a_cluster_each_two_features_correlate_by_the_threshold(threshold: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = correlation(rng.standard_normal((50, 3)) @ rng.standard_normal((3, 20)), "pearson")
    found = cluster(matrix, threshold)
    assert sorted(i for members in found.members for i in members) == list(range(20))
    assert sorted(found.order) == list(range(20))
    for members in found.members:
        assert np.abs(matrix[np.ix_(members, members)]).min() >= threshold - 1e-12
        place = [found.order.index(i) for i in members]
        assert max(place) - min(place) == len(members) - 1, "a cluster is one block of the matrix"


def test_features_that_mirror_each_other_are_one_cluster_with_the_middle_one_first() -> None:
    rng = np.random.default_rng(0)
    base = rng.standard_normal(500)
    x = np.stack(
        [base + 0.2 * rng.standard_normal(500), -base, base + 0.2 * rng.standard_normal(500), rng.standard_normal(500)],
        1,
    )
    found = cluster(correlation(x, "pearson"), 0.8)
    assert set(found.members[0]) == {0, 1, 2}
    assert found.members[0][0] == 1
    assert found.members[1] == (3,)

"""How much each feature tells of the fault, by four measures; larger is more, 0 is nothing."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import mutual_info_classif
from sklearn.metrics import balanced_accuracy_score
from sklearn.utils.class_weight import compute_sample_weight

from pfd_plugin_features.learning import Matrix, OnStep, Part, is_constant, untold

MAX_SHAP_WINDOWS = 200
"""Windows that SHAP values are computed for: their cost grows with each, and the mean settles early."""


STEP = 10
"""Trees grown between two looks at whether the job is to stop."""


SHAP_BATCH = 20
"""Windows whose SHAP values are computed between two such looks."""

TREES = 100
"""Of the forest that tells what a selection costs."""


def mutual_information(train: Part, seed: int, on_step: OnStep = untold) -> Matrix:
    """I(feature; class) in nats, `(f,)`, by nearest neighbours (Ross, PLoS ONE 9, 2014): each feature by itself."""
    found = np.zeros(train.x.shape[1])
    for index, constant in enumerate(is_constant(train.x)):
        if not constant:  # the estimate of one is that of the noise it is given, and not 0
            column = train.x[:, [index]]
            [found[index]] = mutual_info_classif(column, train.y, discrete_features=False, random_state=seed)
        on_step(index + 1, len(found))
    return found


def fit_forest(
    train: Part, n_estimators: int, seed: int, threads: int = 1, on_step: OnStep = untold
) -> RandomForestClassifier:
    """A random forest (Breiman 2001) on the training part, each class counting the same.

    It is grown in steps; the trees are those of one call.
    """
    forest = RandomForestClassifier(warm_start=True, random_state=seed, n_jobs=threads)
    weight = compute_sample_weight("balanced", train.y)
    for grown in [*range(STEP, n_estimators, STEP), n_estimators]:
        forest.set_params(n_estimators=grown).fit(train.x, train.y, weight)
        on_step(grown, n_estimators)
    # Sums over trees come in another order from several threads, and with it another last digit.
    return forest.set_params(n_jobs=1)


def forest_importance(forest: RandomForestClassifier) -> Matrix:
    """Mean decrease of the Gini impurity, `(f,)`, summing to 1 (Breiman 2001): flatters features of many values."""
    return np.asarray(forest.feature_importances_)


def balanced_accuracy(forest: RandomForestClassifier, part: Part) -> float:
    """Mean over the classes that the part holds of the share of windows named rightly."""
    with warnings.catch_warnings():
        # That classes are named which the part does not hold is a mistake like any other.
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
        return float(balanced_accuracy_score(part.y, forest.predict(part.x)))


def forest_score(
    train: Part, validation: Part, columns: list[int], seed: int, threads: int, on_step: OnStep = untold
) -> float:
    """Balanced accuracy on the validation part of a forest of `TREES` trees on some of the features."""

    def of(part: Part) -> Part:
        return Part(part.x[:, columns], part.y, part.bearing_id, part.record)

    forest = fit_forest(of(train), TREES, seed, threads, on_step)
    return balanced_accuracy(forest, of(validation))


def permutation_falls(
    forest: RandomForestClassifier,
    validation: Part,
    n_repeats: int,
    seed: int,
    on_step: OnStep = untold,
) -> Matrix:
    """Falls of the balanced accuracy on the validation part when a feature's values change places, `(n_repeats, f)`.

    Their mean is the importance (Breiman 2001; Fisher, Rudin & Dominici 2019).  Negative where the feature does
    harm.  Of two features that say the same, neither is missed.
    """
    whole = balanced_accuracy(forest, validation)
    count = validation.x.shape[1]
    falls = np.zeros((n_repeats, count))
    for index, stream in enumerate(np.random.SeedSequence([seed, 1]).spawn(count)):
        rng = np.random.default_rng(stream)
        x = validation.x.copy()
        for turn in range(n_repeats):
            x[:, index] = rng.permutation(validation.x[:, index])
            part = Part(x, validation.y, validation.bearing_id, validation.record)
            falls[turn, index] = whole - balanced_accuracy(forest, part)
        on_step(index + 1, count)
    return falls


def shap_importance(forest: RandomForestClassifier, train: Part, seed: int, on_step: OnStep = untold) -> Matrix:
    """Mean |SHAP value| over windows of the training part and classes, `(f,)`, in probability.

    Exact Shapley values of the trees (Lundberg et al., Nature Machine Intelligence 2, 2020).
    """
    rows = np.arange(len(train))
    if rows.size > MAX_SHAP_WINDOWS:
        rng = np.random.default_rng(np.random.SeedSequence([seed, 2]))
        rows = np.sort(rng.choice(rows, MAX_SHAP_WINDOWS, replace=False))
    explainer = tree_explainer(forest)
    total = np.zeros(train.x.shape[1])
    for begin in range(0, rows.size, SHAP_BATCH):
        batch = rows[begin : begin + SHAP_BATCH]
        # (windows, features, classes)
        total += np.abs(np.asarray(explainer.shap_values(train.x[batch]))).mean(axis=2).sum(axis=0)
        on_step(begin + batch.size, rows.size)
    return np.asarray(total / rows.size)


def tree_explainer(forest: RandomForestClassifier) -> Any:
    """SHAP's explainer of a forest, loaded here: it takes seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what shap warns of while it is imported concerns its plots
        import shap
    return shap.TreeExplainer(forest)


def mean_rank(scores: dict[str, Matrix]) -> Matrix:
    """Mean over the measures of each feature's rank, `(f,)`; 1 is the most telling.  Equal scores share a rank."""
    return np.asarray(np.mean([rankdata(-values) for values in scores.values()], axis=0))

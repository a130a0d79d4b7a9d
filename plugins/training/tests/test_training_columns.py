"""Tables by the names of their columns: what a model on features takes, and what it refuses."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest

from pfd import DataError
from pfd_plugin_features import FeatureTable
from pfd_plugin_training import load_model
from pfd_plugin_training.forest import fit_forest
from pfd_plugin_training.forest_file import NAMES, ForestNames, read_names, save_forest
from pfd_plugin_training.models import ForestModel, load_forest_model

RNG = np.random.default_rng(0)
NAMES_OF = ("rms", "kurtosis", "crest_factor")
CLASSES = ("normal", "ball")
Y = np.repeat([0, 1], 40)
X = RNG.standard_normal((80, 3)) * [1, 10, 100] + Y[:, None] * [2, -20, 0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_forest(tmp_path / "model.skops", fit_forest(X, Y, n_estimators=9, seed=0), ForestNames(NAMES_OF, CLASSES))
    return tmp_path / "model.skops"


@pytest.fixture
def model(path: Path) -> ForestModel:
    """From the file of the model alone."""
    return load_forest_model(path)


@pytest.fixture
def expected(model: ForestModel) -> npt.NDArray[np.float32]:
    return np.asarray(model.forest.predict_proba(X), dtype=np.float32)


def columns(order: tuple[int, ...] = (0, 1, 2)) -> dict[str, npt.NDArray[np.float64]]:
    return {NAMES_OF[i]: X[:, i] for i in order}


def structured(order: tuple[int, ...]) -> npt.NDArray[Any]:
    found = np.empty(len(X), dtype=[(NAMES_OF[i], "f8") for i in order])
    for i in order:
        found[NAMES_OF[i]] = X[:, i]
    return found


def feature_table(order: tuple[int, ...]) -> FeatureTable:
    n = np.zeros(len(X), dtype=np.int64)
    text = np.full(len(X), "")
    return FeatureTable(tuple(NAMES_OF[i] for i in order), X[:, list(order)], n, n, text, text, {})


MAKERS = [columns, structured, feature_table, lambda o: pd.DataFrame(columns(o)), lambda o: pa.table(columns(o))]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("made", MAKERS, ids=["mapping", "structured", "feature table", "pandas", "arrow"])
def test_columns_in_any_order_give_the_same_prediction(
    model: ForestModel, expected: npt.NDArray[np.float32], made: Any, order: tuple[int, ...]
) -> None:
    assert np.unique(expected).size > 2
    np.testing.assert_array_equal(model.predict_proba(made(order)), expected)


def test_columns_that_change_places_without_their_names_would_give_another(model: ForestModel) -> None:
    swapped = model.predict_proba(X[:, [1, 0, 2]], names=NAMES_OF)
    assert np.any(swapped != model.predict_proba(columns()))


def test_an_array_without_names_is_refused_though_its_width_is_right(model: ForestModel) -> None:
    for bare in (X, X.tolist(), X[:, :2], SimpleNamespace(shape=(2, 3))):
        with pytest.raises(DataError, match="has to name its columns") as raised:
            model.predict_proba(bare)
        assert "names=" in str(raised.value.hint)


def test_an_array_is_taken_where_its_names_are_given_beside_it(
    model: ForestModel, expected: npt.NDArray[np.float32]
) -> None:
    order = [2, 0, 1]
    given = model.predict_proba(X[:, order], names=[NAMES_OF[i] for i in order])
    np.testing.assert_array_equal(given, expected)
    with pytest.raises(DataError, match=r"shape \(80, 3\) is given with 2 names"):
        model.predict_proba(X, names=NAMES_OF[:2])


def test_every_missing_column_is_named_with_the_name_that_is_near(model: ForestModel) -> None:
    given = {"RMS": X[:, 0], "kurtosiss": X[:, 1], "load": X[:, 2]}
    with pytest.raises(DataError) as raised:
        model.predict_proba(given)
    assert raised.value.message == (
        "the table lacks 3 of the 3 columns that the model was trained on: "
        "'rms' (there is 'RMS'), 'kurtosis' (there is 'kurtosiss'), 'crest_factor'"
    )
    with pytest.raises(DataError, match="lacks 1 of the 3 ") as raised:
        model.predict_proba(columns((1, 0)))
    assert raised.value.message.endswith(": 'crest_factor'")


def test_a_column_more_is_left_aside(model: ForestModel, expected: npt.NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(model.predict_proba(columns() | {"bearing_id": np.full(80, "b")}), expected)


@pytest.mark.parametrize(
    ("table", "names"),
    [(pd.DataFrame(X, columns=["rms", "kurtosis", "rms"]), None), (X, ["rms", "kurtosis", "rms"])],
    ids=["pandas", "array"],
)
def test_two_columns_of_one_name_are_refused(model: ForestModel, table: Any, names: list[str] | None) -> None:
    with pytest.raises(DataError, match="columns of one name: 'rms'"):
        model.predict_proba(table, names=names)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.full(80, np.nan), "not finite"),
        (np.full(80, "1.5"), "and no numbers"),
        (np.full(80, None, dtype=object), "not finite|no number"),
        (X[:5, 1], r"shape \(5,\), expected \(80,\), as 'rms' has"),
        (X, r"shape \(80, 3\)"),
        (1.0, r"shape \(\)"),
    ],
)
def test_a_column_that_is_none_is_refused_by_its_name(model: ForestModel, column: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        model.predict_proba(columns() | {"kurtosis": column})
    assert "'kurtosis'" in raised.value.message


def test_the_file_of_a_model_says_its_columns_and_classes_by_itself(path: Path) -> None:
    assert read_names(path) == ForestNames(NAMES_OF, CLASSES)
    model = load_forest_model(path)
    assert (model.features, model.classes) == (NAMES_OF, CLASSES)


def entry_of(path: Path, **changes: Any) -> Any:
    known: dict[str, Any] = {
        "id": 3,
        "model": "random_forest",
        "classes": CLASSES,
        "config": {"features": list(NAMES_OF)},
        "model_file": SimpleNamespace(intact=lambda: path),
    }
    return SimpleNamespace(**(known | changes))


def test_the_names_of_a_file_without_them_are_those_of_its_experiment(
    path: Path, expected: npt.NDArray[np.float32]
) -> None:
    renamed(path, None)
    assert read_names(path) is None
    np.testing.assert_array_equal(load_model(entry_of(path)).predict_proba(columns((2, 1, 0))), expected)
    with pytest.raises(DataError, match="does not say the names of its columns"):
        load_forest_model(path)


@pytest.mark.parametrize(
    "changes", [{"config": {"features": ["kurtosis", "rms", "crest_factor"]}}, {"classes": ("ball", "normal")}]
)
def test_an_experiment_and_a_file_that_disagree_about_names_are_refused(path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="other columns or classes than experiment 3 says"):
        load_model(entry_of(path, **changes))


def renamed(path: Path, content: str | None) -> None:
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist() if name != NAMES}
    if content is not None:
        members[NAMES] = content.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, held in members.items():
            file.writestr(name, held)


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        json.dumps({"features": ["a", "b"], "classes": list(CLASSES)}),
        json.dumps({"features": ["a", "a", "b"], "classes": list(CLASSES)}),
        json.dumps({"features": ["a", "b", 3], "classes": list(CLASSES)}),
        json.dumps({"features": ["a", "b", "c"], "classes": ["normal"]}),
        json.dumps({"features": "abc", "classes": list(CLASSES)}),
        " " * 20_000_000,
    ],
    ids=lambda content: content[:20],
)
def test_names_that_are_not_those_of_its_forest_are_refused(path: Path, content: str) -> None:
    renamed(path, content)
    with pytest.raises(DataError, match="cannot be read"):
        load_forest_model(path)

"""Forests: growing, saving, and what is refused on loading."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer
from skops import io as skops

from pfd import DataError
from pfd_plugin_training.forest import fit_forest
from pfd_plugin_training.forest_file import ForestNames, load_forest, save_forest

RNG = np.random.default_rng(0)
Y = np.repeat([0, 1, 2], [40, 20, 10])
X = RNG.standard_normal((70, 5)) + Y[:, None]


def test_a_forest_grown_in_steps_is_the_one_grown_at_once() -> None:
    weights = {0: 70 / 120, 1: 70 / 60, 2: 70 / 30}
    expected = RandomForestClassifier(25, class_weight=weights, random_state=3).fit(X, Y)
    seen: list[int] = []
    found = fit_forest(X, Y, n_estimators=25, seed=3, on_trees=seen.append)
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
    assert seen == [10, 20, 25]


@pytest.mark.parametrize("count", [1, 9, 10, 11])
def test_it_has_as_many_trees_as_asked_for(count: int) -> None:
    assert len(fit_forest(X, Y, n_estimators=count, seed=0).estimators_) == count


def test_the_same_seed_gives_the_same_forest_and_another_gives_another() -> None:
    first, again, other = (fit_forest(X, Y, n_estimators=10, seed=s).predict_proba(X) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_a_saved_forest_says_the_same_and_its_file_is_deflated(tmp_path: Path) -> None:
    forest = fit_forest(X, Y, n_estimators=15, seed=0)
    path = tmp_path / "model.skops"
    save_forest(path, forest, ForestNames(tuple("abcde"), ("x", "y", "z")))
    np.testing.assert_array_equal(load_forest(path).predict_proba(X), forest.predict_proba(X))
    with zipfile.ZipFile(path) as archive:
        assert {item.compress_type for item in archive.infolist()} == {zipfile.ZIP_DEFLATED}


def test_a_file_that_would_call_a_function_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    skops.dump(FunctionTransformer(func=print), path)
    with pytest.raises(DataError, match="which no forest has"):
        load_forest(path)


def test_a_file_with_a_type_that_is_not_on_the_list_is_refused(tmp_path: Path) -> None:
    forest = fit_forest(X, Y, n_estimators=1, seed=0)
    forest.stowaway = Path("/etc")
    skops.dump(forest, tmp_path / "model.skops")
    with pytest.raises(DataError, match="no attribute 'stowaway'"):
        load_forest(tmp_path / "model.skops")


def test_another_estimator_or_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    skops.dump(LogisticRegression().fit(X, Y), path)
    with pytest.raises(DataError, match=r"LogisticRegression.*which no forest has"):
        load_forest(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="cannot be read"):
        load_forest(path)
    with pytest.raises(DataError, match=r"absent\.skops: No such file"):
        load_forest(tmp_path / "absent.skops")

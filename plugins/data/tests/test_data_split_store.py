from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

import pfd
from pfd import DataError
from pfd_plugin_data import (
    DatasetEntry,
    SplitParams,
    choose_split,
    find_dataset,
    find_split,
    generate_dataset_task,
    list_splits,
    make_folds,
    make_split,
    open_dataset,
    save_splits,
)
from pfd_plugin_data.cli import data


@pytest.fixture
def entry(pfd_home: Path) -> DatasetEntry:
    """A dataset of three bearings of each class, in a store of its own."""
    assert pfd_home
    return generated("bench")


def generated(name: str, **params: Any) -> DatasetEntry:
    generate_dataset_task.delay({"name": name, "num_signals_per_fault": 3, "duration_s": 0.1} | params).get()
    with pfd.reading() as session:
        return find_dataset(session, name)


def run(*args: str) -> str:
    outcome = CliRunner().invoke(data, args)
    if outcome.exception is not None:
        raise outcome.exception
    assert outcome.exit_code == 0
    return outcome.output


def test_a_split_is_kept_under_its_name_and_found_as_it_was_made(entry: DatasetEntry) -> None:
    with open_dataset(entry.path) as dataset:
        split = make_split(dataset.recordings, seed=3, leave_out=["normal"])
    with pfd.writing() as session:
        (saved,) = save_splits(session, "honest", entry, [split])
    with pfd.reading() as session:
        found = find_split(session, "honest")
        assert list_splits(session) == [found]
    assert found == saved
    assert found.split == split
    assert (found.dataset_id, found.fold, found.n_folds) == (entry.id, 1, 1)
    assert found.of(entry.fingerprint) == split


def test_a_split_is_of_no_use_for_another_dataset(entry: DatasetEntry) -> None:
    other = generated("other", random_seed=1)
    with open_dataset(entry.path) as dataset, pfd.writing() as session:
        (stored,) = save_splits(session, "honest", entry, [make_split(dataset.recordings)])
    with pytest.raises(DataError, match="was made for dataset 1"):
        stored.of(other.fingerprint)


def test_the_same_again_changes_nothing_and_another_split_of_that_name_is_refused(entry: DatasetEntry) -> None:
    with open_dataset(entry.path) as dataset:
        first, second = (make_split(dataset.recordings, seed=seed) for seed in (0, 1))
    with pfd.writing() as session:
        saved = save_splits(session, "honest", entry, [first])
    with pfd.writing() as session:
        assert save_splits(session, "honest", entry, [first]) == saved
    with pytest.raises(DataError, match="there is a split 'honest' already"), pfd.writing() as session:
        save_splits(session, "honest", entry, [second])
    with pfd.reading() as session:
        assert find_split(session, "honest").split == first


def test_folds_are_found_one_by_one_and_never_by_accident(entry: DatasetEntry) -> None:
    with open_dataset(entry.path) as dataset:
        folds = make_folds(dataset.recordings, at_most=7)
    with pfd.writing() as session:
        save_splits(session, "cv", entry, folds)
    with pfd.reading() as session:
        assert [find_split(session, "cv", fold).split for fold in range(1, 8)] == list(folds)
        with pytest.raises(DataError, match="has 7 folds"):
            find_split(session, "cv")
        for fold in (0, 8):
            with pytest.raises(DataError, match=f"no fold {fold}") as caught:
                find_split(session, "cv", fold)
            assert caught.value.hint == "its folds are 1 to 7"


def test_an_unknown_split_names_the_nearest_and_a_bad_name_is_refused(entry: DatasetEntry) -> None:
    with pfd.reading() as session, pytest.raises(DataError, match="no split 'honset'") as caught:
        find_split(session, "honset")
    assert "there is none yet" in str(caught.value.hint)
    run("split", "bench", "honest")
    with pfd.reading() as session, pytest.raises(DataError) as caught:
        find_split(session, "honset")
    assert caught.value.hint == "did you mean honest?"
    for name in ("", "7up", "a/b", "x" * 65):
        with pytest.raises(DataError, match="is not a name for a split"):
            run("split", "bench", name)


def test_parameters_choose_a_stored_split_or_have_one_made(entry: DatasetEntry) -> None:
    run("split", "bench", "honest", "--seed", "2")
    run("split", "bench", "cv", "--protocol", "bearing-folds", "--at-most", "5")
    with open_dataset(entry.path) as dataset:
        recordings = dataset.recordings

    def chosen(**params: Any) -> Any:
        return choose_split(SplitParams(**params), entry, recordings, seed=7, sessions=pfd.reading)

    assert chosen() == make_split(recordings, seed=7)
    assert chosen(protocol="recording", seed=3) == make_split(recordings, "recording", seed=3)
    honest, fold = chosen(name="honest"), chosen(name="cv", fold=4)
    assert honest == make_split(recordings, seed=2)  # its own seed, not that of the job
    assert (honest.name, honest.fold, honest.title) == ("honest", None, f"{honest.provenance}; stored as 'honest'")
    assert (fold.name, fold.fold) == ("cv", 4)
    assert "fold 4 of 5" in fold.title
    assert fold.title.endswith("; stored as 'cv' (fold=4)")
    with pytest.raises(DataError, match="no split 'honset'"):
        chosen(name="honset")
    with pytest.raises(DataError, match="has 5 folds"):
        chosen(name="cv")
    with pytest.raises(DataError, match="no fold 6"):
        chosen(name="cv", fold=6)


def test_a_split_of_another_dataset_or_of_what_a_dataset_was_is_refused(entry: DatasetEntry) -> None:
    run("split", "bench", "honest")
    other = generated("other", random_seed=1)
    with pytest.raises(DataError, match=f"was made for dataset {entry.id} .*, not for this one"):
        choose_split(SplitParams(name="honest"), other, (), seed=0, sessions=pfd.reading)
    changed = replace(entry, fingerprint=other.fingerprint)
    with pytest.raises(DataError, match=f"dataset {entry.id} has changed since split 'honest' was made"):
        choose_split(SplitParams(name="honest"), changed, (), seed=0, sessions=pfd.reading)


@pytest.mark.parametrize(
    ("beside", "complaint"),
    [
        ({"protocol": "bearing"}, "so protocol would have no effect"),
        ({"protocol": "speed", "test_value": 1200}, "so protocol, test_value would have no effect"),
        ({"leave_out": ["normal"]}, "so leave_out would have no effect"),
        ({"seed": 0}, "so seed would have no effect"),
    ],
)
def test_a_stored_split_and_a_way_to_deal_are_not_both_taken(beside: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        SplitParams(name="honest", **beside)
    with pytest.raises(ValidationError, match="which name= must tell"):
        SplitParams(fold=1)
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        SplitParams(name="cv", fold=0)
    # What is kept of a job is validated again where it runs.
    assert SplitParams(**SplitParams(name="cv", fold=2).model_dump(mode="json")).fold == 2


def test_the_shell_makes_and_lists_splits(entry: DatasetEntry) -> None:
    assert "no splits yet" in run("splits")
    made = run("split", "bench", "honest", "--seed", "2")
    assert "split by bearing: 4 bearings train, 4 bearings validation, 4 bearings test" in made
    assert made.splitlines()[-1].split()[:3] == ["test", "4", "4"]
    folds = run("split", "bench", "cv", "--protocol", "bearing-folds", "--at-most", "5", "--validation")
    assert folds.count("drawn from 81") == 3
    assert "… and 2 more folds" in folds
    listed = json.loads(run("splits", "bench", "--json"))
    assert [(one["name"], one["n_folds"], one["fingerprint"]) for one in listed] == [
        ("cv", 5, entry.fingerprint),
        ("honest", 1, entry.fingerprint),
    ]
    heads, newest, _ = run("splits").splitlines()
    assert heads.split() == ["NAME", "DATASET", "FOLDS", "PROTOCOL", "MADE", "SPLIT"]
    assert newest.startswith("cv")


def test_a_leaky_split_says_so_wherever_it_is_shown(entry: DatasetEntry) -> None:
    assert "LEAKY" in run("split", "bench", "easy", "--protocol", "leaky-random")
    assert "LEAKY" in run("splits")
    (stored,) = json.loads(run("splits", "--json"))
    assert stored["leaky"] is True
    with pfd.reading() as session:
        assert find_split(session, "easy").split.leaky


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--protocol", "bearing-folds", "--test-value", "3"), "no meaning"),
        (("--validation",), "are for --protocol bearing-folds"),
        (("--protocol", "random"), "is not one of"),
    ],
    ids=["test value", "validation", "protocol"],
)
def test_options_without_a_meaning_are_refused(entry: DatasetEntry, options: tuple[str, ...], complaint: str) -> None:
    outcome = CliRunner().invoke(data, ["split", "bench", "x", *options])
    assert outcome.exit_code == 2
    assert complaint in outcome.output

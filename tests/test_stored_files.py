"""A file that a row names is what was written, or is said to have been changed: through all plugins that keep files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import sqlalchemy as sa

from pfd import DataError, Dispatcher, JobFailed, reading
from pfd_plugin_data import find_dataset, open_dataset
from pfd_plugin_features import find_feature_set, read_features
from pfd_plugin_training import find_experiment, load_model, read_predictions


def submit(task: str, **params: Any) -> Any:
    return Dispatcher().submit(task, params)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one dataset, its features and a forest, to be copied by each test."""
    home = tmp_path_factory.mktemp("chain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PFD_HOME", str(home / "pfd"))
        patch.setenv("PFD_RUNTIME", "eager")
        kept = {"num_signals_per_fault": 4, "bearings_per_fault": 4, "duration_s": 0.5}
        submit("generate_dataset_task", name="bench", **kept).get()
        submit("extract_features_task", dataset="bench", window=1024, domains=["time"]).get()
        submit("train_model_task", model="random_forest", feature_set=1, n_estimators=10).get()
        Dispatcher().close()
    return home / "pfd"


@pytest.fixture
def home(chain: Path, pfd_home: Path) -> Path:
    if pfd_home.exists():
        shutil.rmtree(pfd_home)
    shutil.copytree(chain, pfd_home)  # with the times of its files, but for those of their inodes
    return pfd_home


def dataset_file() -> Path:
    with reading() as session:
        return find_dataset(session, 1).path


def features_file() -> Path:
    with reading() as session:
        return find_feature_set(session, 1).path


def model_file() -> Path:
    with reading() as session:
        return find_experiment(session, 1).model_path


def predictions_file() -> Path:
    with reading() as session:
        return find_experiment(session, 1).predictions_path


def edit_signal(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["signals/000003"][:, 10:20] *= 1.5


def edit_label(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(b'"fault_type":"ball"')
    content[at : at + 19] = b'"fault_type":"cage"'
    path.write_bytes(content)


def edit_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def shuffle_predictions(path: Path) -> None:
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    arrays["test_probabilities"] = arrays["test_probabilities"][::-1]
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def use_dataset() -> None:
    submit("extract_features_task", dataset="bench", window=512, domains=["time"]).get()


def use_features() -> None:
    submit("train_model_task", model="random_forest", feature_set=1, n_estimators=1).get()


def use_predictions() -> None:
    submit("generate_roc_analysis_task", experiments=[1], n_bootstrap=0).get()


def use_model() -> None:
    with reading() as session:
        load_model(find_experiment(session, 1))


CHANGES: list[tuple[Callable[[], Path], Callable[[Path], None], Callable[[], None], str]] = [
    (dataset_file, edit_signal, use_dataset, "bench.h5"),
    (dataset_file, edit_label, use_dataset, "bench.h5"),
    (features_file, edit_byte, use_features, "features.parquet"),
    (predictions_file, shuffle_predictions, use_predictions, "predictions.npz"),
    (model_file, edit_byte, use_model, "model.skops"),
]


@pytest.mark.parametrize("times", ["new", "set back"])
@pytest.mark.parametrize(("file", "edit", "use", "name"), CHANGES)
def test_a_file_that_was_edited_is_named_by_the_task_that_would_use_it(
    home: Path,
    file: Callable[[], Path],
    edit: Callable[[Path], None],
    use: Callable[[], None],
    name: str,
    times: str,
) -> None:
    use()  # as it was written; the copy has other times than the row says, so that its digest was taken
    before = file().stat()
    edit(file())
    if times == "set back":
        os.utime(file(), ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises((JobFailed, DataError), match=name):
        use()


def test_the_model_of_another_experiment_does_not_pass_for_this_one(home: Path) -> None:
    submit("train_model_task", model="random_forest", feature_set=1, n_estimators=10, random_seed=7).get()
    with reading() as session:
        first, second = (find_experiment(session, number) for number in (1, 2))
    shutil.copyfile(second.model_path, first.model_path)
    load_model(second)
    with pytest.raises(DataError, match=r"model\.skops, the model of experiment 1, has been changed"):
        load_model(first)


def test_a_dataset_of_the_same_form_does_not_pass_for_another(home: Path) -> None:
    kept = {"num_signals_per_fault": 4, "bearings_per_fault": 4, "duration_s": 0.5}
    submit("generate_dataset_task", name="other", random_seed=7, **kept).get()
    with reading() as session:
        first, second = find_dataset(session, "bench"), find_dataset(session, "other")
    shutil.copyfile(second.path, first.path)
    with pytest.raises(DataError, match=r"bench\.h5"):
        first.open()
    second.open().close()


def test_a_file_that_is_copied_or_linked_is_the_same_file(home: Path) -> None:
    with reading() as session:
        entry = find_dataset(session, 1)
    copy = entry.path.with_name("copy.h5")
    shutil.copyfile(entry.path, copy)
    copy.replace(entry.path)
    entry.open().close()
    with reading() as session:
        features = find_feature_set(session, 1)
    features.path.with_name("second").hardlink_to(features.path)
    assert len(read_features(features).start)


@pytest.mark.parametrize("path", ["/etc/hostname", "../../etc/hostname", "artifacts/../../x", "", "a\0b"])
def test_a_row_whose_path_leaves_the_home_is_not_followed(home: Path, path: str) -> None:
    store = Dispatcher().store
    for table, column in (
        ("data_dataset", "path"),
        ("features_feature_set", "path"),
        ("training_experiment", "model_path"),
        ("training_experiment", "predictions_path"),
    ):
        with store.write() as connection:
            connection.execute(sa.text(f"UPDATE {table} SET {column} = :path").bindparams(path=path))
    with reading() as session:
        dataset, features = find_dataset(session, 1), find_feature_set(session, 1)
        experiment = find_experiment(session, 1)
    for use in (
        dataset.open,
        lambda: read_features(features),
        lambda: load_model(experiment),
        lambda: read_predictions(experiment),
    ):
        with pytest.raises(DataError, match="not a path within"):
            use()


def test_a_link_that_leads_out_of_the_home_is_not_followed(home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.h5"
    path = dataset_file()
    path.replace(elsewhere)
    path.symlink_to(elsewhere)
    with reading() as session, pytest.raises(DataError, match="is a link, or lies behind one, that leads out of"):
        find_dataset(session, 1).open()


def test_a_pipe_in_the_place_of_a_file_makes_nobody_wait(home: Path) -> None:
    # The last of them first: each uses what is made from the next.
    for file, use in ((predictions_file, use_predictions), (features_file, use_features), (dataset_file, use_dataset)):
        path = file()
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(JobFailed, match=path.name):
            use()


def run(*command: str) -> subprocess.CompletedProcess[str]:
    program = [str(Path(sys.executable).with_name("pfd")), *command]
    return subprocess.run(program, capture_output=True, text=True, check=False, timeout=120)


def test_doctor_reads_the_files_of_all_rows_and_names_those_that_were_changed(home: Path) -> None:
    good = run("doctor", "--files", "--json")
    assert good.returncode == 0, good.stdout
    assert {
        "status": "ok",
        "name": "files",
        "found": "4 of 4 that rows name are as they were written",
    }.items() <= (json.loads(good.stdout)[-1].items())
    edit_byte(features_file())
    shuffle_predictions(predictions_file())
    model_file().unlink()
    bad = run("doctor", "--files", "--json")
    assert bad.returncode == 1
    failed = {check["name"] for check in json.loads(bad.stdout) if check["status"] == "fail"}
    assert failed == {"table of feature set 1", "predictions of experiment 1", "model of experiment 1"}


def test_data_verify_reads_all_datasets_or_those_named(home: Path) -> None:
    submit("generate_dataset_task", name="other", num_signals_per_fault=4, bearings_per_fault=4, duration_s=0.5).get()
    assert run("data", "verify").returncode == 0
    edit_signal(dataset_file())
    found = run("data", "verify", "--json")
    assert found.returncode == 1
    problems = {one["name"]: one["problem"] for one in json.loads(found.stdout)}
    assert problems["other"] is None
    assert "bench.h5" in problems["bench"]
    assert run("data", "verify", "other").returncode == 0


def test_a_row_of_an_earlier_version_is_taken_at_its_word_and_said_to_keep_no_digest(home: Path) -> None:
    with Dispatcher().store.write() as connection:
        connection.execute(sa.text("UPDATE training_experiment SET model_seal = NULL, predictions_seal = NULL"))
        connection.execute(sa.text("UPDATE data_dataset SET seal = NULL"))
    use_model()
    use_dataset()
    found = run("doctor", "--files", "--json")
    assert found.returncode == 0
    warned = {check["name"] for check in json.loads(found.stdout) if check["status"] == "warn"}
    assert {"model of experiment 1", "predictions of experiment 1"} <= warned
    # Of the dataset there is its fingerprint to compare with, of a model nothing; one more set was extracted.
    last = json.loads(found.stdout)[-1]["found"]
    assert last == "3 of 5 that rows name are as they were written; of 2 nobody can say"


def test_a_dataset_of_an_earlier_version_is_compared_with_its_fingerprint(home: Path) -> None:
    with Dispatcher().store.write() as connection:
        connection.execute(sa.text("UPDATE data_dataset SET seal = NULL"))
    use_dataset()
    edit_signal(dataset_file())
    with pytest.raises(JobFailed, match=r"bench\.h5"):
        use_dataset()


def test_artifacts_may_lie_on_another_disk_behind_a_link(home: Path, tmp_path: Path) -> None:
    (home / "artifacts").rename(tmp_path / "disk")
    (home / "artifacts").symlink_to(tmp_path / "disk")
    use_dataset()
    use_features()
    with reading() as session:
        assert find_experiment(session, 2).model_file.name.startswith("artifacts/")


def test_a_dataset_is_opened_without_reading_its_signals_where_nothing_has_changed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit("generate_dataset_task", name="fresh", num_signals_per_fault=4, bearings_per_fault=4, duration_s=0.5).get()
    with reading() as session:
        entry = find_dataset(session, "fresh")

    def never(_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(type(open_dataset(entry.path)), "verify", never)
    entry.open().close()

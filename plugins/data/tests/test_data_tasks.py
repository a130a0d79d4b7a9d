from __future__ import annotations

import json
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import pfd
from pfd import CancelRequested, DataError, ParameterError, Settings
from pfd_plugin_data import find_dataset, generate_dataset_task, generation, list_datasets, make_split, open_dataset
from pfd_plugin_data.classes import ROTOR
from pfd_plugin_data.cli import data
from pfd_plugin_data.params import GenerateDatasetParams
from pfd_plugin_data.tasks import generate_dataset

SMALL: dict[str, Any] = {"num_signals_per_fault": 3, "duration_s": 0.2}


@pytest.fixture
def generate(pfd_home: Path) -> Any:
    """Submit the task with small parameters, and wait for its result."""
    assert pfd_home

    def run(**params: Any) -> dict[str, Any]:
        result: dict[str, Any] = generate_dataset_task.delay(SMALL | params).get()
        return result

    return run


def test_a_dataset_is_generated_stored_and_found_by_id_and_by_name(generate, pfd_home: Path) -> None:
    result = generate(name="bench", random_seed=5)
    assert result["n_recordings"] == 12
    assert result["n_bearings"] == 12
    assert result["classes"] == {"normal": 3, "inner_race": 3, "outer_race": 3, "ball": 3}
    with pfd.reading() as session:
        entry = find_dataset(session, result["dataset_id"])
        assert find_dataset(session, "bench") == entry
        assert find_dataset(session, str(entry.id)) == entry
    assert entry.path.is_relative_to(pfd_home)
    assert entry.fingerprint == result["fingerprint"]
    with open_dataset(entry.path) as dataset:
        dataset.verify()
        assert dataset.fingerprint == entry.fingerprint
        assert make_split(dataset.recordings).test
        for index, info in enumerate(dataset.recordings):
            times = dataset.truth(index)["impact_times"]
            assert (times.size == 0) == (info.fault_type == "normal")
            assert np.all((times >= 0) & (times < 0.2))


def test_the_same_seed_gives_the_same_fingerprint_and_a_name_means_the_newest(generate) -> None:
    first, second, third = generate(name="a"), generate(name="a"), generate(name="a", random_seed=1)
    assert first["fingerprint"] == second["fingerprint"] != third["fingerprint"]
    with pfd.reading() as session:
        assert find_dataset(session, "a").id == third["dataset_id"]
        assert [entry.id for entry in list_datasets(session)] == [
            result["dataset_id"] for result in (third, second, first)
        ]


def test_the_name_is_that_of_the_dataset_and_of_its_file(generate) -> None:
    assert set(GenerateDatasetParams.model_fields) >= {"name"}
    result = generate(name="my.data-1")
    with pfd.reading() as session:
        entry = find_dataset(session, result["dataset_id"])
    assert (entry.name, entry.path.name) == ("my.data-1", "my.data-1.h5")
    with open_dataset(entry.path) as dataset:
        assert dataset.name == "my.data-1"


@pytest.mark.parametrize("output_format", ["mat", "parquet", "npz", "csv"])
def test_a_copy_for_other_programs_is_an_artifact(pfd_home: Path, output_format: str) -> None:
    handle = generate_dataset_task.delay(SMALL | {"output_format": output_format})
    result = handle.get()
    files = handle.artifacts
    copies = [name for name in files if name.startswith(f"{output_format}/")]
    assert f"{output_format}/dataset.json" in copies
    assert len(copies) > result["n_recordings"]
    about = json.loads(files[f"{output_format}/dataset.json"].read_text(encoding="utf-8"))
    assert about["fingerprint"] == result["fingerprint"]
    assert all(f"{output_format}/{name}" in copies for record in about["recordings"] for name in record["files"])


def test_an_unknown_dataset_names_the_nearest(generate) -> None:
    with pfd.reading() as session, pytest.raises(DataError, match="no dataset 'bench'") as caught:
        find_dataset(session, "bench")
    assert "there is none yet" in str(caught.value.hint)
    generate(name="bench")
    with pfd.reading() as session:
        with pytest.raises(DataError) as caught:
            find_dataset(session, "bnech")
        assert caught.value.hint == "did you mean bench?"
        with pytest.raises(DataError, match="no dataset 77"):
            find_dataset(session, 77)


def test_bad_parameters_are_refused_where_they_are_submitted(pfd_home: Path) -> None:
    assert pfd_home
    with pytest.raises(ParameterError, match="snr_db=99"):
        generate_dataset_task.delay(SMALL | {"snr_db": 99})


def test_progress_ends_at_one_and_the_artifact_is_published(pfd_home: Path) -> None:
    assert pfd_home
    handle = generate_dataset_task.delay(SMALL | {"name": "bench"})
    assert handle.state == "SUCCESS"
    assert handle.info["progress"] == 1
    overview = {"classes.table.json", "classes.table.csv", "bearings.table.json", "bearings.table.csv"}
    assert set(handle.artifacts) == {"bench.h5", "examples.figure.json", *overview}


class Context:
    """What the task asks of its context, which has it stop after some recordings."""

    def __init__(self, folder: Path, stop_after: int) -> None:
        self.folder = folder
        self.settings = Settings(home=folder)
        self.left = stop_after
        self.reports: list[tuple[float, str]] = []

    def artifact(self, name: str) -> Path:
        return self.folder / name

    def check_cancelled(self) -> None:
        if self.left == 0:
            raise CancelRequested("cancel")
        self.left -= 1

    def record(self, series: str, step: int, **made: int) -> None:
        assert (series, sum(made.values())) == ("classes", step)

    def progress(self, fraction: float, status: str, **_: Any) -> None:
        self.reports.append((fraction, status))


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_cancelled_job_leaves_nothing_and_has_told_of_each_recording(
    processes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", processes)
    monkeypatch.setattr(generation, "WORTH_PROCESSES", 0)
    context = Context(tmp_path, stop_after=5)
    with pytest.raises(CancelRequested):
        generate_dataset(GenerateDatasetParams(**SMALL), context)  # type: ignore[arg-type]
    assert context.reports == [(done / 12, f"Recording {done}/12") for done in range(1, 6)]
    assert not list(tmp_path.iterdir())
    assert not multiprocessing.active_children()


def test_a_dataset_of_rotors_is_generated_stored_and_read(generate) -> None:
    result = generate(name="rotors", simulator="rotor", num_signals_per_fault=3, duration_s=0.1)
    assert result["n_recordings"] == 33
    assert list(result["classes"]) == list(ROTOR)
    with pfd.reading() as session:
        entry = find_dataset(session, "rotors")
    with open_dataset(entry.path) as dataset:
        dataset.verify()
        assert dataset.read(0).shape == (2, 2048)
        assert make_split(dataset.recordings).test


def test_a_designation_and_a_parameter_of_the_other_simulator_are_answered_on_the_command_line(pfd_home: Path) -> None:
    assert pfd_home
    with pytest.raises(ParameterError, match="belongs to simulator=rotor"):
        generate_dataset_task.delay(SMALL | {"temp_range": [40, 60]})
    result = generate_dataset_task.delay(SMALL | {"geometry": 6205, "fault_types": ["ball", "normal"]}).get()
    assert result["classes"] == {"normal": 3, "ball": 3}


def test_ls_and_show_print_plain_tables_when_piped(generate) -> None:
    runner = CliRunner()
    assert "no datasets yet" in runner.invoke(data, ["ls"]).output
    result = generate(name="bench")
    listed = runner.invoke(data, ["ls"])
    assert listed.exit_code == 0
    assert listed.output.splitlines()[0].split() == ["ID", "NAME", "RECORDINGS", "BEARINGS", "CLASSES", "MADE"]
    assert "3 normal, 3 inner_race, 3 outer_race, 3 ball" in listed.output
    shown = runner.invoke(data, ["show", "bench", "--verify"])
    assert shown.exit_code == 0
    assert result["fingerprint"] + " (verified)" in shown.output
    assert "inner_race-bearing-02" in shown.output
    balance = shown.output.split("CLASS ")[1].splitlines()
    assert balance[1].split() == ["normal", "3", "3", "0.6", "25%"]
    told = [line.split(maxsplit=2) for line in shown.output.split("COLUMN ")[1].splitlines()]
    assert ["rpm", "12/12", "parameter rpm"] in told
    assert ["fault_size", "12/12", "drawn from parameter severity_levels; parameter fault_types"] in told
    assert ["load", "0/12", "-"] in told
    assert shown.output.endswith("findings: nobody has looked for any\n")


def test_ls_and_show_speak_json(generate) -> None:
    result = generate(name="bench")
    runner = CliRunner()
    (listed,) = json.loads(runner.invoke(data, ["ls", "--json"]).output)
    assert listed["id"] == result["dataset_id"]
    shown = json.loads(runner.invoke(data, ["show", str(listed["id"]), "--json"]).output)
    assert len(shown["recordings"]) == 12
    assert shown["recordings"][0]["bearing_id"] == "normal-bearing-00"
    assert shown["findings"] is None
    assert shown["recordings"][0]["origins"]["rpm"] == "parameter rpm"
    assert shown["fingerprint"] == result["fingerprint"]


def test_showing_what_is_not_there_is_an_error_that_says_so(generate) -> None:
    generate(name="bench")
    outcome = CliRunner().invoke(data, ["show", "bnech"])
    assert isinstance(outcome.exception, DataError)
    assert outcome.exception.hint == "did you mean bench?"

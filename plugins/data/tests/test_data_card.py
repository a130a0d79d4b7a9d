from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import pfd
from pfd_plugin_data import DatasetEntry, Finding, croissant, find_dataset, generate_dataset_task, open_dataset
from pfd_plugin_data.cli import data

REQUIRED = {
    *("@context", "@type", "conformsTo", "name", "description", "license", "url", "creator", "datePublished"),
    *("distribution", "recordSet", "identifier"),
}


@pytest.fixture
def entry(pfd_home: Path) -> DatasetEntry:
    assert pfd_home
    generate_dataset_task.delay({"name": "bench", "num_signals_per_fault": 3, "duration_s": 0.1}).get()
    with pfd.reading() as session:
        return find_dataset(session, "bench")


@pytest.fixture
def card(entry: DatasetEntry) -> dict[str, Any]:
    with open_dataset(entry.path) as dataset:
        return croissant(dataset, entry)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mlcroissant_finds_nothing_to_complain_about(
    card: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import mlcroissant

    path = tmp_path / "card.json"
    path.write_text(json.dumps(card), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        read = mlcroissant.Dataset(path)  # raises on errors
    assert not read.metadata.issues.warnings
    assert not read.metadata.issues.errors
    assert [record.getMessage() for record in caplog.records] == []
    records = list(read.records("recordings"))
    assert len(records) == 12
    assert records[0]["recordings/record_id"] == "normal-0000"
    assert {record["recordings/fault_type"] for record in records} == {"normal", "inner_race", "outer_race", "ball"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_judge_of_cards_does_complain(card: dict[str, Any], tmp_path: Path) -> None:
    import mlcroissant

    path = tmp_path / "card.json"
    path.write_text(json.dumps({key: value for key, value in card.items() if key != "license"}), encoding="utf-8")
    (warning,) = mlcroissant.Dataset(path).metadata.issues.warnings
    assert "license" in warning
    del card["distribution"][0]["sha256"]
    path.write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(mlcroissant.ValidationError, match="sha256"):
        mlcroissant.Dataset(path)


def test_the_card_names_the_fingerprint_and_the_hash_of_the_file(card: dict[str, Any], entry: DatasetEntry) -> None:
    assert set(card) >= REQUIRED
    assert "http://mlcommons.org/croissant/1.1" in card["conformsTo"]
    assert card["identifier"] == f"sha256:{entry.fingerprint}"
    (file,) = card["distribution"]
    assert file["sha256"] == hashlib.sha256(entry.path.read_bytes()).hexdigest() != entry.fingerprint


def test_what_nobody_has_said_is_unknown_on_the_card(card: dict[str, Any]) -> None:
    assert card["license"] == "unknown"
    record = card["recordSet"][0]["data"][0]
    assert record["recordings/load"] is None


def test_every_column_of_a_recording_is_on_the_card(card: dict[str, Any], entry: DatasetEntry) -> None:
    from dataclasses import fields

    (record_set,) = card["recordSet"]
    with open_dataset(entry.path) as dataset:
        names = {field.name for field in fields(dataset.recordings[0])}
    assert {field["name"] for field in record_set["field"]} == names
    assert all(set(record) == {f"recordings/{name}" for name in names} for record in record_set["data"])


def test_where_values_came_from_is_on_the_card(card: dict[str, Any], entry: DatasetEntry) -> None:
    with open_dataset(entry.path) as dataset:
        expected = [dict(info.origins) for info in dataset.recordings]
    shown = [json.loads(record["recordings/origins"]) for record in card["recordSet"][0]["data"]]
    assert shown == expected
    assert shown[0]["sample_rate_hz"] == "parameter sample_rate_hz"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_unlabelled_recording_is_counted_on_the_card_and_has_no_fault(
    entry: DatasetEntry, make_info, write_dataset, noise, tmp_path: Path
) -> None:
    import mlcroissant

    recordings = [(make_info("a"), noise(1, 100)), (make_info("b", fault_type=None), noise(1, 100))]
    with open_dataset(write_dataset(recordings)) as dataset:
        made = croissant(dataset, entry)
    path = tmp_path / "card.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    read = mlcroissant.Dataset(path)
    assert not read.metadata.issues.warnings
    assert "(1 ball, 1 unlabelled)" in read.metadata.description
    assert [record["recordings/fault_type"] for record in made["recordSet"][0]["data"]] == ["ball", None]


@pytest.fixture
def card_of(entry: DatasetEntry, make_info, write_dataset, noise) -> Callable[..., dict[str, Any]]:
    """The card of a dataset with two recordings and some findings."""

    def make(findings: list[Finding] | None) -> dict[str, Any]:
        recordings = [(make_info(name), noise(1, 100)) for name in ("a, b", "c")]
        with open_dataset(write_dataset(recordings, findings=findings)) as dataset:
            return croissant(dataset, entry)

    return make


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_findings_are_on_the_card_for_programs_and_in_the_words_of_responsible_ai(
    card_of, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import mlcroissant

    findings = [
        Finding("bandwidth_by_class", (), "classes differ"),
        Finding("clipped", ("a, b", "c"), "at its limits"),
        *(Finding("odd", ("c",), f"note {number}") for number in range(30)),
    ]
    path = tmp_path / "card.json"
    path.write_text(json.dumps(card_of(findings)), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        read = mlcroissant.Dataset(path)
    assert not read.metadata.issues.warnings
    assert not read.metadata.issues.errors
    assert [record.getMessage() for record in caplog.records] == []
    found = [
        Finding(one["findings/kind"], tuple(one["findings/records"]), one["findings/text"])
        for one in read.records("findings")
    ]
    assert found == findings
    assert read.metadata.data_biases == ["bandwidth_by_class: classes differ"]
    limits = read.metadata.data_limitations
    assert limits is not None
    assert "clipped: a, b, c: at its limits" in limits
    assert len(limits) == 21
    assert "11 more are in the record set findings" in limits
    assert "An import has 32 findings on them" in read.metadata.description


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("findings", "words"), [(None, "is unknown: nobody has looked"), ([], "An import has no findings on them")]
)
def test_a_card_without_findings_says_whether_anyone_has_looked(
    card_of, tmp_path: Path, findings: list[Finding] | None, words: str
) -> None:
    import mlcroissant

    made = card_of(findings)
    path = tmp_path / "card.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    read = mlcroissant.Dataset(path)
    assert not read.metadata.issues.warnings
    assert words in read.metadata.description
    assert [one["name"] for one in made["recordSet"]] == ["recordings"]
    assert not [name for name in made if name.startswith("rai:")]


def test_the_shell_prints_the_card_or_writes_it(entry: DatasetEntry, card: dict[str, Any], tmp_path: Path) -> None:
    printed = CliRunner().invoke(data, ["card", "bench"])
    assert json.loads(printed.output) == card
    path = tmp_path / "sub" / "card.json"
    written = CliRunner().invoke(data, ["card", str(entry.id), "--out", str(path)])
    assert written.output.strip() == str(path)
    assert json.loads(path.read_text(encoding="utf-8")) == card

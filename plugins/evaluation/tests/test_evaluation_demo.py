"""`pfd demo`: which split it asks for, and what it refuses.  `tests/test_pipeline.py` runs the whole of it."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import pytest

from pfd.cli.app import run
from pfd_plugin_evaluation.demo.story import splits

Capture = pytest.CaptureFixture[str]


def bearings(**counts: int) -> list[dict[str, Any]]:
    return [{"fault_type": fault, "bearing_id": f"{fault}{i}"} for fault, count in counts.items() for i in range(count)]


def test_where_each_class_has_two_bearings_the_split_is_by_bearing() -> None:
    assert splits(bearings(normal=2, ball=3)) == [{"protocol": "bearing"}]


def test_a_lone_bearing_is_left_out_where_two_classes_remain() -> None:
    wanted = splits(bearings(normal=1, ball=3, inner_race=2))
    assert wanted[:2] == [{"protocol": "bearing"}, {"protocol": "bearing", "leave_out": ["normal"]}]


def test_where_leaving_out_would_leave_no_two_classes_another_protocol_is_asked_for_by_name() -> None:
    for lone in (bearings(normal=1, ball=1), bearings(normal=1, ball=4)):
        assert [split["protocol"] for split in splits(lone)] == ["bearing", "speed", "load", "recording"]


def test_absent_plugins_are_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    here = [entry for entry in importlib.metadata.entry_points(group="pfd.plugins") if entry.name == "evaluation"]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: here)
    assert run(["demo"]) == 2
    err = capsys.readouterr().err
    for name in ("data", "features", "training"):
        assert f"pfd-plugin-{name}" in err
    assert "pfd-plugin-evaluation" not in err


def test_plugins_that_are_switched_off_are_not_to_be_installed_again(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("PFD_DISABLE_PLUGINS", "training")
    assert run(["demo"]) == 2
    err = capsys.readouterr().err
    assert "not loaded: training" in err
    assert "pip install" not in err


def test_a_folder_that_is_not_there_is_a_bad_request(tmp_path: Path) -> None:
    assert run(["demo", "--mat-dir", str(tmp_path / "absent")]) == 2

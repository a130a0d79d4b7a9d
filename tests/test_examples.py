"""Plugins from outside the workspace: a good one works once installed, a broken one changes nothing for the others."""

from __future__ import annotations

import json
import math
import re
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.command import pfd
from tests.support.environments import Environment, build
from tests.support.workspace import ROOT, plugins

EXAMPLES = ROOT / "examples"
BEARING = ("n_balls=9", "ball_d_mm=7.94", "pitch_d_mm=39.04", "rpm=1800")


def _install(environment: Environment, example: str) -> None:
    build(EXAMPLES / f"{example}_plugin", environment.folder)
    [wheel] = environment.folder.glob("*.whl")
    environment.install("pfd-core", str(wheel))
    wheel.unlink()


@pytest.fixture(scope="module")
def good(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The core and the good example, installed from wheels; nobody changes it."""
    made = Environment.create(tmp_path_factory.mktemp("good"), wheels)
    _install(made, "good")
    return made


@pytest.fixture(scope="module")
def broken(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The same and the broken example."""
    made = Environment.create(tmp_path_factory.mktemp("broken"), wheels)
    _install(made, "good")
    _install(made, "broken")
    return made


@pytest.fixture
def with_good(good: Environment, tmp_path: Path) -> Environment:
    """The core and the good example, with a home of this test alone."""
    return replace(good, home=tmp_path / "home")


@pytest.fixture
def with_broken(broken: Environment, tmp_path: Path) -> Environment:
    """Beside them the broken example, with a home of this test alone."""
    return replace(broken, home=tmp_path / "home")


def test_a_plugin_of_a_third_party_is_found_and_run(with_good: Environment) -> None:
    [plugin] = with_good.pfd_json("plugins")
    assert (plugin["name"], plugin["distribution"], plugin["version"]) == (
        "kinematics",
        "pfd-example-kinematics",
        "1.2.0",
    )
    assert plugin["status"] == "loaded"

    result = with_good.submit("fault_lines_task", *BEARING)["result"]
    # SKF 6205-2RS at 30 Hz; the orders of its lines are 0.3983, 3.5848, 5.4152 and 2.3567.
    expected = {"ftf_hz": 0.3983, "bpfo_hz": 3.5848, "bpfi_hz": 5.4152, "bsf_hz": 2.3567}
    assert {name: value / 30 for name, value in result.items()} == pytest.approx(expected, abs=1e-4)
    assert math.isclose(result["bpfo_hz"] + result["bpfi_hz"], 9 * 30)


def test_a_bad_parameter_of_a_third_party_s_task_exits_2_and_stores_nothing(with_good: Environment) -> None:
    with_good.pfd("submit", "fault_lines_task", "n_balls=2", *BEARING[1:], expect=2)
    assert with_good.pfd_json("jobs") == []


def test_broken_plugins_change_nothing_for_the_others_and_say_what_is_wrong(
    with_good: Environment, with_broken: Environment
) -> None:
    tasks_before = with_good.pfd_json("tasks")
    added = {"without_context_task", "waiting_task", "piecewise_task", "misspelt_task"}
    added |= {"broken_level_task", "broken_gear_task"}
    assert [task for task in with_broken.pfd_json("tasks") if task["name"] not in added] == tasks_before
    assert with_broken.submit("fault_lines_task", *BEARING)["state"] == "SUCCESS"

    status = {plugin["name"]: plugin for plugin in with_broken.pfd_json("plugins")}
    assert {name: plugin["status"] for name, plugin in status.items()} == {
        "kinematics": "loaded",
        "broken_on_import": "broken",
        "broken_in_hook": "broken",
        "made_for_later": "incompatible",
        "bad_functions": "loaded",  # that nobody could call them shows where they are looked for
        "bad_names": "partial",
        "one_task": "broken",
        "function_itself": "broken",
        "misspelt_hook": "broken",
        "heavy": "loaded",
    }
    assert "module_that_nobody_has_written" in status["broken_on_import"]["cause"]
    assert "the licence server does not answer" in status["broken_in_hook"]["cause"]
    assert "99" in status["made_for_later"]["cause"]
    assert all(plugin["hint"] for plugin in status.values() if plugin["status"] != "loaded")
    for command in ("--help", "--version", "plugins"):
        assert with_broken.pfd(command)


def test_a_check_finds_what_is_wrong_with_each_broken_example_and_nothing_with_the_good_one(
    with_broken: Environment,
) -> None:
    found: dict[str, list[tuple[str, str]]] = {}
    for one in with_broken.pfd_json("plugins", "check", expect=1):
        assert one["path"], one
        found.setdefault(one["plugin"], []).append((one["subject"], one["field"]))
    assert found == {
        "bad_functions": [
            ("task without_context_task", "run"),
            ("task waiting_task", "run"),
            ("task piecewise_task", "run"),
            ("task misspelt_task", "run"),
        ],
        "bad_names": [
            ("command gears", "load"),
            ("reference gearbox", "find"),
            ("task train_model_task", "name"),
            ("command jobs", "name"),
            ("task broken_gear_task", "gearbox"),
            ("result view broken_levels_task", "task"),
            ("result view broken_level_task", "fields"),
        ],
        "broken_in_hook": [("hook pfd_register_tasks", "")],
        "broken_on_import": [("manifest", "")],
        "function_itself": [("hook pfd_register_tasks", "")],
        "heavy": [("manifest", "")],
        "made_for_later": [("manifest", "pfd_api")],
        "misspelt_hook": [("hook pfd_register_task", "")],
        "one_task": [("hook pfd_register_tasks", "")],
    }
    assert with_broken.pfd("plugins", "check", "kinematics") == "kinematics: nothing is wrong\n"

    page = (ROOT / "docs" / "how-to" / "write-a-plugin.md").read_text(encoding="utf-8")
    [(command, shown)] = re.findall(r"^    \$ pfd (plugins check .*)\n((?:    .*\n)+)", page, flags=re.MULTILINE)
    printed = with_broken.pfd(*command.split(), expect=1)
    assert re.sub(r" at /.*/(?=pfd_example_broken/)", " at .../", printed) == textwrap.dedent(shown)


@pytest.mark.slow("looks at all plugins, each in interpreters of its own")
def test_a_check_finds_nothing_wrong_with_the_plugins_of_this_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [str(found.plugin) for found in plugins()]
    monkeypatch.setenv("PFD_PLUGINS", ",".join(names))
    assert json.loads(pfd(tmp_path / "home", "plugins", "check", "--json")) == []
    assert pfd(tmp_path / "home", "plugins", "check", "data") == "data: nothing is wrong\n"

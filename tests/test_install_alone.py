"""Each wheel works by itself: with the core and what it declares, in an environment that holds nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pfd_contract import until
from tests.support import examples
from tests.support.environments import Environment
from tests.support.scrape import Scrape, health
from tests.support.sizes import check, on_disk
from tests.support.workspace import Distribution, plugins, runtimes

Recipe = Callable[[examples.Run, Path], dict[str, Any]]

RECIPES: dict[str, tuple[str, Recipe]] = {
    "data": ("generate_dataset_task", lambda run, folder: examples.generate(run)),
    "mat_import": ("import_mat_dataset_task", lambda run, folder: examples.import_mat(run, folder / "mat")),
    "features": ("extract_features_task", lambda run, folder: examples.extract(run)),
    "training": ("train_model_task", lambda run, folder: examples.train_forest(run)),
    "evaluation": ("generate_roc_analysis_task", lambda run, folder: examples.roc(run)),
}

WITHOUT_TASKS = {"observability"}


def _runner(environment: Environment) -> examples.Run:
    def run(task: str, params: dict[str, Any]) -> dict[str, Any]:
        assignments = [
            f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in params.items()
        ]
        result: dict[str, Any] = environment.submit(task, *assignments)["result"]
        return result

    return run


def test_every_plugin_has_a_recipe() -> None:
    assert RECIPES.keys() | WITHOUT_TASKS == {found.plugin for found in plugins()}
    assert RECIPES.keys().isdisjoint(WITHOUT_TASKS)


@pytest.mark.slow("an environment for each, and all that leads to its task", first=True)
@pytest.mark.parametrize("found", [one for one in plugins() if one.plugin in RECIPES], ids=lambda found: found.name)
def test_a_wheel_installed_alone_lists_its_tasks_and_runs_one(environment: Environment, found: Any) -> None:
    environment.install(f"{found.name}=={found.version}")
    task, recipe = RECIPES[found.plugin]

    status = {plugin["name"]: plugin for plugin in environment.pfd_json("plugins")}
    assert {plugin["status"] for plugin in status.values()} == {"loaded"}
    assert task in status[found.plugin]["tasks"]
    assert task in {item["name"] for item in environment.pfd_json("tasks")}

    assert recipe(_runner(environment), environment.folder)
    jobs = environment.pfd_json("jobs")
    assert task in {job["task"] for job in jobs}
    assert {job["state"] for job in jobs} == {"SUCCESS"}


PROGRAMS = {
    "celery": "from pfd.runtimes.celery import app; print(type(app).__module__)",
    "dramatiq": "from pfd.runtimes.dramatiq import broker; print(type(broker).__module__)",
}
"""What the command lines of Celery and Dramatiq are told to load."""


SITE = """
import pytest
from pfd_contract import *
from pfd_contract import LocalSite, contract_settings

@pytest.fixture(scope="session")
def contract_sites():
    return lambda folder, **settings: LocalSite(contract_settings(folder / "home", **settings))
"""


@pytest.mark.slow("an environment for each")
@pytest.mark.parametrize("found", runtimes(), ids=lambda found: found.name)
def test_an_extra_of_the_core_brings_the_runtime(environment: Environment, found: Distribution) -> None:
    name = found.folder.name
    environment.install("pfd-core")
    environment.variables.update(PFD_RUNTIME=name, PFD_BROKER_URL="redis://127.0.0.1:1/0")
    assert f"pip install 'pfd-core[{name}]'" in environment.refused("worker")
    environment.install(f"pfd-core[{name}]=={found.version}")
    loaded = environment.run("python", "-c", PROGRAMS[name])
    assert loaded.stdout.strip().startswith(f"{found.package}."), loaded.stderr


@pytest.mark.slow("an environment, and a worker in a run of pytest")
def test_the_contract_judges_a_runtime_with_nothing_but_the_core(environment: Environment, tmp_path: Path) -> None:
    environment.install("pfd-contract")
    (tmp_path / "conftest.py").write_text(SITE, encoding="utf-8")
    (tmp_path / "test_runtime.py").write_text("from pfd_contract.suite import TestClaims\n", encoding="utf-8")
    judged = environment.run("pytest", "-q", str(tmp_path), "-k", "whether_or_not_anybody")
    assert "1 passed" in judged.stdout, judged.stdout + judged.stderr


PICTURE = """
from pfd.views import Axis, Curve, Figure, Panel
from pfd_plots import svg
panel = Panel(x=Axis(label="order"), y=Axis(label="level"), marks=(Curve(x=[0, 1], y=[0, 1]),))
print(svg(Figure(title="A figure", alt="A level over orders.", panels=(panel,))).decode())
"""


@pytest.mark.slow("an environment")
def test_an_extra_of_the_core_draws_figures_with_no_plugin(environment: Environment) -> None:
    environment.install("pfd-core[plots]")
    drawn = environment.run("python", "-c", PICTURE)
    assert "</svg>" in drawn.stdout, drawn.stderr


@pytest.mark.slow("two environments with a worker")
@pytest.mark.parametrize("asked", ["pfd-plugin-observability[metrics,otel]", "pfd-core[metrics,otel]"])
def test_metrics_and_traces_come_with_their_plugin_or_with_the_extras_of_the_core(
    environment: Environment, asked: str
) -> None:
    environment.install(asked)
    [plugin] = environment.pfd_json("plugins")
    assert (plugin["name"], plugin["status"]) == ("observability", "loaded")
    environment.variables.update(PFD_METRICS="127.0.0.1:0", PFD_OTEL="1")
    with environment.running("worker"):
        [worker] = until(lambda: environment.pfd_json("workers"), "it lives")
        assert health(worker["metrics"])[0] == 200
        assert Scrape(worker["metrics"]).value("pfd_worker_slots") == 1


@pytest.mark.slow("three commands without bytecode")
def test_the_core_alone_refuses_to_serve_metrics_and_traces_and_says_what_to_install(environment: Environment) -> None:
    environment.install("pfd-core")
    environment.variables.update(PFD_METRICS="127.0.0.1:0")
    assert "pip install 'pfd-core[metrics]'" in environment.refused("worker")
    assert environment.pfd_json("jobs") == []  # nothing that only reads asks for them
    environment.variables.update(PFD_OTEL="1")
    assert "pip install 'pfd-core[otel]'" in environment.refused("jobs")


@pytest.mark.slow("five commands without bytecode")
def test_the_core_alone_has_no_tasks_and_is_in_good_health(environment: Environment) -> None:
    environment.install("pfd-core")
    assert environment.pfd_json("tasks") == []
    assert environment.pfd_json("plugins") == []
    assert environment.pfd_json("jobs") == []
    environment.pfd("doctor")
    installed = environment.folder.glob("lib/python*/site-packages/*")
    check("the core and what it depends on", sum(on_disk(one) for one in installed if not one.name.startswith("pip")))


@pytest.mark.slow("installs everything")
def test_the_meta_distribution_installs_the_command(environment: Environment) -> None:
    environment.install("pfd-all")
    assert environment.pfd("--version").strip()

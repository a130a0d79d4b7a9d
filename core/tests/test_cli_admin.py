"""Commands that look at the installation: tasks, plugins, config, db, doctor, completion."""

from __future__ import annotations

import json
import shlex
import sqlite3
from pathlib import Path
from typing import Annotated

import pytest

from core.tests.support.commands import Commands, program
from pfd import Params, Settings
from pfd.cli.ready import example_of, ready_command
from pfd.plugins import Registry, load_registry
from pfd.schema import allowed_in_words, default_in_words, fields_of, listed, type_in_words
from pfd.settings import load_settings
from pfd.task import Task


@pytest.fixture
def pfd(bare_pfd: Commands, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The command line, with the sample plugin alone, in an empty folder."""
    monkeypatch.setenv("PFD_PLUGINS", "sample")
    return bare_pfd


# -- tasks --------------------------------------------------------------------------------------------------------


def test_tasks_are_listed_with_queue_plugin_and_what_they_say_of_themselves(pfd: Commands) -> None:
    shown = pfd("tasks")
    assert shown.code == 0
    assert shown.lines[0].split() == ["TASK", "QUEUE", "PLUGIN", "ABOUT"]
    assert ["add", "default", "sample"] in [line.split()[:3] for line in shown.lines]
    assert {"name": "add", "queue": "default", "plugin": "sample", "isolation": "inline", "about": ""} in pfd.json(
        "tasks"
    )


def test_one_task_is_shown_with_types_defaults_bounds_meanings_and_a_command(pfd: Commands) -> None:
    shown = pfd("tasks", "show", "add")
    rows = {line.split()[0]: line for line in shown.lines if line}
    assert "integer" in rows["a"]
    assert "required" in rows["a"]
    assert "0 to 1000" in rows["a"]
    assert "first number" in rows["a"]
    assert rows["b"].split() == ["b", "integer", "1"]
    assert rows["limits"].split(maxsplit=1)[1] == "ended after 5.0 s"
    assert shown.lines[-1] == "pfd submit add a=1"

    found = pfd.json("tasks", "show", "add")
    assert found["params"]["properties"]["a"]["maximum"] == 1000
    assert found["example"] == {"a": 1}
    assert found["command"] == "pfd submit add a=1"


def test_an_unknown_task_exits_2_and_names_the_nearest(pfd: Commands) -> None:
    shown = pfd("tasks", "show", "ad")
    assert shown.code == 2
    assert shown.err.startswith("error: unknown task 'ad'\nhint: did you mean add")


def test_the_ready_command_of_every_installed_task_is_accepted_by_it() -> None:
    registry = load_registry(Settings())
    assert registry.tasks
    for task in registry.tasks.values():
        task.validate(example_of(task))
        assert shlex.split(ready_command(task))[:3] == ["pfd", "submit", task.name]


def test_an_example_satisfies_validators_that_the_schema_does_not_know_of() -> None:
    from pydantic import Field, model_validator

    class Ordered(Params):
        low: int = Field(ge=0)
        high: int = Field(le=50)

        @model_validator(mode="after")
        def _order(self) -> Ordered:
            if self.low + 5 > self.high:
                raise ValueError("high must be larger than low by 5")
            return self

    task = Task("ordered", run="nowhere:f", params=Ordered, result=Params)
    found = example_of(task)
    assert found["high"] >= found["low"] + 5


def test_groups_unions_and_lists_are_described_in_words() -> None:
    from pydantic import Field

    class Part(Params):
        hz: float = Field(gt=0)

    class Inner(Params):
        kind: str = Field("a", pattern="^[ab]$")
        parts: list[Part] | None = None

    class Outer(Params):
        inner: Inner = Field(default_factory=Inner)
        either: int | str | None = Field(None, description="one or the other")
        many: tuple[float, ...] = Field(min_length=1, max_length=3)
        ends: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]] = (0.0, 1.0)
        mixed: tuple[Annotated[str, Field(min_length=2)], int, Annotated[str, Field(min_length=2)]] | None = None
        gaps: tuple[float | None, ...] = ()
        seed: int = Field(0, ge=0, lt=2**63)

    found = {f.path: f for f in listed(fields_of(Outer))}
    parts = ["inner.kind", "inner.parts", "inner.parts[].hz"]
    assert list(found) == [*parts, "either", "many", "ends", "mixed", "gaps", "seed"]
    words = {
        path: (type_in_words(f.shape), default_in_words(f), allowed_in_words(f.shape)) for path, f in found.items()
    }
    assert words == {
        "inner.kind": ("text", "a", "like ^[ab]$"),
        "inner.parts": ("list of object or null", "null", ""),
        "inner.parts[].hz": ("number", "required", "more than 0"),
        "either": ("integer or text or null", "null", ""),
        "many": ("list of number", "required", "1 to 3 of them"),
        "ends": ("list of number", "[0.0, 1.0]", "2 of them, each at least 0"),
        "mixed": (
            "list of (text or integer) or null",
            "null",
            "3 of them, at least 2 characters, then any, then at least 2 characters",
        ),
        "gaps": ("list of (number or null)", "[]", ""),
        "seed": ("integer", "0", "at least 0"),
    }


# -- plugins and config -------------------------------------------------------------------------------------------


def test_plugins_are_listed_with_what_became_of_them(pfd: Commands) -> None:
    found = {plugin["name"]: plugin for plugin in pfd.json("plugins")}
    assert found["sample"]["status"] == "loaded"
    assert "add" in found["sample"]["tasks"]
    shown = pfd("plugins")
    [line] = [line for line in shown.lines if line.startswith("sample ")]
    assert line.split() == ["sample", "0.1.0", "loaded", str(len(found["sample"]["tasks"])), "pfd-sample"]


def test_plugins_and_config_work_with_broken_settings_and_say_so(
    pfd: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PFD_LEASE", "soon")
    shown = pfd("plugins")
    assert shown.code == 0
    assert "sample" in shown.out
    assert "lease='soon' from environment PFD_LEASE" in shown.err

    shown = pfd("config")
    assert shown.code == 2
    assert "lease='soon' from environment PFD_LEASE" in shown.err
    assert any(line.split()[:2] == ["lease", "15.0"] for line in shown.lines)


def test_config_shows_origins_and_masks_passwords(pfd: Commands, tmp_path: Path) -> None:
    (tmp_path / "pfd.toml").write_text('sweep = 3.0\nbroker_url = "redis://user:hush@host/0"\n', encoding="utf-8")
    url = "postgresql://pfd:hush@db.example/pfd"
    shown = pfd("--database-url", url, "config")
    assert shown.code == 0
    assert "hush" not in shown.out
    rows = {row["name"]: row for row in pfd.json("--database-url", url, "config")}
    assert rows["home"]["origin"] == "environment PFD_HOME"
    assert (rows["sweep"]["value"], rows["sweep"]["origin"]) == ("3.0", str(tmp_path / "pfd.toml"))
    assert rows["database_url"]["origin"] == "command line"
    assert rows["lease"]["origin"] == "default"
    assert rows["lease"]["variable"] == "PFD_LEASE"


# -- db -----------------------------------------------------------------------------------------------------------


def test_db_status_looks_without_making_anything(pfd: Commands) -> None:
    settings = load_settings().values
    found = {row["name"]: row for row in pfd.json("db", "status")["tables"]}
    assert found["pfd"]["state"] == "not made yet"
    assert not settings.home.exists()

    shown = pfd("db", "upgrade")
    assert shown.code == 0, shown
    found = {row["name"]: row for row in pfd.json("db", "status")["tables"]}
    assert {row["state"] for row in found.values()} == {"ok"}
    assert found["sample"]["revision"] == "sample_0002"


def test_a_store_newer_than_the_code_exits_3_and_says_what_to_update(pfd: Commands) -> None:
    assert pfd("db", "upgrade").code == 0
    with sqlite3.connect(load_settings().values.home / "pfd.sqlite3") as connection:
        connection.execute("UPDATE pfd_alembic_version SET version_num = 'pfd_9999'")
    connection.close()
    shown = pfd("db", "upgrade")
    assert shown.code == 3
    assert "pfd_9999" in shown.err
    assert "update pfd-core" in shown.err
    assert [row["state"] for row in pfd.json("db", "status")["tables"] if row["name"] == "pfd"] == ["differs"]


# -- doctor -------------------------------------------------------------------------------------------------------


def _checks(pfd: Commands, *words: str) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in pfd(*words, "doctor", "--json").json}


def test_config_and_doctor_tell_of_a_broker_that_is_set_and_not_used(
    pfd: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://localhost:6379/0")
    monkeypatch.setenv("PFD_LEASSE", "3")
    shown = pfd("config")
    assert "a broker is set (environment CELERY_BROKER_URL), and runtime is local" in shown.err
    assert "PFD_RUNTIME=celery" in shown.err
    assert "did you mean PFD_LEASE?" in shown.out
    checks = {row["name"]: row for row in json.loads(pfd("doctor", "--json").out)}
    assert "runtime is local" in checks["broker"]["found"]
    assert (checks["broker"]["status"], checks["settings"]["status"]) == ("warn", "warn")
    monkeypatch.setenv("PFD_RUNTIME", "eager")
    assert "runtime is eager" in pfd("config").err


def test_doctor_finds_a_healthy_installation_healthy(pfd: Commands) -> None:
    shown = pfd("doctor")
    assert shown.code == 0, shown
    assert shown.lines[-1] == "everything is in place"
    checks = _checks(pfd)
    assert {"versions", "plugin sample", "tasks", "home", "runtime", "store", "tables", "workers"} <= set(checks)
    assert "SQLite" in checks["store"]["found"]


def test_doctor_names_a_home_that_cannot_be_written_and_exits_1(pfd: Commands, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    home = str(tmp_path / "file" / "home")
    shown = pfd("--home", home, "doctor")
    assert shown.code == 1
    checks = _checks(pfd, "--home", home)
    assert checks["home"]["status"] == "fail"
    assert home in checks["home"]["found"]
    assert "PFD_HOME" in checks["home"]["mend"]
    assert checks["store"]["status"] == "fail"


def test_doctor_tells_of_broken_settings_and_looks_at_the_rest(pfd: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFD_SWEEP", "-1")
    shown = pfd("doctor")
    assert shown.code == 1
    assert "PFD_SWEEP" in shown.out
    assert "plugin sample" in shown.out


def test_doctor_names_an_unknown_runtime_and_how_to_mend_it(pfd: Commands) -> None:
    check = _checks(pfd, "--runtime", "pigeon")["runtime"]
    assert check["status"] == "fail"
    assert "'pigeon' is not installed" in check["found"]
    assert "PFD_RUNTIME" in check["mend"]


def test_doctor_tells_of_jobs_that_wait_for_a_worker(pfd: Commands) -> None:
    assert pfd("submit", "add", "a=1").code == 0
    shown = pfd("doctor")
    assert shown.code == 0
    assert "1 job waits and no worker serves it" in shown.out
    assert "pfd worker --queues default" in shown.out


@pytest.mark.slow("each import is tried in an interpreter")
def test_doctor_deep_imports_the_code_and_warns_of_a_preload_that_is_not_there(pfd: Commands) -> None:
    checks = {check["name"]: check for check in pfd("doctor", "--deep", "--json").json}
    assert checks["task warm"]["status"] == "warn"
    assert "no_such_module_anywhere" in checks["task warm"]["found"]
    assert checks["tasks"]["status"] == "ok"


def test_doctor_notices_a_home_that_belongs_to_another_store(pfd: Commands) -> None:
    assert pfd("doctor").code == 0
    (load_settings().values.home / "store-id").write_text("another", encoding="ascii")
    shown = pfd("doctor")
    assert shown.code == 1
    assert "does not belong to the store" in shown.out


# -- completion ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(pfd: Commands, shell: str) -> None:
    shown = pfd("completion", shell)
    assert shown.code == 0
    assert "_PFD_COMPLETE" in shown.out


def test_a_shell_is_offered_tasks_and_jobs(pfd: Commands, registry: Registry) -> None:
    job = pfd("submit", "add", "a=1").out.strip()

    def offered(line: str) -> list[str]:
        words = shlex.split(line)
        shown = program(
            _PFD_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - (not line.endswith(" ")))
        )
        return [item.partition(",")[2] for item in shown.out.splitlines()]

    assert set(offered("pfd tasks show fail")) == {"fail", "fail_inline"}
    assert set(offered("pfd job ")) == {"@last", job[:8]}
    assert offered(f"pfd cancel {job[:4]}") == [job[:8]]


def test_a_list_in_a_pipe_is_plain_text(pfd: Commands) -> None:
    shown = program("tasks", FORCE_COLOR="1")
    assert "\x1b" not in shown.out
    json.loads(program("tasks", "--json").out)


@pytest.mark.parametrize(("variable", "value"), [("PFD_METRICS", "127.0.0.1:0"), ("PFD_OTEL", "1")])
def test_doctor_says_that_no_plugin_serves_a_setting(
    pfd: Commands, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    ran = pfd("doctor", "--json")
    assert ran.code == 1
    check = next(one for one in ran.json if one["status"] == "fail")
    assert "no plugin does that" in check["found"]
    assert f"pfd-core[{variable.removeprefix('PFD_').lower()}]" in check["mend"]

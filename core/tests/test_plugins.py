"""Discovery: whatever a plugin does, it is the only one that suffers."""

from __future__ import annotations

import itertools
import logging
import os
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.commands import program
from core.tests.support.stores import make_settings
from pfd import Dispatcher, PluginError, UnknownTask
from pfd.plugins import PluginRecord, Registry, load_registry

Install = Callable[..., str]

_numbers = itertools.count(1)

GOOD = """
    from pfd import Params, Result, Task, hookimpl

    class Nothing(Params):
        pass

    class Done(Result):
        ok: bool = True

    @hookimpl
    def pfd_register_tasks():
        return [Task("{task}", run="{package}.plugin:run", params=Nothing, result=Done, isolation="inline",
                     time_limit=5.0)]

    def run(params, ctx):
        return Done()
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Writes a plugin as pip would: a package, and beside it the metadata with its entry point."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def write(name: str, code: str, *, task: str = "a_task") -> str:
        package = f"pfd_made_{name}_{next(_numbers)}"
        (site / package).mkdir()
        (site / package / "__init__.py").touch()
        text = textwrap.dedent(code).replace("{task}", task).replace("{package}", package)
        (site / package / "plugin.py").write_text(text, encoding="utf-8")
        info = site / f"{package}-1.2.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[pfd.plugins]\n{name} = {package}.plugin\n", encoding="utf-8")
        return package

    return write


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Registry]:
    """Loads what is installed, without the plugins of this workspace."""

    def loaded(**others: Any) -> Registry:
        ours = ("data", "mat_import", "features", "training", "evaluation")
        disabled = (*ours, *others.pop("disable_plugins", ()))
        return load_registry(make_settings(tmp_path, plugins=(), disable_plugins=disabled, **others))

    return loaded


def record(registry: Registry, name: str) -> PluginRecord:
    [found] = [record for record in registry.records if record.name == name]
    return found


def rest_works(registry: Registry) -> bool:
    """Whether the sample plugin is as it would be without the others."""
    sample = record(registry, "sample")
    return sample.status == "loaded" and not sample.cause and "add" in registry.tasks and "nap" in registry.tasks


def test_a_plugin_beside_the_sample_is_found_by_its_entry_point(
    install: Install, load: Callable[..., Registry]
) -> None:
    package = install("good", GOOD)
    registry = load()
    found = record(registry, "good")
    assert found == PluginRecord("good", package, "1.2", "loaded", tasks=("a_task",))
    assert registry.owner("a_task") == found
    assert rest_works(registry)


BROKEN = {
    "raises on import": ("raise RuntimeError('first line\\nsecond line')", "RuntimeError: first line"),
    "calls sys.exit on import": ("import sys; sys.exit('no more')", "SystemExit: no more"),
    "is not Python": ("def :", "SyntaxError"),
    "misses a library": ("import no_such_library_anywhere", "ModuleNotFoundError"),
    "raises in a hook": (
        "from pfd import hookimpl\n@hookimpl\ndef pfd_register_tasks():\n    raise ValueError('in a hook')",
        "ValueError: in a hook",
    ),
    "calls sys.exit in a hook": (
        "import sys\nfrom pfd import hookimpl\n@hookimpl\ndef pfd_register_records():\n    sys.exit(3)",
        "SystemExit: 3",
    ),
    "misspells a hook": (
        "from pfd import hookimpl\n@hookimpl\ndef pfd_register_task():\n    return []",
        "pfd_register_task",
    ),
    "forgets the mark of a hook": ("def pfd_register_tasks():\n    return []", "@hookimpl"),
    "wants other arguments": (
        "from pfd import hookimpl\n@hookimpl\ndef pfd_after_job(end, more):\n    pass",
        "more",
    ),
    "returns something else": (
        "from pfd import hookimpl\n@hookimpl\ndef pfd_register_tasks():\n    return ['add']",
        "pfd_register_tasks returned 'add', which is no Task",
    ),
    "returns nothing": ("from pfd import hookimpl\n@hookimpl\ndef pfd_register_tasks():\n    pass", "TypeError"),
    "declares a bad task": (GOOD.replace('"{task}"', '"Bad Name"'), "lower-case"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_plugin_is_a_record_with_its_cause_and_a_hint(
    install: Install, load: Callable[..., Registry], what: str
) -> None:
    code, cause = BROKEN[what]
    package = install("odd", code)
    registry = load()
    found = record(registry, "odd")
    assert found.status == "broken"
    assert cause in found.cause
    assert "\n" not in found.cause
    assert package in found.hint
    assert found.tasks == ()
    assert rest_works(registry)


def test_a_missing_library_is_named_in_the_hint(install: Install, load: Callable[..., Registry]) -> None:
    install("odd", "import no_such_library_anywhere")
    assert "'no_such_library_anywhere'" in record(load(), "odd").hint


def test_a_plugin_for_another_api_is_incompatible(install: Install, load: Callable[..., Registry]) -> None:
    install("future", "pfd_api = 2\n" + textwrap.dedent(GOOD))
    registry = load()
    found = record(registry, "future")
    assert (found.status, found.cause) == ("incompatible", "wants plugin API 2, this core has 1")
    assert "a_task" not in registry.tasks
    assert rest_works(registry)


def test_a_disabled_plugin_is_not_even_imported(install: Install, load: Callable[..., Registry]) -> None:
    install("odd", "raise SystemExit")
    registry = load(disable_plugins=("odd",))
    assert (record(registry, "odd").status, record(registry, "odd").cause) == (
        "disabled",
        "named in PFD_DISABLE_PLUGINS",
    )
    assert rest_works(registry)


def test_only_the_listed_plugins_are_loaded_where_there_is_a_list(install: Install, tmp_path: Path) -> None:
    install("other", "raise SystemExit")
    registry = load_registry(make_settings(tmp_path, plugins=("sample",)))
    assert record(registry, "other").cause == "not named in PFD_PLUGINS"
    assert rest_works(registry)


def test_two_plugins_that_claim_one_task_are_both_named_and_keep_their_others(
    install: Install, load: Callable[..., Registry]
) -> None:
    install("first", GOOD, task="shared")
    install(
        "second",
        GOOD.replace("return [", "return [Task('own', run='x:y', params=Nothing, result=Done), "),
        task="shared",
    )
    registry = load()
    with pytest.raises(PluginError, match="'shared' is claimed by first and second"):
        registry.task("shared")
    assert "shared" not in registry.tasks
    assert record(registry, "second").tasks == ("own",)
    for name in ("first", "second"):
        assert "first and second" in record(registry, name).cause
        assert "PFD_DISABLE_PLUGINS" in record(registry, name).hint
    assert rest_works(registry)
    assert "shared" in load(disable_plugins=("second",)).tasks


def copied(site: Path, package: str, name: str, version: str, module: str) -> None:
    """Metadata of another distribution, which names a module of `package` as the same plugin."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[pfd.plugins]\nqb = {package}.{module}\n", encoding="utf-8")


def test_a_plugin_that_is_installed_twice_counts_once(
    install: Install, load: Callable[..., Registry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = install("qb", GOOD)
    copied(tmp_path, package, "pfd_made_copy", "1.3", "plugin")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    registry = load()
    assert record(registry, "qb") == PluginRecord("qb", package, "1.2", "loaded", tasks=("a_task",))


def test_two_versions_of_a_plugin_are_told_apart(
    install: Install, load: Callable[..., Registry], tmp_path: Path
) -> None:
    site = tmp_path / "site-packages"
    package = install("qb", GOOD)
    (site / package / "older.py").write_text((site / package / "plugin.py").read_text(encoding="utf-8"))
    copied(site, package, "pfd_made_older", "0.9", "older")
    with pytest.raises(PluginError) as caught:
        load().task("a_task")
    for what in (f"qb ({package} 1.2 in {site / package})", f"qb (pfd_made_older 0.9 in {site / package})"):
        assert what in str(caught.value)
    assert caught.value.hint == f"uninstall one of them: 'pip uninstall pfd_made_older' or 'pip uninstall {package}'"


@pytest.mark.parametrize("content", [b"[console_scripts]\nfoo\n", b"[console_scripts]\n\xff = a:b\n"])
def test_entry_points_of_others_that_cannot_be_read_end_no_command(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other-1.0.dist-info" / "entry_points.txt"
    file.parent.mkdir()
    file.write_bytes(content)
    found = program("doctor", PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]))
    assert f"{file} cannot be read" in found.out, found
    assert "pfd-sample" in found.out


def test_a_plugin_whose_entry_points_cannot_be_read_is_broken(
    install: Install, load: Callable[..., Registry], tmp_path: Path
) -> None:
    package = install("qb", GOOD)
    file = tmp_path / "site-packages" / f"{package}-1.2.dist-info" / "entry_points.txt"
    file.write_text("[pfd.plugins]\nqb\n", encoding="utf-8")
    found = record(load(), package)
    assert (found.status, found.hint) == ("broken", f"reinstall {package}")
    assert found.cause.startswith(f"{file} cannot be read: ")


def test_a_plugin_without_metadata_is_still_loaded(
    install: Install, load: Callable[..., Registry], tmp_path: Path
) -> None:
    package = install("qb", GOOD)
    (tmp_path / "site-packages" / f"{package}-1.2.dist-info" / "METADATA").unlink()
    assert record(load(), "qb") == PluginRecord("qb", package, "?", "loaded", tasks=("a_task",))


def test_an_unknown_task_is_answered_with_the_nearest_names(registry: Registry) -> None:
    with pytest.raises(UnknownTask) as caught:
        registry.task("ad_apart")
    assert "add_apart" in (caught.value.hint or "")


def test_an_unknown_task_of_a_plugin_that_is_not_loaded_points_there(
    install: Install, load: Callable[..., Registry]
) -> None:
    install("odd", "raise RuntimeError")
    with pytest.raises(UnknownTask) as caught:
        load().task("something_far_away_task")
    assert "odd" in (caught.value.hint or "")
    assert "pfd plugins" in (caught.value.hint or "")


WATCHER = """
    import sys
    from pfd import hookimpl

    SEEN = []

    @hookimpl
    def pfd_before_job(start):
        SEEN.append(("before", start.task.name, start.job.state))

    @hookimpl
    def pfd_after_job(end):
        SEEN.append(("after", end.task.name, end.job.state))
        assert end.seconds >= 0

    @hookimpl
    def pfd_job_event(event):
        SEEN.append((event.kind, event.task, event.queue))
"""


@pytest.mark.parametrize("act", ["raise RuntimeError('in a hook')", "sys.exit(1)", "raise BaseException('worse')"])
def test_a_hook_that_raises_around_a_job_is_reported_and_the_job_and_other_hooks_go_on(
    install: Install, tmp_path: Path, act: str, caplog: pytest.LogCaptureFixture
) -> None:
    import importlib

    install("a_bad_one", WATCHER.replace("SEEN.append", f"{act} #"))
    good = importlib.import_module(install("z_good_one", WATCHER) + ".plugin")
    settings = make_settings(tmp_path / "home", plugins=("sample", "a_bad_one", "z_good_one"), runtime="eager")
    with Dispatcher(settings) as dispatcher, caplog.at_level(logging.ERROR):
        assert dispatcher.submit("add", {"a": 1}).get() == {"value": 2}
    assert good.SEEN == [
        ("submitted", "add", "default"),
        ("claimed", "add", "default"),
        ("before", "add", "STARTED"),
        ("success", "add", "default"),
        ("after", "add", "SUCCESS"),
    ]
    assert {record.getMessage() for record in caplog.records} >= {
        "plugin a_bad_one: pfd_before_job raised",
        "plugin a_bad_one: pfd_after_job raised",
    }


def test_commands_and_views_of_plugins_are_gathered_by_name(install: Install, load: Callable[..., Registry]) -> None:
    install(
        "nouns",
        """
        from pfd import Command, ResultView, hookimpl

        @hookimpl
        def pfd_register_commands():
            return [Command("thing", load="x:y", help="about things")]

        @hookimpl
        def pfd_register_result_views():
            return [ResultView("add", fields=("value",))]
        """,
    )
    registry = load()
    assert registry.commands()["thing"].load == "x:y"
    assert registry.result_views()["add"].fields == ("value",)

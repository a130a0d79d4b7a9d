"""Discovery: whatever a plugin does, it is the only one that suffers."""

from __future__ import annotations

import itertools
import json
import logging
import os
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.commands import program
from core.tests.support.stores import make_settings
from pfd import Dispatcher, PluginError, UnknownTask, reserved
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
        ours = ("data", "mat_import", "features", "training", "evaluation", "observability")
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
        "pfd_register_tasks returned 'add', which is not a Task",
    ),
    "returns nothing": ("from pfd import hookimpl\n@hookimpl\ndef pfd_register_tasks():\n    pass", "returned nothing"),
    "returns one task": (
        GOOD.replace("return [", "return (").replace("time_limit=5.0)]", "time_limit=5.0))"),
        "pfd_register_tasks returned one Task, and not a list of Task",
    ),
    "returns lists in a list": (
        GOOD.replace("return [", "return [[").replace("5.0)]", "5.0)]]"),
        "which is not a Task",
    ),
    "registers a task twice": (GOOD.replace("return [", "return 2 * ["), "returned a_task more than once"),
    "returns without end": (
        "import itertools\n"
        + textwrap.dedent(GOOD).replace("return [", "return itertools.cycle([").replace("5.0)]", "5.0)])"),
        "pfd_register_tasks returned more than 10000 of Task",
    ),
    "hands the function itself": (
        GOOD.replace('"{package}.plugin:run"', "run"),
        "plugin:run itself, and is to be named: run=",
    ),
    "gives a number as text": (GOOD.replace("time_limit=5.0", "time_limit='5'"), "time_limit='5' is not a number"),
    "has a hook that waits": (
        "from pfd import hookimpl\n@hookimpl\nasync def pfd_register_tasks():\n    return []",
        "pfd_register_tasks is async",
    ),
    "takes less than it is given": (
        "from pfd import hookimpl\n@hookimpl\ndef pfd_after_job():\n    pass",
        "pfd_after_job takes (), and is called with (end)",
    ),
    "calls a hook otherwise": (
        "from pfd import hookimpl\n@hookimpl(specname='pfd_register_tasks')\ndef tasks():\n    return []",
        "'specname' is not followed",
    ),
    "shows one field by its letters": (
        (
            "from pfd import ResultView, hookimpl\n@hookimpl\n"
            "def pfd_register_result_views():\n    return [ResultView('a_task', fields='rms')]"
        ),
        "fields='rms' is not a tuple of names",
    ),
    "hands the command itself": (
        (
            "from pfd import Command, hookimpl\n@hookimpl\ndef pfd_register_commands():\n"
            "    return [Command('thing', load=print, help='')]"
        ),
        "load=<built-in function print> is not of the form",
    ),
    "has an error that cannot be shown": (
        "class Odd(Exception):\n    def __str__(self):\n        raise RuntimeError\nraise Odd",
        "Odd",
    ),
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


@pytest.mark.parametrize("what", ["raises on import", "is not Python", "raises in a hook", "misspells a hook"])
def test_a_plugin_that_fails_by_its_own_code_is_told_where_and_that_its_author_mends_it(
    install: Install, load: Callable[..., Registry], what: str
) -> None:
    package = install("odd", BROKEN[what][0])
    found = record(load(), "odd")
    file, _, line = found.place.rpartition(":")
    assert file.endswith(f"{package}/plugin.py")
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    assert any(word in lines[int(line) - 1] for word in ("raise", "def", "@hookimpl"))
    assert found.place in found.hint
    assert "pfd plugins check odd" in found.hint
    assert "newer" not in found.hint
    assert "PFD_DISABLE_PLUGINS=odd" in found.hint


def test_the_traceback_of_a_plugin_begins_in_its_own_code(install: Install, load: Callable[..., Registry]) -> None:
    package = install("odd", "def deep():\n    raise ValueError('deep')\ndeep()")
    trace = record(load(), "odd").trace.splitlines()
    assert f"{package}/plugin.py" in trace[1]
    assert trace[-1] == "ValueError: deep"
    assert not any("importlib" in line for line in trace)


@pytest.mark.parametrize("editable", [True, False])
def test_who_installs_from_a_folder_is_told_what_its_author_does(
    install: Install, load: Callable[..., Registry], tmp_path: Path, editable: bool
) -> None:
    package = install("odd", "import json; json.loads('{')")
    assert f"a newer {package} may mend it" in record(load(), "odd").hint  # raised in a library, installed from afar
    told = {"url": "file:///home/me/odd", "dir_info": {"editable": True} if editable else {}}
    info = tmp_path / "site-packages" / f"{package}-1.2.dist-info"
    (info / "direct_url.json").write_text(json.dumps(told), encoding="utf-8")
    found = record(load(), "odd")
    assert "newer" not in found.hint
    assert f"{package}/plugin.py:1" in found.hint


@pytest.mark.parametrize("told", ["{", "[]", "null", '{"url": 7}', "\x00"])
def test_what_an_installation_says_of_itself_may_be_damaged(
    install: Install, load: Callable[..., Registry], tmp_path: Path, told: str
) -> None:
    package = install("odd", "import json; json.loads('{')")
    info = tmp_path / "site-packages" / f"{package}-1.2.dist-info"
    (info / "direct_url.json").write_text(told, encoding="utf-8")
    assert record(load(), "odd").status == "broken"


def test_the_names_of_our_tasks_are_reserved_for_the_distributions_that_the_readme_names() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+_task)` +\| ([\w-]+) +\|", readme, flags=re.MULTILINE)
    assert {name: f"pfd-plugin-{plugin}" for name, plugin in listed} == dict(reserved.OWNERS)
    assert len(reserved.OWNERS) == 23


@pytest.mark.parametrize("installed", [True, False])
def test_a_reserved_name_is_not_taken_from_another_distribution(
    install: Install, load: Callable[..., Registry], tmp_path: Path, installed: bool
) -> None:
    name = "run_tests_task"
    install(
        "squatter", GOOD.replace("return [", "return [Task('own', run='x:y', params=Nothing, result=Done), "), task=name
    )
    if installed:
        package = install("testing", GOOD, task=name)
        info = tmp_path / "site-packages" / f"{package}-1.2.dist-info"
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: PFD_plugin.Testing\nVersion: 1\n", encoding="utf-8"
        )
    registry = load()
    found = record(registry, "squatter")
    assert (found.status, found.tasks, found.lost) == ("partial", ("own",), (name,))
    assert found.cause == f"task {name} is a name reserved for pfd-plugin-testing"
    assert "a name of your own" in found.hint
    assert registry.conflicts == {}
    if installed:
        owner = registry.owner(name)
        assert owner is not None
        assert (owner.name, owner.status) == ("testing", "loaded")
        assert registry.task(name).run.startswith(package)
    else:
        with pytest.raises(UnknownTask, match=r"not taken from squatter: .* reserved for pfd-plugin-testing"):
            registry.task(name)
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
    assert [(record(registry, name).status, record(registry, name).lost) for name in ("first", "second")] == [
        ("partial", ("shared",)),
        ("partial", ("shared",)),
    ]
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

"""`pfd plugins check`: every fault that an author can make is named with its field, its line and what was meant."""

from __future__ import annotations

import itertools
import os
import signal
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.commands import Commands, program, start

MANIFEST = """
    from pfd import Command, Params, Records, Result, ResultView, Task, hookimpl

    class Signal(Params):
        samples: tuple[int, ...] = ()

    class Level(Result):
        rms: int = 0
        peak: int = 0

    level_task = Task("gear_level_task", run="{package}.tasks:level", params=Signal, result=Level)

    @hookimpl
    def pfd_register_tasks():
        return [level_task]

    @hookimpl
    def pfd_register_commands():
        return [Command("gear", load="{package}.cli:gear", help="About gears.")]

    @hookimpl
    def pfd_register_result_views():
        return [ResultView("gear_level_task", fields=("rms", "peak"))]
"""
COMMAND = 'Command("gear", load="{package}.cli:gear", help="About gears.")'
THREAD = """
import threading
import time

threading.Thread(target=time.sleep, args=(600,)).start()
"""
VIEW = 'ResultView("gear_level_task", fields=("rms", "peak"))'
TASKS = """
    def level(params, ctx):
        return {}
"""
CLI = """
    import click

    @click.command()
    def gear():
        pass
"""
RECORDS = """
    @hookimpl
    def pfd_register_records():
        return [Records("gear", "{package}.records", "{package}.migrations", head="gear_0002",
                        files="{package}.records:files")]
"""
REVISION = """
    revision = "{revision}"
    down_revision = {down}

    def upgrade():
        pass
"""
HEAVY = "def value():\n    return 1\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, for this program and for those that it starts.

    The plugin `gear` alone is enabled: each other one is asked in an interpreter what it declares.
    """
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("PFD_PLUGINS", "gear")
    return folder


_numbers = itertools.count(1)
Write = Callable[..., str]


@pytest.fixture
def write(site: Path) -> Write:
    """Installs a plugin `gear` that is good but for the modules given; the name of its package."""

    def written(files: dict[str, str], *, name: str = "gear", value: str = "", distribution: str = "") -> str:
        package = f"pfd_checked_{next(_numbers)}"
        given = {"__init__": "", "plugin": MANIFEST, "tasks": TASKS, "cli": CLI} | files
        for module, code in given.items():
            file = site / package / f"{module.replace('.', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(code).replace("{package}", package), encoding="utf-8")
        info = site / f"{package}-1.2.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {distribution or package}\nVersion: 1.2\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        entry = f"[pfd.plugins]\n{name} = {value or '{package}.plugin'}\n".replace("{package}", package)
        (info / "entry_points.txt").write_text(entry, encoding="utf-8")
        return package

    return written


def checked(pfd: Commands, *words: str) -> list[dict[str, Any]]:
    """What is found wrong with the plugin `gear`."""
    ran = pfd("plugins", "check", "gear", "--json", *words)
    found: list[dict[str, Any]] = ran.json
    assert ran.code == (1 if found else 0), ran
    return found


def test_nothing_is_wrong_with_a_good_plugin(pfd: Commands, write: Write) -> None:
    write(
        {
            "plugin": MANIFEST + RECORDS,
            "records": "def files(session, home):\n    return []\n",
            "migrations.__init__": "",
            "migrations.0001_a": REVISION.replace("{revision}", "gear_0001").replace("{down}", "None"),
            "migrations.0002_b": REVISION.replace("{revision}", "gear_0002").replace("{down}", "'gear_0001'"),
        }
    )
    assert checked(pfd) == []
    shown = pfd("plugins", "check", "gear")
    assert (shown.code, shown.lines) == (0, ["gear: nothing is wrong"])


@dataclass(frozen=True)
class Fault:
    """A fault of a plugin, and how it is told: `line` is the text of the line that is named."""

    subject: str
    what: str
    problem: str
    hint: str
    line: str
    files: dict[str, str] = field(default_factory=dict)
    level: str = "fail"


def swapped(old: str, new: str) -> dict[str, str]:
    """The manifest with something else in it."""
    assert old in MANIFEST
    return {"plugin": MANIFEST.replace(old, new)}


def marked(*fields: str) -> dict[str, str]:
    """The manifest with other parameters."""
    imports = "from typing import Annotated, Literal; from pydantic import WithJsonSchema"
    marks = "from pfd.schema import DefaultWhen, Needed, Unless, When"
    kind = 'kind: Literal["worm", "spur"] = "spur"'
    parameters = "; ".join([kind, *fields])
    manifest = swapped("samples: tuple[int, ...] = ()", parameters)["plugin"]
    return {"plugin": manifest.replace("from pfd import", f"{imports}; {marks}; from pfd import", 1)}


LEVEL = "task gear_level_task"
TASKS_HOOK = "hook pfd_register_tasks"
SIGNATURE = "def level(params: Signal, ctx: TaskContext) -> Level"

FAULTS = {
    "a task without ctx": Fault(
        LEVEL, "run", "takes (params), and is called with (params, ctx): takes no 'ctx'",
        SIGNATURE, "def level(params):",
        {"tasks": TASKS.replace(", ctx", "")},
    ),
    "a task with more arguments": Fault(
        LEVEL, "run", "takes (params, ctx, seed)", SIGNATURE, "def level(params, ctx, seed):",
        {"tasks": TASKS.replace("ctx", "ctx, seed")},
    ),
    "a task that takes the context first": Fault(
        LEVEL, "run", "is given the parameters first", SIGNATURE, "def level(ctx, params):",
        {"tasks": TASKS.replace("params, ctx", "ctx, params")},
    ),
    "a task that takes keywords only": Fault(
        LEVEL, "run", "by keyword only", SIGNATURE, "def level(*, params, ctx):",
        {"tasks": TASKS.replace("params", "*, params")},
    ),
    "a task that is declared to take something else": Fault(
        LEVEL, "run", "is declared to take int, and is given Signal", SIGNATURE, "def level(params: int",
        {"tasks": TASKS.replace("params", "params: int")},
    ),
    "a task that is declared to return something else": Fault(
        LEVEL, "run", "is declared to return str, and the result is Level", SIGNATURE, "-> str:",
        {"tasks": TASKS.replace("):", ") -> str:")},
    ),
    "a default that would be refused": Fault(
        LEVEL, "params", "the default of samples would be refused", "of its own type", "level_task = Task(",
        swapped("samples: tuple[int, ...] = ()", "samples: tuple[int, ...] = 'none'"),
    ),
    "a condition on what is not there": Fault(
        LEVEL, "teeth", "applies where kid=worm: there is no parameter 'kid' beside it", "did you mean kind?",
        "level_task = Task(", marked('teeth: Annotated[int | None, When(kid="worm")] = None'),
    ),
    "a condition on a value that is none": Fault(
        LEVEL, "teeth", "applies where kind other than wrom: kind is never wrom", "it is one of worm, spur",
        "level_task = Task(", marked('teeth: Annotated[int | None, Unless(kind="wrom")] = None'),
    ),
    "a condition on a value of another type": Fault(
        LEVEL, "teeth", "is needed where turns=many: turns is never many", "", "level_task = Task(",
        marked("turns: int = 1", 'teeth: Annotated[int | None, Needed(turns="many")] = None'),
    ),
    "a condition on itself": Fault(
        LEVEL, "teeth", "teeth is the parameter itself", "name another one", "level_task = Task(",
        marked("teeth: Annotated[int | None, When(teeth=3)] = None"),
    ),
    "a condition of a default on what is not there": Fault(
        LEVEL, "teeth", "is 3 where kid=worm: there is no parameter 'kid'", "did you mean kind?", "level_task = Task(",
        marked('teeth: Annotated[int, DefaultWhen(3, kid="worm")] = 1'),
    ),
    "a default beside a value that would be refused": Fault(
        LEVEL, "teeth", "its default where kind=worm, 'few', would be refused", "of its own type", "level_task = Task(",
        marked('teeth: Annotated[int, DefaultWhen("few", kind="worm")] = 1'),
    ),
    "parameters without a schema": Fault(
        LEVEL, "params", "no JSON schema can be made of them", "by their names alone", "level_task = Task(",
        marked('teeth: Annotated[int, WithJsonSchema({"$ref": "#/$defs/Nowhere"})] = 1'),
    ),
    "a condition within the type": Fault(
        LEVEL, "teeth", "When stands within the type, where nothing reads it", "Annotated[the whole type, When(",
        "level_task = Task(", marked('teeth: Annotated[int, When(kind="worm")] | None = None'),
    ),
    "a thread that keeps each command from ending": Fault(
        "manifest", "", "is not a daemon", "daemon=True", "",
        {"plugin": textwrap.dedent(MANIFEST) + THREAD},
    ),
    "a command of click in the place of its name": Fault(
        "hook pfd_register_commands", "", "returned <Command gear>, which is not a Command", "load=", "@hookimpl",
        {"plugin": textwrap.dedent(CLI) + textwrap.dedent(MANIFEST).replace(COMMAND, "gear")},
    ),
    "an async task": Fault(
        LEVEL, "run", "is async, and nobody awaits it", "without async", "async def level(params, ctx):",
        {"tasks": TASKS.replace("def", "async def")},
    ),
    "a task that yields": Fault(
        LEVEL, "run", "is a generator", "ctx.progress()", "def level(params, ctx):",
        {"tasks": TASKS.replace("return", "yield")},
    ),
    "a class for a task": Fault(
        LEVEL, "run", "is a class, and a job calls a function", SIGNATURE, "class level:",
        {"tasks": "class level:\n    pass\n"},
    ),
    "a value for a task": Fault(
        LEVEL, "run", "is int and not a function", "", 'level_task = Task("gear_level_task"', {"tasks": "level = 1\n"},
    ),
    "a misspelt function": Fault(
        LEVEL, "run", "there is no function level in", "did you mean levels?", "level_task = Task(",
        {"tasks": TASKS.replace("level", "levels")},
    ),
    "a misspelt module": Fault(
        LEVEL, "run", "there is no module {package}.task", "did you mean tasks?", "level_task = Task(",
        swapped(".tasks:", ".task:"),
    ),
    "a module of a task that raises": Fault(
        LEVEL, "run", "{package}.tasks raises ZeroDivisionError", "--debug shows the traceback", "1 / 0",
        {"tasks": "def level(params, ctx):\n    1 / 0\nlevel(1, 2)\n"},
    ),
    "a module of a task that exits": Fault(
        LEVEL, "run", "{package}.tasks raises SystemExit: no", "--debug", "raise SystemExit",
        {"tasks": "raise SystemExit('no')"},
    ),
    "a library of a task that is not there": Fault(
        LEVEL, "run", "No module named 'no_such_library'", "install what provides 'no_such_library'", "import no_such",
        {"tasks": "import no_such_library"},
    ),
    "an exception that is not there": Fault(
        LEVEL, "retry_on", "'builtins:OSErorr': there is no class OSErorr", "did you mean OSError",
        "level_task = Task(", swapped("result=Level)", "result=Level, max_attempts=2, retry_on=('builtins:OSErorr',))"),
    ),
    "a preload that is not there": Fault(
        LEVEL, "preload", "no_such_library cannot be imported", "leave it out of 'preload'", "level_task = Task(",
        swapped("result=Level)", "result=Level, preload=('no_such_library',))"), "warn",
    ),
    "a function handed over": Fault(
        "manifest", "",
        "run is the function builtins:print itself, and is to be named: run='builtins:print'", "--debug",
        "level_task = Task(", swapped('"{package}.tasks:level"', "print"),
    ),
    "parameters that are not a model": Fault(
        "manifest", "", "params=<class 'dict'> is not a pydantic model", "--debug", "level_task = Task(",
        swapped("params=Signal", "params=dict"),
    ),
    "a hook that returns one task": Fault(
        TASKS_HOOK, "", "returned one Task, and not a list of Task", "return [...]", "@hookimpl",
        swapped("[level_task]", "level_task"),
    ),
    "a hook that returns nothing": Fault(
        TASKS_HOOK, "", "returned nothing, and not a list of Task", "return a list of Task", "@hookimpl",
        swapped("return [level_task]", "[level_task]"),
    ),
    "a hook that returns names": Fault(
        TASKS_HOOK, "", "returned 'level', which is not a Task", "return a list of Task", "@hookimpl",
        swapped("[level_task]", "('level',)"),
    ),
    "a hook that returns no task": Fault(
        TASKS_HOOK, "", "returns no task", "leave the hook out", "@hookimpl",
        {"plugin": MANIFEST.replace("[level_task]", "[]").replace(VIEW, "")},
        "warn",
    ),
    "a hook that raises": Fault(
        TASKS_HOOK, "", "raises NameError: name 'level' is not defined", "--debug", "return [level]",
        swapped("[level_task]", "[level]"),
    ),
    "a misspelt hook": Fault(
        "hook pfd_register_task", "", "is not a hook", "did you mean pfd_register_tasks?", "@hookimpl",
        {"plugin": MANIFEST + "\n    @hookimpl\n    def pfd_register_task():\n        return []\n"},
    ),
    "a misspelt hook without the mark": Fault(
        "hook pfd_after_jobs", "", "is not a hook, so nobody would call it", "did you mean pfd_after_job?",
        "def pfd_after_jobs",
        {"plugin": MANIFEST + "\n    def pfd_after_jobs(end):\n        pass\n"},
    ),
    "a hook without the mark": Fault(
        "hook pfd_after_job", "", "is not marked with @hookimpl", "write @hookimpl above it", "def pfd_after_job",
        {"plugin": MANIFEST + "\n    def pfd_after_job(end):\n        pass\n"},
    ),
    "a hook with another argument": Fault(
        "hook pfd_after_job", "", "takes (job), and is called with (end)", "def pfd_after_job(end)", "@hookimpl",
        {"plugin": MANIFEST + "\n    @hookimpl\n    def pfd_after_job(job):\n        pass\n"},
    ),
    "no hook at all": Fault("manifest", "", "implements no hook", "pfd_register_tasks", "", {"plugin": "\n"}),
    "a later interface": Fault(
        "manifest", "pfd_api", "wants plugin API 99, this core has 1", "leave it out", "",
        {"plugin": "\npfd_api = 99\n"},
    ),
    "a command whose module is missing": Fault(
        "command gear", "load", "there is no module {package}.clim", "did you mean cli?", "return [Command(",
        swapped(".cli:", ".clim:"),
    ),
    "a command that is not there": Fault(
        "command gear", "load", "there is no command gears in", "did you mean gear?", "return [Command(",
        swapped("cli:gear", "cli:gears"),
    ),
    "a command that is a plain function": Fault(
        "command gear", "load", "is a function and no click command", "@click.command()", "return [Command(",
        {"cli": CLI.replace("@click.command()", "")},
    ),
    "a command that hides a built-in": Fault(
        "command jobs", "name", "is a command of PFD itself", "choose another name", "return [Command(",
        swapped('"gear", load', '"jobs", load'),
    ),
    "a view of an unknown task": Fault(
        "result view gear_levels_task", "task", "there is no task 'gear_levels_task'", "did you mean gear_level_task?",
        "return [ResultView(", swapped('ResultView("gear_level', 'ResultView("gear_levels'),
    ),
    "a view of an unknown field": Fault(
        "result view gear_level_task", "fields", "the result has no field 'rsm'", "did you mean rms?", "",
        swapped('fields=("rms"', 'fields=("rsm"'),
    ),
    "a name of somebody's task": Fault(
        "task add", "name", "is claimed by sample (pfd-sample), too", "choose another name", "level_task = Task(",
        {"plugin": MANIFEST.replace("gear_level_task", "add")},
    ),
    "a reserved name": Fault(
        "task run_tests_task", "name", "is a name reserved for pfd-plugin-testing", "a name of your own",
        "level_task = Task(",
        {"plugin": MANIFEST.replace("gear_level_task", "run_tests_task")},
    ),
    "tables without a module": Fault(
        "records gear", "module", "there is no module {package}.records", "has cli, migrations, plugin, tasks",
        "return [Records(",
        {
            "plugin": MANIFEST + RECORDS.replace(',\n                        files="{package}.records:files"', ""),
            "migrations.__init__": "",
            "migrations.0002_b": REVISION.replace("{revision}", "gear_0002").replace("{down}", "None"),
        },
    ),
    "tables with another head": Fault(
        "records gear", "head", "is 'gear_0002', and the newest revision is 'gear_0001'", "head='gear_0001'",
        "return [Records(",
        {
            "plugin": MANIFEST + RECORDS,
            "records": "def files(session, home):\n    return []\n",
            "migrations.__init__": "",
            "migrations.0001_a": REVISION.replace("{revision}", "gear_0001").replace("{down}", "None"),
        },
    ),
    "a manifest that is not Python": Fault("manifest", "", "SyntaxError", "--debug", "def :", {"plugin": "\ndef :\n"}),
    "a manifest that misses a library": Fault(
        "manifest", "", "No module named 'no_such_library'", "install what provides 'no_such_library'",
        "import no_such", {"plugin": "\nimport no_such_library\n"},
    ),
    "a manifest that exits": Fault(
        "manifest", "", "SystemExit: 3", "--debug", "sys.exit(3)", {"plugin": "import sys\nsys.exit(3)\n"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_found_and_named_with_its_field_its_line_and_what_was_meant(
    pfd: Commands, write: Write, site: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    fault = FAULTS[what]
    if "claimed by sample" in fault.problem:
        monkeypatch.setenv("PFD_PLUGINS", "gear,sample")
    package = write(fault.files)
    [found] = checked(pfd)
    folder = site / package

    def meant(text: str) -> str:
        return text.replace("{package}", package).replace("{folder}", str(folder))

    assert (found["plugin"], found["subject"], found["field"]) == ("gear", fault.subject, fault.what), found
    assert found["level"] == fault.level
    assert meant(fault.problem) in found["problem"]
    assert meant(fault.hint) in found["hint"]
    assert "plugins check" not in found["hint"]
    file, _, line = found["path"].rpartition(":")
    if fault.line:
        assert fault.line in Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1], found
    else:
        assert str(folder) in found["path"]
    assert "trace" not in found


def test_a_finding_is_shown_with_its_subject_its_line_and_its_hint(pfd: Commands, write: Write, site: Path) -> None:
    package = write(FAULTS["a task without ctx"].files)
    shown = pfd("plugins", "check", "gear")
    assert shown.code == 1
    assert shown.lines[0] == "gear: 1 finding"
    assert f"task gear_level_task: run: '{package}.tasks:level' takes (params)" in shown.lines[1]
    assert f"{site / package / 'tasks.py'}:" in shown.lines[2]
    assert SIGNATURE in shown.lines[3]


@pytest.mark.parametrize(
    "result",
    [
        "model_config = ConfigDict(extra='allow')",
        "@computed_field\n        @property\n        def rsm(self) -> int:\n            return 1",
    ],
)
def test_a_view_may_show_what_a_result_computes_or_may_have(pfd: Commands, write: Write, result: str) -> None:
    manifest = MANIFEST.replace('fields=("rms"', 'fields=("rsm"').replace(
        "peak: int = 0", f"peak: int = 0\n        {result}"
    )
    write({"plugin": "from pydantic import ConfigDict, computed_field\n" + textwrap.dedent(manifest)})
    assert checked(pfd) == []


UNUSUAL = {
    "a decorator that gives more": """
        import functools
        def with_seed(function):
            @functools.wraps(function)
            def inner(params, ctx):
                return function(params, ctx, seed=1)
            return inner
        @with_seed
        def level(params, ctx, seed):
            return {}
        """,
    "a decorator that gives less": """
        import functools
        def alone(function):
            @functools.wraps(function)
            def inner(params, ctx):
                return function(params)
            return inner
        @alone
        def level(params):
            return {}
        """,
    "a decorator that changes types": """
        import functools
        def unpacked(function):
            @functools.wraps(function)
            def inner(params, ctx):
                function(len(params.samples), ctx)
                return {}
            return inner
        @unpacked
        def level(number: int, ctx) -> float:
            return 0.5
        """,
    "types for type checkers only": """
        from __future__ import annotations
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from pfd import TaskContext
        def level(params, ctx: TaskContext) -> dict:
            return {}
        """,
    "any arguments": "def level(*args, **kwargs):\n    return {}\n",
    "a partial": "import functools\ndef all(a, params, ctx):\n    return {}\nlevel = functools.partial(all, 1)\n",
    "an object": "class Level:\n    def __call__(self, params, ctx):\n        return {}\nlevel = Level()\n",
    "types of its bases": "from pfd import Params, Result\ndef level(params: Params, ctx) -> Result:\n    return {}\n",
    "a mapping": "def level(params, ctx) -> dict:\n    return {}\n",
    "other names": "def level(_, context):\n    return {}\n",
    "a method": "class Levels:\n    def level(self, params, ctx):\n        return {}\nlevel = Levels().level\n",
}


def test_nothing_is_wrong_with_functions_that_are_unusual(pfd: Commands, write: Write) -> None:
    """They are looked at in one plugin, and after them one function in which something is wrong."""
    functions = [*map(textwrap.dedent, UNUSUAL.values()), FAULTS["an async task"].files["tasks"]]
    task = 'Task("gear_{number}_task", run="{package}.tasks{number}:level", params=Signal, result=Level)'
    tasks = ", ".join(["level_task", *(task.replace("{number}", str(number)) for number in range(len(functions)))])
    write(swapped("[level_task]", f"[{tasks}]") | {f"tasks{number}": code for number, code in enumerate(functions)})
    [found] = checked(pfd)
    assert (found["subject"], found["field"]) == (f"task gear_{len(UNUSUAL)}_task", "run")


def test_all_that_is_wrong_is_found_at_once(pfd: Commands, write: Write) -> None:
    manifest = MANIFEST.replace(".cli:", ".clim:").replace('fields=("rms"', 'fields=("rsm"')
    write({"plugin": manifest, "tasks": TASKS.replace("def", "async def")})
    assert [one["subject"] for one in checked(pfd)] == [LEVEL, "command gear", "result view gear_level_task"]


@pytest.mark.parametrize("way", ["import heavy", "import between", "importlib.import_module('heavy')"])
def test_a_heavy_import_in_the_manifest_is_named_with_its_line_and_its_measured_cost(
    pfd: Commands, write: Write, site: Path, way: str
) -> None:
    """`torch` is a stand-in here that takes 0.3 s; what it imports itself counts as its own."""
    (site / "torch.py").write_text("import time, numpy\ntime.sleep(0.3)\n", encoding="utf-8")
    (site / "numpy.py").write_text("", encoding="utf-8")
    (site / "between.py").write_text("import torch\n", encoding="utf-8")
    write({"plugin": "import importlib\n" + way.replace("heavy", "torch") + "\n" + textwrap.dedent(MANIFEST)})
    [found] = checked(pfd)
    assert (found["subject"], found["level"]) == ("manifest", "warn")
    through = " (through between)" if "between" in way else ""
    before, _, rest = found["problem"].partition(f"imports torch{through}, which takes ")
    assert before == ""
    assert 300 <= int(rest.split()[0]) < 3000
    assert found["path"].endswith("plugin.py:2")
    assert "'preload'" in found["hint"]


def test_a_manifest_that_is_slow_itself_is_named(pfd: Commands, write: Write) -> None:
    write({"plugin": "import time\ntime.sleep(2.1)\n" + textwrap.dedent(MANIFEST)})
    [found] = checked(pfd)
    assert found["problem"].startswith("takes 2.")


ENDS = {
    "exits for good": ("import os; os._exit(7)", "ends the interpreter with exit code 7"),
    "exits for good, and well": ("import os; os._exit(0)", "ends the interpreter with exit code 0"),
    "crashes": ("import ctypes\nctypes.string_at(0)", "ends the interpreter by SIGSEGV"),
    "kills itself": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ends the interpreter by SIGKILL"),
    "hangs": ("import time\nwhile True: time.sleep(1)", "goes on for more than 1 s"),
    "hangs, deaf to all": (
        "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\nwhile True: time.sleep(1)",
        "goes on for more than 1 s",
    ),
    "prints for ever": ("import os\nwhile True: os.write(1, b'x' * 65536)", "goes on for more than 1 s"),
}


@pytest.mark.parametrize("where", ["plugin", "tasks"])
@pytest.mark.parametrize("how", ENDS)
def test_a_plugin_that_ends_or_holds_its_interpreter_is_a_finding_and_the_rest_is_looked_at(
    pfd: Commands, write: Write, how: str, where: str
) -> None:
    code, said = ENDS[how]
    broken = swapped(".cli:", ".clim:") | {where: code}
    package = write(broken)
    began = time.monotonic()
    found = checked(pfd, "--patience", "1")
    assert time.monotonic() - began < 60
    assert found[0]["problem"] == f"importing {package}.{where} {said}", found
    if "crashes" in how or how == "hangs":
        assert found[0]["path"].endswith(f"{where}.py:2")
    assert "the function that a job calls" in found[0]["hint"]
    assert [one["subject"] for one in found[1:]] == ([] if where == "plugin" else ["command gear"])


def test_what_a_plugin_leaves_running_is_ended_with_it(pfd: Commands, write: Write, tmp_path: Path) -> None:
    code = f"""
import subprocess, sys, threading, time
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
threading.Thread(target=time.sleep, args=(600,)).start()
"""
    write({"tasks": code + textwrap.dedent(TASKS)})
    assert checked(pfd) == []
    pid = int((tmp_path / "pid").read_text(encoding="ascii"))
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z":
            return  # its new parent has not waited for it yet
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("it was left")


def test_texts_of_a_plugin_steer_no_terminal(pfd: Commands, write: Write) -> None:
    write({"plugin": "print('\\x1b[2J')\nraise ValueError('a\\x1b]0;PWNED\\x07b\\u202ec')\n"})
    shown = program("plugins", "check", "gear", "--debug")
    assert shown.code == 1
    assert r"ValueError: a\x1b]0;PWNED\x07b\u202ec" in shown.out
    for hidden in ("\x1b", "\x07", "\u202e"):
        assert hidden not in shown.out + shown.err


def test_debug_gives_the_traceback_of_the_plugin_s_own_part(pfd: Commands, write: Write) -> None:
    write({"tasks": "def deep():\n    raise ValueError('deep')\ndeep()\n"})
    [found] = checked(pfd, "--debug")
    lines = found["trace"].splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "tasks.py" in lines[1]
    assert lines[-1] == "ValueError: deep"
    assert "importlib" not in found["trace"]
    shown = pfd("plugins", "check", "gear", "--debug")
    assert "        ValueError: deep" in shown.lines
    assert "--debug" not in shown.out
    assert "        hint: --debug shows the traceback" in pfd("plugins", "check", "gear").lines


def test_plugins_debug_gives_the_traceback_of_a_broken_plugin(pfd: Commands, write: Write) -> None:
    write({"plugin": "def deep():\n    raise ValueError('deep')\ndeep()\n"})
    assert "Traceback" not in pfd("plugins").out
    shown = pfd("plugins", "--debug")
    assert shown.code == 0
    assert "        Traceback (most recent call last):" in shown.lines
    assert "importlib" not in shown.out
    [gear] = [one for one in pfd.json("plugins", "--debug") if one["name"] == "gear"]
    assert gear["trace"].endswith("ValueError: deep\n")


def test_a_plugin_that_lost_tasks_is_not_shown_as_loaded(
    pfd: Commands, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"plugin": MANIFEST.replace("gear_level_task", "run_tests_task")})
    monkeypatch.setenv("PFD_PLUGINS", "gear,sample")
    [line] = [line for line in pfd("plugins").lines if line.startswith("gear ")]
    assert line.split()[1:6] == ["1.2", "partial", "0", "of", "1"]
    shown = pfd("doctor", "--json")
    assert shown.code == 1
    [failed] = [check for check in shown.json if check["status"] == "fail"]
    assert failed["name"] == "plugin gear"
    assert "is partial, 0 of 1 task: task run_tests_task is a name reserved for pfd-plugin-testing" in failed["found"]
    assert "left out of gear: run_tests_task" in pfd("tasks").err


def test_an_unknown_plugin_exits_2_with_the_nearest_name(pfd: Commands, write: Write) -> None:
    write({})
    shown = pfd("plugins", "check", "gaer")
    assert shown.code == 2
    assert shown.err.splitlines() == ["error: there is no plugin 'gaer'", "hint: did you mean gear?"]


def test_without_a_name_all_plugins_that_are_not_disabled_are_looked_at(
    pfd: Commands, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({})
    write(swapped(".cli:", ".clim:"), name="wheel")
    monkeypatch.setenv("PFD_PLUGINS", "gear,wheel")
    found = pfd("plugins", "check", "--json").json
    assert [(one["plugin"], one["subject"], one["field"]) for one in found] == [
        ("gear", LEVEL, "name"),
        ("wheel", "command gear", "load"),
        ("wheel", LEVEL, "name"),
        ("wheel", "command gear", "name"),
    ]
    monkeypatch.setenv("PFD_PLUGINS", "gear")
    assert pfd("plugins", "check").lines == ["gear: nothing is wrong"]


def test_an_entry_point_that_leads_nowhere_is_named(pfd: Commands, write: Write) -> None:
    write({}, value="pfd_no_such_package.plugin")
    [found] = checked(pfd)
    assert "No module named 'pfd_no_such_package'" in found["problem"]
    assert found["hint"] == "correct the entry point gear = 'pfd_no_such_package.plugin' in pyproject.toml"


def test_a_check_works_with_broken_settings_and_says_so(
    pfd: Commands, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({})
    monkeypatch.setenv("PFD_LEASE", "soon")
    shown = pfd("plugins", "check", "gear")
    assert (shown.code, shown.lines) == (0, ["gear: nothing is wrong"])
    assert "lease='soon'" in shown.err


def test_doctor_deep_finds_what_a_check_finds(pfd: Commands, write: Write) -> None:
    write({"tasks": TASKS.replace(", ctx", "")} | swapped('fields=("rms"', 'fields=("rsm"'))
    assert pfd("doctor").code == 0
    shown = pfd("doctor", "--deep", "--json")
    assert shown.code == 1
    failed = {check["name"]: check for check in shown.json if check["status"] == "fail"}
    assert set(failed) == {LEVEL, "result view gear_level_task"}
    assert "takes no 'ctx'" in failed[LEVEL]["found"]
    assert "tasks.py:" in failed[LEVEL]["found"]
    assert SIGNATURE in failed[LEVEL]["mend"]
    [tasks] = [check for check in shown.json if check["name"] == "tasks"]
    assert tasks["found"] == "the code of 0 of 1 loads"


def test_a_check_leaves_no_process_behind_where_it_is_interrupted(write: Write, tmp_path: Path) -> None:
    code = f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    write({"plugin": code})
    running = start("plugins", "check", "gear")
    try:
        until = time.monotonic() + 60
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text(encoding="ascii"):
            assert time.monotonic() < until
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
    finally:
        running.kill()
        running.communicate()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text(encoding="ascii")), 0)

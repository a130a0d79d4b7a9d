"""Every command that a text of the code names is typed, and every parameter, variable and extra that a hint names is
one: a hint that does not work is worse than none."""

from __future__ import annotations

import ast
import contextlib
import importlib.metadata
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pfd import Dispatcher, Hint, ParameterError, load_settings
from pfd.cli.app import cli, run
from pfd.cli.parameters import Assignments
from pfd.pipeline import Pipeline
from pfd.plugins import load_registry
from pfd.setting_tables import variables
from pfd.settings import OTHER_VARIABLES, Settings
from tests.support.command import pfd
from tests.support.workspace import ROOT

SOURCES = sorted(
    path
    for package in (ROOT / "core" / "src", *ROOT.glob("runtimes/*/src"), *ROOT.glob("plugins/*/src"))
    for path in package.rglob("*.py")
)

TINY = {"num_signals_per_fault": 2, "bearings_per_fault": 2, "duration_s": 0.2, "fault_types": ["normal", "ball"]}

BY_ITSELF = ("pfd demo",)
"""Commands that tests of their own run, since they take long."""

NEEDS_MORE = {
    "pfd cancel", "pfd data show", "pfd data split", "pfd job", "pfd logs", "pfd new-plugin", "pfd plugins check",
    "pfd retry", "pfd run",
    "pfd submit", "pfd submit --wait", "pfd tasks show", "pfd watch",
}  # fmt: skip
"""Commands that a text names as such, where it does not know what they are to be given."""

ENDLESS = ("pfd worker",)


def _texts(nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """The texts of a tree, each with what is put into it between braces, as it stands in the code."""
    inner = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            pieces = [
                piece.value if isinstance(piece, ast.Constant) else f"{{{ast.unparse(piece.value)}}}"
                for piece in node.values
                if isinstance(piece, ast.Constant | ast.FormattedValue)
            ]
            yield node.lineno, "".join(map(str, pieces))


def _hints(nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """The texts of a tree that stand where hints are made."""
    for node in nodes:
        places: list[ast.expr] = []
        if (isinstance(node, ast.keyword) and node.arg in ("hint", "mend")) or (
            isinstance(node, ast.Assign) and any("hint" in ast.unparse(target).lower() for target in node.targets)
        ):
            places = [node.value]
        for place in places:
            yield from _texts(list(ast.walk(place)))


TEXTS: list[tuple[str, str]] = []
HINTS: list[tuple[str, str]] = []
for _path in SOURCES:
    # Each process of a run reads all of this: every file is parsed and walked once.
    _nodes = list(ast.walk(ast.parse(_path.read_text(encoding="utf-8"))))
    TEXTS += ((f"{_path.relative_to(ROOT)}:{line}", text) for line, text in _texts(_nodes))
    HINTS += ((f"{_path.relative_to(ROOT)}:{line}", text) for line, text in _hints(_nodes))

COMMANDS = sorted(
    {" ".join(found.split()) for _, text in TEXTS for found in re.findall(r"(?<!\w)'(pfd [a-z][^']*)'", text)}
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hints")


@pytest.fixture(scope="module")
def world(home: Path) -> dict[str, str]:
    """What stands for the names within commands: a job that has ended, one that waits, a run, a schedule, a dataset."""
    file = home / "told.toml"
    file.write_text(f'[steps.made]\ntask = "generate_dataset_task"\nparams = {{ name = "first", {_toml(TINY)} }}\n')
    pfd(home, "run", str(file))
    unfinished = home / "unfinished.toml"
    unfinished.write_text(file.read_text().replace("first", "unfinished"))
    with Dispatcher(load_settings({"home": home}).values) as dispatcher:
        [done] = dispatcher.jobs()
        for cut_off in Pipeline.load(unfinished).submit(dispatcher).handles.values():
            cut_off.revoke()
        waiting = dispatcher.submit("generate_dataset_task", {"name": "later", **TINY})
        dispatcher.schedule("nightly", "0 2 * * *", "generate_dataset_task", {"name": "nightly", **TINY})
        artifact = min(dispatcher.handle(done.id).artifacts)
    return {
        "short": done.id[:8],
        "handle.id[:8]": done.id[:8],
        "job.id[:8]": done.id[:8],
        "self.id[:8]": done.id[:8],
        "error.job_id[:8]": done.id[:8],
        "holder.id[:8]": waiting.id[:8],
        "one.name": "nightly",
        "one.plugin": "data",
        "owner.name": "data",
        "record.name": "data",
        "names": "data",
        "job.queue": "data",
        "": "data",
        "task.name": "generate_dataset_task",
        "self.name": "generate_dataset_task",
        "TASK": "generate_dataset_task",
        "key=value": "name=third",
        "FILE": artifact,
        "DATASET": "first",
        "NAME": "other",
        "id": "first",
        "ID": done.id,
        "ID…": waiting.id,
        "shlex.quote(str(file))": str(unfinished),
    }


@pytest.fixture
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFD_HOME", str(home))
    monkeypatch.chdir(home)


def _toml(params: dict[str, object]) -> str:
    return ", ".join(Hint(Hint.parameter(name, value)).in_pipeline() for name, value in params.items())


def _filled(command: str, world: dict[str, str]) -> str:
    command = command.replace(" …", "").replace("resume %s", "resume {one.name}").replace("%s", "{names}")
    command = re.sub(r"\{([^{}]*)\}", lambda found: world[found[1]], command)
    return " ".join(world.get(word.strip('"'), word) if word != '"0' else word for word in command.split(" "))


@pytest.mark.parametrize("command", [one for one in COMMANDS if not one.startswith(BY_ITSELF)])
@pytest.mark.usefixtures("_at_home")
def test_a_command_that_a_text_names_can_be_typed(
    command: str, world: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(_filled(command, world))[1:]
    if command.startswith(ENDLESS):
        _parse(words)
    else:
        assert run([*words, "--help"] if command in NEEDS_MORE else words) == 0, (words, capsys.readouterr())


@pytest.mark.usefixtures("_at_home", "world")
def test_a_command_that_cannot_be_typed_is_found() -> None:
    assert run(["data", "splitt", "first", "other"]) == 2
    with pytest.raises(click.UsageError, match="No such option"):
        _parse(["worker", "--queue", "data"])


def _parse(words: list[str]) -> None:
    """Have a command look at its options, and no more."""
    with click.Context(cli) as context:
        command = cli.get_command(context, words[0])
        assert command is not None
        command.make_context(words[0], words[1:])


# -- parameters, variables and extras -------------------------------------------------------------------------------

PARAMETERS = sorted(
    (where, path, value)
    for where, text in TEXTS
    for path, value in re.findall(r"\{Hint\.parameter\('([\w.]+)', (.*?)\)\}", text)
)

LIBRARY = {"protocol", "test_value", "leave_out", "fold"}
"""Parameters of a split, whose hints are given as those of the group where a task has raised them."""


@pytest.mark.parametrize(("where", "path", "value"), PARAMETERS)
def test_a_parameter_that_a_hint_names_is_one_of_a_task_of_that_plugin(where: str, path: str, value: str) -> None:
    path = f"split.{path}" if path in LIBRARY else path
    example: object = {"True": True, "False": False}.get(value, 1.0)
    if path.endswith("leave_out"):
        example = ["normal"]
    elif value.startswith("'"):
        example = ast.literal_eval(value)
    pair = Hint(Hint.parameter(path, example)).in_shell()
    known = []
    for task in load_registry(Settings()).tasks.values():
        with contextlib.suppress(ParameterError):
            known.append(Assignments(task).read(shlex.split(pair)))
    assert known, f"{where} names {path}, which no task has"


def test_no_hint_names_a_parameter_as_only_one_surface_reads_it() -> None:
    """`name=value` in the text of a hint is for a shell, `name='value'` for Python: a `Hint.parameter` is for both."""
    for where, text in HINTS:
        bare = re.sub(r"\{Hint\.parameter\(.*?\)\}|`[^`]*`|'(pfd|pip) [^']*'|PFD_\w+=\S*", "", text)
        found = set(re.findall(r"\b([a-z_]+)=", bare)) - PYTHON_ONLY
        assert not found, (where, text)


PYTHON_ONLY = {
    "after",
    "coordinator",
    "daemon",
    "description",
    "head",
    "help",
    "hint",
    "isolation",
    "key",
    "load",
    "names",
    "result",
    "table",
    "time_limit",
}
"""What only authors of plugins and callers in Python can give, and hints to them name."""


def test_each_variable_that_a_text_names_is_a_setting() -> None:
    known = {f"PFD_{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES | {"PFD_NAME"}
    known = known.union(*map(variables, load_registry(Settings()).settings_models().values()))
    for where, text in TEXTS:
        for name in re.findall(r"\bPFD_[A-Z_]+[A-Z]\b", text):
            assert name in known, (where, name)


def test_each_extra_that_a_text_has_installed_is_one() -> None:
    seen = 0
    for where, text in TEXTS:
        for name, extra in re.findall(r"pip install '([a-z-]+)\[([^\]]+)\]'", text):
            extras = importlib.metadata.metadata(name).get_all("Provides-Extra") or []
            assert extra.startswith("{") or extra in extras, (where, name, extra)
            seen += 1
    assert seen > 3

"""Texts of jobs, files and plugins reach no terminal with what would steer it, and are markup to nothing."""

from __future__ import annotations

import ast
import itertools
import json
import logging
import os
import re
import shlex
import shutil
import signal
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tests.support.commands import PFD, Commands, Ran, program, start
from core.tests.support.stores import as_environment, make_settings
from pfd import ArtifactError, Dispatcher, JobHandle, Settings, State
from pfd.artifacts import ArtifactFolder
from pfd.characters import escaped_json, is_shown, one_line, printable
from pfd.cli.logformat import FORMATS, formatter
from pfd.console import ByteStream, echo, print_fields, print_heading, print_json, print_table
from pfd.logs.log_file import log_path
from pfd_sample.tasks import HOSTILE

ROOT = Path(__file__).parents[2]
MARKUP = "[red]x[/red][link=http://e.x]y[/link]:smile:"
OWN = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")
"""What rich writes to a terminal for its colours and lines that are redrawn."""

CLEARS = "\x1b[2J"
"""Which rich does not write, and the hostile text holds."""


def is_clean(text: str, *, terminal: bool = False) -> bool:
    """Whether a text as it was printed holds nothing that steers a terminal, but for what rich itself writes."""
    if terminal:
        if CLEARS in text:
            return False
        text = OWN.sub("", text)
    return all(line == "" or is_shown(line.replace("\t", " ")) for line in text.split("\n"))


TASKS = ("hostile", "misname_hostile", "raise_hostile")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each of these tasks a home with a job of it, run to its end by the command line."""
    homes = {task: tmp_path_factory.mktemp(task) / "home" for task in TASKS}
    for task, home in homes.items():
        ran = program("submit", task, "--wait", **as_environment(make_settings(home)))
        assert is_clean(ran.out + ran.err), ran
    return homes


@pytest.fixture
def task() -> str:
    """The task of the job that has ended, where a test does not say another."""
    return "hostile"


@pytest.fixture
def ended(made: dict[str, Path], task: str, served: Settings, dispatcher: Dispatcher) -> JobHandle:
    """A job that has ended, alone in the store of this test."""
    shutil.copytree(made[task], served.home, dirs_exist_ok=True)
    return dispatcher.handle("@last")


def on_a_terminal(*words: str) -> Ran:
    """What a command shows on a terminal wide enough for every text."""
    command = shlex.join([PFD, *words])
    sizes: Any = os.environ | {"COLUMNS": "600", "LINES": "100"}
    terminal = pexpect.spawn("/bin/sh", ["-c", command], encoding="utf-8", timeout=60, dimensions=(100, 600), env=sizes)
    terminal.expect(pexpect.EOF)
    terminal.close()
    return Ran(terminal.exitstatus or 0, terminal.before or "", "")


COMMANDS = (
    ("job", "{id}"),
    ("job", "{id}", "--traceback"),
    ("jobs",),
    ("logs", "{id}"),
    ("logs", "-f", "{id}"),
    ("watch", "{id}"),
    ("watch", "{id}", "--json"),
    ("job", "{id}", "--json"),
    ("logs", "{id}", "--json"),
    ("jobs", "--json"),
)


@pytest.mark.parametrize("task", TASKS)
def test_no_command_lets_a_job_steer_a_terminal_nor_what_reads_its_pipe(
    pfd: Commands, ended: JobHandle, task: str
) -> None:
    handle = ended
    printed = ""
    for words in [*COMMANDS, ("open", "{id}", "--print")]:
        ran = pfd(*(word.format(id=handle.id) for word in words))
        assert is_clean(ran.out + ran.err), (words, ran)
        printed += ran.out
    assert (MARKUP in printed) == (task != "misname_hostile")


@pytest.mark.slow("seven programs, each on a terminal")
@pytest.mark.parametrize("task", ["hostile", "raise_hostile"])
def test_a_terminal_shows_hostile_texts_and_does_not_obey_them(pfd: Commands, ended: JobHandle, task: str) -> None:
    handle = ended
    for words in [("submit", task, "--wait"), *COMMANDS[:6]]:
        shown = on_a_terminal(*(word.format(id=handle.id) for word in words))
        assert is_clean(shown.out, terminal=True), (words, shown)
        plain = OWN.sub("", shown.out)
        # Of an error its first line is told, which the text itself ends; what failed has printed nothing.
        assert MARKUP in plain or task != "hostile" or words[0] == "watch", (words, plain)


def test_a_log_is_cleaned_where_it_is_cut_and_raw_bytes_are_left_alone(
    pfd: Commands, dispatcher: Dispatcher, ended: JobHandle
) -> None:
    handle = ended
    shown = program("logs", handle.id)
    assert r"\x1b[2J half ä" in shown.out
    written = log_path(dispatcher.settings.home, handle.job).read_bytes()
    assert b"\x1b[2J half \xc3\xa4\n" in written
    raw = pexpect.run(shlex.join(["/bin/sh", "-c", f"{shlex.quote(PFD)} logs --raw {handle.id} | od -An -v -tx1"]))
    assert bytes.fromhex(raw.decode().replace("\r\n", " ")) == written
    assert pfd("logs", "--raw", handle.id, "--json").code == 2


@given(st.lists(st.integers(0, 60), max_size=6))
def test_a_stream_in_pieces_is_printed_like_one_piece(cuts: list[int]) -> None:
    data = "ä\x1b[2J\r\n軸\r 10%\r 20%\n\u202e\U0001f600end".encode() + b"\xff\xc3"
    places = sorted({0, len(data), *(cut for cut in cuts if cut <= len(data))})
    with pytest.MonkeyPatch.context() as patch:
        written: list[str] = []
        patch.setattr("click.echo", lambda text, **_: written.append(text))
        stream = ByteStream()
        for start, end in itertools.pairwise(places):
            stream.write(data[start:end])
        stream.write(b"", final=True)
    assert "".join(written) == "ä\\x1b[2J\n軸\n 10%\n 20%\n\\u202e\U0001f600end\\xff\\xc3"


def test_errors_that_name_what_was_typed_are_clean(pfd: Commands) -> None:
    for words in (
        (HOSTILE,),
        ("job", HOSTILE),
        ("submit", HOSTILE),
        ("submit", "add", f"{HOSTILE}=1"),
        ("submit", "add", f"a={HOSTILE}"),
        ("jobs", "--state", HOSTILE),
        ("jobs", f"--{HOSTILE}"),
        ("jobs", "--limit", HOSTILE),
        ("run", HOSTILE),
        ("schedules", "show", HOSTILE),
        ("tasks", "show", HOSTILE),
        ("logs", HOSTILE),
        ("--home", f"/dev/null/{HOSTILE}", "doctor"),
        ("--debug", "submit", "add", f"a={HOSTILE}"),
        ("--database-url", HOSTILE, "jobs"),
        ("--runtime", HOSTILE, "worker"),
    ):
        ran = pfd(*words)
        assert ran.code, words
        assert is_clean(ran.out + ran.err), (words, ran)


def test_what_was_typed_and_not_found_is_clean(pfd: Commands) -> None:
    ran = pfd("jobs", "--task", f"nap{HOSTILE}", "--tag", HOSTILE)
    assert is_clean(ran.out + ran.err), ran


def test_a_name_with_a_line_end_forges_no_line_of_an_error(pfd: Commands) -> None:
    ran = pfd("job", "x\nerror: forged")
    assert len([line for line in ran.err.splitlines() if line.startswith("error:")]) == 1, ran


def test_the_files_of_a_job_that_cannot_be_named_are_not_published_and_its_log_says_so(
    dispatcher: Dispatcher, ended: JobHandle
) -> None:
    handle = ended
    assert handle.state is State.SUCCESS
    assert [item.name for item in handle.job.artifacts] == ["plots/good.png"]
    log = log_path(dispatcher.settings.home, handle.job).read_text(encoding="utf-8", errors="replace")
    assert r"not published, since its name has characters that are not shown: 'plots/bad\x1b[2J.png'" in log
    assert r"not shown: 'plots/bad\udcff.png'" in log


@pytest.mark.parametrize(
    "name", ["a\x1b[2J", "a\nb", "a\tb", "a\x7f", "a\x9b", "\u202eb.png", "a\u200b", "a\ud800", "a\0"]
)
def test_an_artifact_is_not_named_in_characters_that_are_not_shown(tmp_path: Path, name: str) -> None:
    folder = ArtifactFolder(tmp_path, "6b1c7e0a-6f0a-4f0e-9d55-2f1f4a7c9d11", 2)
    (folder.job_folder / "1").mkdir(parents=True)
    for ask in (folder.file, folder.checkpoint):
        with pytest.raises(ArtifactError) as caught:
            ask(name)
        assert is_shown(str(caught.value)), caught.value
        assert ascii(name)[1:-1] in str(caught.value)
    assert folder.file("Prüfstand 7/軸承 – Übersicht.png").parent.is_dir()


def test_json_means_what_it_meant_and_holds_nothing_that_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    value = {HOSTILE: ["\x00\x1f\x7f\x80\x9f\u2028\u2029\u202e\u2066\u200b\ufeff\U000e0041", "ä軸\U0001f600", "\ud800"]}
    print_json(value)
    printed = capsys.readouterr().out
    assert is_clean(printed), printed
    assert json.loads(printed) == value
    assert "ä軸\U0001f600" in printed
    print_json(value, indent=None)
    assert capsys.readouterr().out.count("\n") == 1


@given(st.text())
def test_any_text_is_the_same_in_cleaned_json(text: str) -> None:
    assert json.loads(escaped_json(json.dumps(text, ensure_ascii=False))) == text


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_shown_once_it_is_cleaned(text: str) -> None:
    assert is_shown(one_line(text))
    assert printable(printable(text)) == printable(text)
    assert printable(text).count("\n") == text.count("\n")
    printable(text).encode()


def test_what_unicode_calls_control_format_surrogate_or_separator_is_not_shown() -> None:
    classes = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    unshown = [char for char in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(char) in classes]
    assert [char for char in unshown if printable(char) == char] == ["\t", "\n"]
    assert [char for char in "\u115f\u3164\uffa0\u034f" if is_shown(char)] == []  # other classes, and no shape
    assert is_shown("Außenring № 7, 軸承, \u00a0, \U0001f600, é, e\u0301, \ue0b0")


def test_tables_fields_and_headings_keep_a_foreign_text_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    words = "Lager\u00a0№ 7, Außenring, 軸承"
    print_table(("name", HOSTILE), [(HOSTILE, "a\nb"), (words, None)])
    print_fields({HOSTILE: HOSTILE, "b": "x\ny"})
    print_heading(f"{HOSTILE}\nsecond")
    echo(f"{HOSTILE}\nsecond line\tof ours")
    printed = capsys.readouterr().out
    assert is_clean(printed), printed
    assert len(printed.splitlines()) == 3 + 2 + 2 + 2
    assert "second line\tof ours" in printed
    assert words in printed


@pytest.mark.parametrize("name", FORMATS)
def test_a_line_in_the_log_of_a_worker_is_one_line_and_clean(name: str) -> None:
    record = logging.LogRecord("pfd", logging.WARNING, "", 1, "job of %s", (f"{HOSTILE}\n12:00 forged \ud800",), None)
    line = formatter(name).format(record)
    assert is_clean(line), line
    assert "\n" not in line
    line.encode()
    if name == "json":
        assert json.loads(line)["message"].endswith("forged \ud800")


@pytest.mark.parametrize("name", FORMATS)
def test_a_traceback_in_the_log_of_a_worker_is_clean(name: str) -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        info: Any = (type(error), error, error.__traceback__)
    record = logging.LogRecord("pfd", logging.ERROR, "", 1, "it failed", (), info)
    logging.Formatter().format(record)  # of another handler, which leaves its text of the traceback in the record
    assert is_clean(formatter(name).format(record))


def test_what_is_logged_without_a_handler_is_clean(pfd: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    pfd("jobs")
    assert logging.lastResort is not None
    assert is_clean(logging.lastResort.format(logging.LogRecord("pfd", 30, "", 1, HOSTILE, (), None)))


@pytest.mark.parametrize("task", ["raise_hostile"])
def test_a_handle_shows_hostile_texts_in_a_notebook_and_does_not_obey_them(
    dispatcher: Dispatcher, pfd: Commands, ended: JobHandle, task: str
) -> None:
    from pfd.client.display import handle_html, handle_text

    job = ended.job
    shown = handle_html(job)
    assert is_clean(shown)
    assert is_clean(handle_text(job))
    assert is_clean(repr(dispatcher.handle(job.id)))


def test_words_for_a_shell_to_complete_are_clean(dispatcher: Dispatcher) -> None:
    dispatcher.submit("add", {"a": 1}, tags=("good", f"go{HOSTILE}"))
    asked = {"_PFD_COMPLETE": "zsh_complete", "COMP_WORDS": "pfd jobs --tag go", "COMP_CWORD": "3"}
    ran = program(**asked)
    assert is_clean(ran.out), ran
    assert ran.out.splitlines()[:2] == ["plain", "good"]


@pytest.mark.slow("nine programs, since plugins are found once in each")
def test_a_plugin_that_is_broken_says_why_without_steering_the_terminal(
    served: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pfd_evil.py").write_text(f"raise ImportError({HOSTILE + chr(10) + 'warning: forged'!a})\n")
    about = tmp_path / "evil-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[pfd.plugins]\nevil = pfd_evil\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    for words in (
        ("plugins",),
        ("plugins", "--json"),
        ("doctor",),
        ("doctor", "--json"),
        ("tasks",),
        ("evil",),
        ("plugins", "--debug"),
        ("plugins", "check", "evil", "--debug"),
    ):
        ran = program(*words, PFD_PLUGINS="evil")
        assert is_clean(ran.out + ran.err), (words, ran)
        assert "\nwarning: forged" not in ran.out + ran.err
    assert r"ImportError: a\x1b]0;PWNED\x07" in program("plugins", PFD_PLUGINS="evil").out


@pytest.mark.slow("five programs, since plugins are found once in each")
@pytest.mark.parametrize("name", ["noun", f"noun{HOSTILE}"])
def test_the_help_of_a_plugins_noun_does_not_steer_the_terminal(
    served: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "pfd_noun.py").write_text(
        f"""
from pfd import Command, hookimpl

@hookimpl
def pfd_register_commands():
    return [Command({name!a}, "pfd_noun:missing", {HOSTILE!a})]
"""
    )
    about = tmp_path / "noun-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: noun\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[pfd.plugins]\nnoun = pfd_noun\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    for words in ((), ("--help",), (name,), ("plugins",), ("plugins", "check", "noun")):
        ran = program(*words, PFD_PLUGINS="noun")
        assert is_clean(ran.out + ran.err), (words, ran)
        if words in ((), ("--help",)):
            assert ("  noun " in ran.out) == (name == "noun"), ran  # one that is called like the other is refused


@pytest.mark.parametrize("name", FORMATS)
def test_a_worker_that_runs_hostile_jobs_logs_clean_lines(dispatcher: Dispatcher, name: str) -> None:
    process = start("worker", "--log-format", name)
    try:
        for task in ("raise_hostile", "misname_hostile", "hostile"):
            dispatcher.submit(task, {}).wait(60)
    finally:
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=60)
    assert is_clean(printed), printed
    assert "PWNED" in printed


def modules_of_commands() -> list[Path]:
    return [
        *(ROOT / "core/src/pfd/cli").rglob("*.py"),
        *(path for path in (ROOT / "plugins").glob("*/src/*/cli/**/*.py")),
        *(path for path in (ROOT / "plugins").glob("*/src/*/cli.py")),
    ]


def test_commands_print_through_the_console_alone() -> None:
    """`ruff` holds it for click and rich, and everywhere; here `print` and the streams, where commands are."""
    banned = {"print", "click.echo", "click.secho", "click.echo_via_pager", "sys.stdout.write", "sys.stderr.write"}
    found = []
    for path in modules_of_commands():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in banned:
                found += [f"{path.relative_to(ROOT)}:{node.lineno}"]
    assert len(modules_of_commands()) > 30
    assert found == []

"""Standard output holds the answer and nothing else, whatever plugins print and however the streams were opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.tests.support.commands import PFD, Commands, Ran, program
from pfd import Settings

NOISY = """
import os, subprocess, sys
from pfd import Command, hookimpl

def shout(where):
    print("NOISE of Python", where)
    os.write(1, b"NOISE of C\\n")
    subprocess.run([sys.executable, "-S", "-c", "print('NOISE of a child')"], check=True)

shout("on import")

@hookimpl
def pfd_register_tasks():
    print("NOISE at registration")
    return []

@hookimpl
def pfd_register_commands():
    return [Command("answer", load="noisy:answer", help="prints with what it likes")]

@hookimpl
def pfd_job_event(event):
    print("NOISE of an event")

import click

@click.command()
def answer():
    print("one")
    click.echo("two")
"""


@pytest.fixture
def noisy(tmp_path: Path) -> dict[str, str]:
    """Variables with which a program finds a plugin that prints whenever it is called."""
    site = tmp_path / "site"
    info = site / "noisy-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "noisy.py").write_text(NOISY, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: noisy\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[pfd.plugins]\nnoisy = noisy\n", encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(site), os.environ["PYTHONPATH"]]), "PFD_PLUGINS": "sample,noisy"}


def shell(line: str, *words: str) -> Ran:
    """Run `pfd` as a line of the shell has it, in which it is `"$@"`."""
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}", "bash", PFD, *words], capture_output=True, text=True, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_what_a_plugin_prints_does_not_get_into_an_answer(served: Settings, noisy: dict[str, str]) -> None:
    done = program("submit", "add", "a=1", "--json", **noisy)
    assert done.json["task"] == "add", done
    for what in ("of Python", "of C", "of a child", "at registration", "of an event"):
        assert f"NOISE {what}" in done.err


def test_a_command_of_a_plugin_prints_as_it_likes(served: Settings, noisy: dict[str, str]) -> None:
    assert program("answer", **noisy).lines == ["one", "two"]


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_nothing_in_what_is_done(pfd: Commands, closed: str) -> None:
    done = shell(f'"$@" {closed}', "submit", "add", "a=1")
    assert (done.code, "error" in done.err) == (0, False), done
    assert len(pfd.json("jobs")) == 1


def test_a_reader_that_leaves_ends_the_command_quietly(served: Settings) -> None:
    assert shell('"$@" | true', "tasks", "--json") == Ran(0, "", "")
    assert shell('"$@" 2>&1 | true', "no-such-command").code == 2


def test_what_an_encoding_lacks_is_replaced(pfd: Commands) -> None:
    job = pfd("submit", "add", "a=1", "--tag", "1…2→日").out.strip()
    done = program("job", job, PYTHONIOENCODING="latin-1")
    assert (done.code, "1...2->\\u65e5" in done.out) == (0, True), done
    assert program("job", job, "--json", PYTHONIOENCODING="ascii").json["tags"] == ["1…2→日"]


def test_it_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "pfd", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[0]) == (0, "pfd")


def test_a_task_prints_what_it_likes_whatever_the_terminal_of_its_owner_can_show(pfd: Commands) -> None:
    done = program("submit", "hostile", "--wait", PYTHONIOENCODING="latin-1")
    assert done.code == 0, done
    [job] = pfd.json("jobs")
    assert pfd("logs", job["id"]).out.startswith("a\\x1b]0;PWNED")


def test_a_connection_that_breaks_is_no_reader_that_has_left(pfd_home: Path) -> None:
    code = (
        "import errno, sys, pfd.client.dispatcher as d\n"
        "def broken(*_, **__): raise BrokenPipeError(errno.EPIPE, 'Broken pipe')\n"
        "d.Dispatcher.jobs = broken\n"
        "from pfd.cli import main\n"
        "sys.argv = ['pfd', 'jobs']\n"
        "sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "a connection was closed" in done.stderr

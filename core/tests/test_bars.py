"""Bars of commands: seen on a terminal, a line now and then in a pipe, nothing beside JSON."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from typing import Any

import pexpect
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pfd.characters import is_shown
from pfd.console import ProgressBar, progress_bar

HOSTILE = "\x1b[2J[red]x[/red]\r\u202e\nnext"

CODE = """
    import sys, time
    from pfd.console import echo, print_table, progress_bar

    with progress_bar({name!r}, {total}) as bar:
        for number in range(4):
            bar.advance(status={status!r})
            time.sleep(0.3)
        bar.say({status!r})
        {last}
    print_table(("a",), [("the answer",)])
"""


def on_a_terminal(width: int = 100, *, last: str = "", total: object = 8, status: str = "rec 1") -> str:
    """What a program with a bar writes to a terminal."""
    code = textwrap.dedent(CODE.format(name="reading", total=total, status=status, last=last))
    environ = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    program = pexpect.spawn(
        sys.executable,
        ["-c", code],
        encoding="utf-8",
        dimensions=(24, width),
        timeout=60,
        env=environ | {"TERM": "xterm"},
    )
    program.expect(pexpect.EOF)
    return str(program.before)


def screen(written: str) -> list[str]:
    """The lines that are left of what was written: lines that are cleared are gone."""
    lines = [""]
    for part in re.split(r"(\x1b\[\d*[A-Za-z]|\x1b\[\?\d+[a-z]|\r\n|\r)", re.sub(r"\x1b\[[\d;]*m", "", written)):
        if part == "\r\n":
            lines.append("")
        elif part == "\x1b[2K":
            lines[-1] = ""
        elif re.fullmatch(r"\x1b\[\d*A", part):
            lines.pop()
        elif part and not part.startswith("\x1b") and part != "\r":
            lines[-1] += part
    return [line.rstrip() for line in lines if line.strip()]


def test_on_a_terminal_it_is_redrawn_and_gone_before_the_answer() -> None:
    written = on_a_terminal()
    assert "reading" in written
    assert re.search(r"50%.*4 of 8", written)
    assert "━" in written
    assert screen(written) == ["rec 1", "A", "the answer"]


def test_a_narrow_terminal_has_the_numbers_and_no_bar() -> None:
    written = on_a_terminal(30)
    assert "━" not in written
    assert re.search(r"50%.*4 of 8", written)


def test_without_a_total_it_says_what_is_done() -> None:
    written = on_a_terminal(total=None)
    assert "%" not in written
    assert re.search(r"reading.*━.*4", written)


def test_foreign_texts_steer_no_terminal_and_are_no_markup() -> None:
    written = on_a_terminal(status=HOSTILE)
    assert "\x1b[2J" not in written
    assert "\u202e" not in written
    assert r"\x1b[2J[red]x[/red]" in written


def test_what_breaks_it_off_leaves_no_bar_behind() -> None:
    for last, told in (("raise KeyboardInterrupt", "KeyboardInterrupt"), ("raise ValueError(1)", "ValueError: 1")):
        left = screen(on_a_terminal(last=last))
        assert left[-1].startswith(told)
        assert not any("of 8" in line for line in left)


def test_in_a_pipe_it_is_a_line_now_and_then_on_standard_error(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with progress_bar("reading", 3) as bar:
        for _ in range(3):
            bar.advance(status="rec")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("pfd.bars.LINE_EVERY", 0.0)
    with progress_bar("reading", 3) as bar:
        bar.advance(2, "rec 2")
        bar.say("one is odd")
        bar.advance()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == ["reading  67%  2 of 3  rec 2", "one is odd", "reading  100%  3 of 3"]


def test_beside_json_it_says_nothing(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pfd.bars.LINE_EVERY", 0.0)
    with progress_bar("reading", 3, quiet=True) as bar:
        bar.advance()
        bar.say("one is odd")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("total", "done", "share"),
    [(4, 1, 0.25), (4, 9, 1.0), (4, -1, 0.0), (0, 0, 1.0), (None, 3, None), (4, float("nan"), 0.0)],
)
def test_its_share_is_one_of_0_to_1_whatever_was_done(total: float | None, done: float, share: float | None) -> None:
    bar = ProgressBar("reading", total)
    bar.advance(done)
    assert bar.share == share


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=20), status=st.text(max_size=20), total=st.none() | st.floats(0, 1e300))
def test_whatever_it_is_called_a_line_stays_one_line_that_is_shown(
    capsys: Any, monkeypatch: pytest.MonkeyPatch, name: str, status: str, total: float | None
) -> None:
    monkeypatch.setattr("pfd.bars.LINE_EVERY", 0.0)
    capsys.readouterr()
    with progress_bar(name, total) as bar:
        bar.advance(1, status)
    told = capsys.readouterr().err
    assert told.endswith("\n")
    assert is_shown(told[:-1])

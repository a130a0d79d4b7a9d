"""Results on terminals of several widths and in a pipe."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.jobs import JOB
from pfd import Job, State
from pfd.cli.live import open_display
from pfd.cli.outcome import apart, brief, show_lines, show_rows, where
from pfd.cli.output import counted, short_value
from pfd.console import one_line

REASON = "the recording ends after 0.4 s, and a window of 2048 samples at 12 kHz with a hop of one half needs more"
STAMP = "split by bearing: 14 bearings train, 3 bearings validation, 4 bearings test; selection among 120 features"
WIDE: dict[str, Any] = {f"a_score_with_a_name_{i}": i / 7 for i in range(8)} | {"stamp": STAMP}


def on_terminal(width: int, show: Callable[[Any], None], value: Any) -> list[str]:
    """The lines that a function of this module prints on a terminal of a width, without its colours."""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    code = f"import json, sys; from {__name__} import *; {show.__name__}(json.loads(sys.argv[1]))"
    env = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(value)],
        stdin=other,
        stdout=other,
        stderr=other,
        env=env | {"TERM": "xterm"},
        cwd=Path(__file__).parents[2],
    ) as process:
        os.close(other)
        text = b""
        while part := _read(main):
            text += part
    os.close(main)
    assert process.returncode == 0, text.decode()
    return [line.rstrip() for line in re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", text.decode()).splitlines()]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other side is closed
        return b""


def show_job(changed: dict[str, Any]) -> None:
    job: Job = replace(JOB, **changed | {"state": State(changed.get("state", JOB.state))})
    with open_display() as display:
        display.show({f"{job.task} {job.id[:8]}": job})


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_reason_is_folded_at_words_into_the_width_that_is_left(width: int) -> None:
    head, *lines = on_terminal(width, show_rows, [{"file": "97.mat", "reason": REASON}])
    assert head.split() == ["FILE", "REASON"]
    assert max(map(len, lines)) <= width
    assert all(len(line) + 1 + len(after.split()[0]) > width - 2 for line, after in itertools.pairwise(lines))
    assert " ".join(" ".join(lines).split()) == f"97.mat {REASON}"


def test_a_reason_is_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"file": "97.mat", "reason": REASON}])
    assert capsys.readouterr().out.splitlines()[1] == f"97.mat  {REASON}"


def test_a_table_of_too_many_columns_is_shown_one_object_below_the_other() -> None:
    lines = on_terminal(80, show_rows, [WIDE, WIDE])
    assert [line.split()[0] for line in lines[:8]] == list(WIDE)[:8]
    assert lines.count("") == 1
    assert " ".join(" ".join(lines[8 : lines.index("")]).split()) == f"stamp {STAMP}"
    head, *rows = on_terminal(320, show_rows, [WIDE, WIDE])
    assert head.split() == [name.upper() for name in WIDE]
    assert len(rows) == 2


def test_a_text_of_a_result_is_whole() -> None:
    assert brief(STAMP) == STAMP


def test_a_short_list_is_shown_and_a_long_one_says_how_long_it_is() -> None:
    assert brief([0.25, 1.0, None]) == "0.25, 1.0, –"
    assert brief([{"name": "ball", "auroc": 0.5}, {"name": "cage", "auroc": 1.0}]) == (
        "name ball, auroc 0.5; name cage, auroc 1.0"
    )
    assert brief(list(range(1000))).startswith("0, 1, 2")
    assert brief(list(range(1000))).endswith(", … (1000 entries)")
    assert brief(["x" * 200]) == "1 entry"
    assert brief([]) == "–"
    assert len(brief(list(range(1000)), 30)) <= 30


def test_a_mapping_of_numbers_is_a_column_for_each_of_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(
        [
            {"name": "rms", "scores": {"forest": 0.5, "shap": None}, "n": {"train": 3}, "other": {"train": 1}},
            {"name": "peak", "scores": {"forest": 0.25}, "n": {"train": 4}, "other": None},
        ]
    )
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["NAME", "FOREST", "SHAP", "N.TRAIN", "OTHER.TRAIN"],
        ["rms", "0.5", "–", "3", "1"],
        ["peak", "0.25", "–", "4", "–"],
    ]


def test_a_table_within_the_objects_of_a_table_comes_below(capsys: pytest.CaptureFixture[str]) -> None:
    classes = [{"name": "ball", "auroc": 0.5}, {"name": "cage", "auroc": None}]
    show_rows([{"id": 1, "classes": classes, "note": "a"}, {"id": 2, "classes": [], "note": "b"}])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["ID", "NOTE"],
        ["1", "a"],
        ["2", "b"],
        [],
        ["classes", "of", "id", "1"],
        ["NAME", "AUROC"],
        ["ball", "0.5"],
        ["cage", "–"],
    ]
    show_rows([{"classes": classes}])
    assert capsys.readouterr().out.splitlines()[0] == "CLASSES"


def test_a_mapping_of_texts_or_of_many_numbers_stays_one_column(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"words": {"a": "x"}, "many": {str(i): i for i in range(7)}, "none": None}])
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["WORDS", "MANY", "NONE"]
    assert row.split("  ")[0] == "a x"
    assert "6 6" in row


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (0.0, "0.0"),
        (-3.0, "-3.0"),
        (100.04, "100.0"),
        (2 / 3, "0.6667"),
        (1797.3, "1797"),
        (12000.0, "12000"),
        (1234567.8, "1234568"),
        (1e-7, "1e-07"),
        (3e20, "3e+20"),
        (float("inf"), "inf"),
        (7, "7"),
        (True, "true"),
    ],
)
def test_a_number_is_plain_text_that_a_program_and_a_terminal_can_read(value: object, text: str) -> None:
    assert short_value(value) == text
    assert one_line(text) == text


def test_one_of_a_thing_is_not_many() -> None:
    assert [counted(n, "bearing") for n in (0, 1, 2)] == ["0 bearings", "1 bearing", "2 bearings"]
    assert [counted(n, "entry", "entries") for n in (1, 2)] == ["1 entry", "2 entries"]


def test_files_are_listed_and_of_many_their_folder_is_named() -> None:
    paths = [Path(f"/home/a/1/csv/{i:03}.csv") for i in range(60)] + [Path("/home/a/1/dataset.npz")]
    assert where(paths[:2]) == ["file: /home/a/1/csv/000.csv", "file: /home/a/1/csv/001.csv"]
    assert where(paths) == ["files: 61 in /home/a/1"]
    assert where([]) == []


def test_the_bar_gives_way_to_the_status_on_a_narrow_terminal() -> None:
    status = "Growing trees: 120 of 200"
    changed = {"task": "train_model_task", "status": status}
    for width, bar in ((120, 24), (100, 19), (80, 0)):
        line = next(line for line in on_terminal(width, show_job, changed) if "PROGRESS" in line)
        assert status in line
        assert sum(line.count(mark) for mark in "━╸╺") == bar


def test_a_job_that_has_ended_has_a_whole_bar() -> None:
    lines = on_terminal(120, show_job, {"state": State.SUCCESS, "status": ""})
    assert any("━" * 24 in line for line in lines)


CAUTION = "forest (experiment 3): one test bearing for 'inner_race': another deal of the bearings may score differently"


def test_sentences_of_a_result_and_of_its_rows_are_taken_apart_and_each_comes_once() -> None:
    rows = [{"id": 1, "cautions": [CAUTION, "b"]}, {"id": 2, "cautions": ["b", "c"]}]
    result = {"cautions": ["a"], "models": rows, "classes": ["normal", "ball"], "n": {"train": 1}}
    left, lines = apart(result, ("cautions",))
    assert lines == {"cautions": ["a", CAUTION, "b", "c"]}
    assert left == {"models": [{"id": 1}, {"id": 2}], "classes": ["normal", "ball"], "n": {"train": 1}}
    assert apart(result, ()) == (result, {})
    assert apart({"cautions": [], "n": 1}, ("cautions",)) == ({"n": 1}, {})
    assert apart({"cautions": None, "n": 1}, ("cautions",)) == ({"cautions": None, "n": 1}, {})


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_sentence_is_whole_and_folded_at_words(width: int) -> None:
    empty, head, *lines = on_terminal(width, show_lines, {"cautions": [CAUTION, "short"]})
    assert (empty, head) == ("", "cautions")
    assert max(map(len, lines)) <= width
    assert " ".join(line.strip() for line in lines) == f"{CAUTION} short"
    assert lines[-1] == "short"


def test_a_sentence_is_one_line_in_a_pipe_and_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_lines({"cautions": [CAUTION, "red\x1b[31m\nand two lines"]})
    assert capsys.readouterr().out.splitlines() == ["", "cautions", CAUTION, "red\\x1b[31m and two lines"]

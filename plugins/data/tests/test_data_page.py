"""The page of documentation on datasets says what can be done."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from pfd_plugin_data import generate_dataset_task
from pfd_plugin_data.cli import data

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "work-with-datasets.md"


def test_the_commands_and_the_example_of_the_page_run(
    pfd_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pfd_home
    generate_dataset_task.delay({"name": "bench", "num_signals_per_fault": 3, "duration_s": 1.0}).get()
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    commands = re.findall(r"^    pfd data (.*)$", text, flags=re.MULTILINE)
    assert len(commands) == 10
    for command in commands:
        outcome = CliRunner().invoke(data, shlex.split(command, comments=True))
        assert outcome.exit_code == 0, (command, outcome.output, outcome.exception)
    assert {path.name for path in tmp_path.iterdir()} >= {"ball.png", "card.json", "out"}
    (example,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    exec(compile(example, str(PAGE), "exec"), {})

"""What `docs/how-to/generate-recordings.md` says is true: its commands run, and its program reads what they made."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import pfd
from tests.support.workspace import ROOT

pytestmark = pytest.mark.slow("six commands of the page run their jobs")


def test_each_command_of_the_page_makes_a_dataset_that_its_program_reads(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "generate-recordings.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    pfd (submit .*)$", page, flags=re.MULTILINE)
    assert len(commands) == 6
    home = tmp_path / "home"
    for command in commands:
        assert "dataset_id" in pfd(home, *shlex.split(command))
    [example] = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    printed = subprocess.check_output(
        [sys.executable, "-c", example], env=os.environ | {"PFD_HOME": str(home)}, text=True
    )
    lines = printed.splitlines()
    assert len(lines) == 18
    assert sum(line.startswith("inner_race+ball [5.4152") for line in lines) == 6

"""The `pfd` command of the environment that the tests run in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def pfd(home: Path, *arguments: str) -> str:
    """What a command prints, with `home` as PFD_HOME.  Fails where it exits with another code than 0."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pfd")), *arguments],
        env=os.environ | {"PFD_HOME": str(home), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

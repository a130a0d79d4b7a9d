"""The suite judges: it passes the embedded runtime, and fails one that does not do what it says."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

CONFTEST = """
    import pytest

    from pfd_contract import *
    from pfd_contract import LocalSite, contract_settings
    import sys

    class DeadSite(LocalSite):
        def worker_command(self, slots):
            return [sys.executable, "-c", "raise SystemExit(3)"]

    @pytest.fixture(scope="session")
    def contract_sites():
        return lambda folder, **settings: SITE(contract_settings(folder / "home", **settings))
"""
ONE = "test_a_job_is_stored_whether_or_not_anybody_hears_the_ring"


def _judge(folder: Path, site: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(textwrap.dedent(CONFTEST).replace("SITE", site), encoding="utf-8")
    (folder / "test_runtime.py").write_text("from pfd_contract.suite import TestClaims\n", encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PFD_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:dash", "-p", "no:cacheprovider", "-k", ONE]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow("a run of pytest, and a worker in it")
def test_it_passes_the_embedded_runtime(tmp_path: Path) -> None:
    done = _judge(tmp_path, "LocalSite")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.slow("a run of pytest, and a worker in it")
def test_it_fails_a_runtime_whose_worker_does_not_serve(tmp_path: Path) -> None:
    done = _judge(tmp_path, "DeadSite")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout or "1 error" in done.stdout

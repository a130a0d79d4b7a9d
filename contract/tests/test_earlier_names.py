"""A `conftest.py` that was written for the version before takes the same suite."""

from __future__ import annotations

import subprocess
import sys

NAMES = """
from pfd.testing.contract import *
from pfd.testing.contract import Site, contract_settings
from pfd.testing.contract.suite import *
from pfd.testing.contract.processes import tree
from pfd.testing.contract.site import LocalSite
from pfd.testing.contract.suite.fence import TestFence
import pfd_contract, pfd_contract.suite
assert Site is pfd_contract.Site and crew is pfd_contract.crew
assert LocalSite is pfd_contract.LocalSite and TestFence is pfd_contract.suite.TestFence
assert TestClaims is pfd_contract.suite.TestClaims and TestTrouble is pfd_contract.suite.TestTrouble
"""


def test_what_was_in_the_core_is_found_there_with_a_warning() -> None:
    done = subprocess.run([sys.executable, "-W", "always", "-c", NAMES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "DeprecationWarning: pfd.testing.contract is called pfd_contract" in done.stderr

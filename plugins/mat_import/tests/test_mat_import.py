from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "scipy", "h5py", "pandas", "sklearn", "torch", "sqlalchemy", "matplotlib")


@pytest.mark.parametrize("module", ["pfd_plugin_mat_import", "pfd_plugin_mat_import.plugin"])
def test_listing_the_plugin_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

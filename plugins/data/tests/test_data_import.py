from __future__ import annotations

import subprocess
import sys

import pytest

import pfd_plugin_data

HEAVY = ("numpy", "scipy", "h5py", "pandas", "sklearn", "torch", "sqlalchemy", "matplotlib")


@pytest.mark.parametrize("module", ["pfd_plugin_data", "pfd_plugin_data.plugin", "pfd_plugin_data.params"])
def test_listing_the_plugin_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_public_name_can_be_had() -> None:
    for name in pfd_plugin_data.__all__:
        assert getattr(pfd_plugin_data, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = pfd_plugin_data.absent

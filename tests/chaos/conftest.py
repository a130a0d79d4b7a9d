"""Sites whose servers are a test's own to restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfd_contract import *  # noqa: F403  (its fixtures)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In full these take minutes, and on a busy machine many."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(1800))
            item.add_marker(pytest.mark.slow("kills a worker every second, and the servers between", first=True))

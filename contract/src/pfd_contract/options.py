"""A pytest plugin, loaded by itself where the suite is installed: how long its tests run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--contract-full`."""
    parser.addoption(
        "--contract-full",
        action="store_true",
        help="run the contract suite of pfd at full length: minutes rather than seconds for its longest tests",
    )

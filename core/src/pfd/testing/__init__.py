"""For tests: a pytest plugin, loaded by itself where `pfd-core` is installed.

`pfd_home` and `pfd_settings` are for the tests of plugins:

def test_it_adds(pfd_home):
    assert Dispatcher().submit("add", {"a": 1, "b": 2}).get() == {"value": 3}

`pfd_contract` is the suite that every runtime has to pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfd.lazy import lazy_names

if TYPE_CHECKING:
    from pfd.testing.fixtures import pfd_home, pfd_settings

__all__ = ["pfd_home", "pfd_settings"]


# Late: workers that run the tasks of the contract load this package as well, and have no use for pytest.
_FIXTURES = ("pfd_home", "pfd_settings")

__getattr__ = lazy_names(__name__, {"fixtures": _FIXTURES})


def __dir__() -> list[str]:
    return sorted({*globals(), *_FIXTURES})  # pytest looks for fixtures among these

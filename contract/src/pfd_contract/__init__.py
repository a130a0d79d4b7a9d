"""The contract of DESIGN section 3 as tests, for the runtimes of third parties as well.

A runtime's `conftest.py` takes the fixtures from here and says what a site of its own is; a test module takes the tests
from `pfd_contract.suite`.  `docs/how-to/test-a-runtime.md` shows both, and which test holds which line.
"""

import pytest

# Before they are loaded, so that a failed assertion shows its values.
pytest.register_assert_rewrite(
    *(f"pfd_contract.{module}" for module in ("processes", "programs", "site", "suite", "waiting"))
)

from pfd_contract.fixtures import (  # noqa: E402
    calm_site,
    contract_full,
    contract_plugins,
    crew,
    pair,
    site,
    solo,
)
from pfd_contract.plugins import write_plugins  # noqa: E402
from pfd_contract.site import SHORT, LocalSite, MakeSite, Site, contract_settings  # noqa: E402
from pfd_contract.waiting import PATIENCE, until  # noqa: E402

__all__ = [
    # What a site is.
    "LocalSite",
    "MakeSite",
    "SHORT",
    "Site",
    "contract_settings",
    # Fixtures; `contract_sites`, of type `MakeSite`, is the one that a runtime adds.
    "calm_site",
    "contract_full",
    "contract_plugins",
    "crew",
    "pair",
    "site",
    "solo",
    # For further tests of one's own.
    "PATIENCE",
    "until",
    "write_plugins",
]

"""The contract suite under its earlier name: what is imported from here, and from below, is `pfd_contract`."""

import importlib
import pkgutil
import sys

from pfd.lazy import warn_renamed

warn_renamed("pfd.testing.contract", "pfd_contract, of the distribution pfd-contract,")
_present = importlib.import_module("pfd_contract")
# All at once: what is imported from below later would be a second copy, with classes of its own.
for _found in pkgutil.walk_packages(_present.__path__, "pfd_contract."):
    if not _found.name.startswith("pfd_contract.plugin."):
        sys.modules[_found.name.replace("pfd_contract", __name__, 1)] = importlib.import_module(_found.name)
sys.modules[__name__] = _present

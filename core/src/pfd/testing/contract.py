"""The contract suite under its earlier name: what is imported from here, and from below, is `pfd_contract`."""

import importlib
import sys

from pfd.lazy import warn_renamed

warn_renamed("pfd.testing.contract", "pfd_contract, of the distribution pfd-contract,")
sys.modules[__name__] = importlib.import_module("pfd_contract")

"""The tests, to be taken into a test module whole: `from pfd_contract.suite import *`."""

from pfd_contract.suite.claims import TestClaims
from pfd_contract.suite.ending import TestEndingEarly
from pfd_contract.suite.fence import TestFence
from pfd_contract.suite.gpus import TestGpus
from pfd_contract.suite.graphs import TestGraphs
from pfd_contract.suite.handles import TestHandles
from pfd_contract.suite.isolation import TestIsolation
from pfd_contract.suite.kept import TestKept
from pfd_contract.suite.loss import TestLoss
from pfd_contract.suite.order import TestOrder
from pfd_contract.suite.places import TestPlaces
from pfd_contract.suite.schedules import TestSchedules
from pfd_contract.suite.trouble import TestTrouble

__all__ = [
    "TestClaims",
    "TestEndingEarly",
    "TestFence",
    "TestGpus",
    "TestGraphs",
    "TestHandles",
    "TestIsolation",
    "TestKept",
    "TestLoss",
    "TestOrder",
    "TestPlaces",
    "TestSchedules",
    "TestTrouble",
]

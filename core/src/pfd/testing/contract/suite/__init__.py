"""The tests, to be taken into a test module whole: `from pfd.testing.contract.suite import *`."""

from pfd.testing.contract.suite.claims import TestClaims
from pfd.testing.contract.suite.ending import TestEndingEarly
from pfd.testing.contract.suite.fence import TestFence
from pfd.testing.contract.suite.gpus import TestGpus
from pfd.testing.contract.suite.graphs import TestGraphs
from pfd.testing.contract.suite.handles import TestHandles
from pfd.testing.contract.suite.isolation import TestIsolation
from pfd.testing.contract.suite.kept import TestKept
from pfd.testing.contract.suite.loss import TestLoss
from pfd.testing.contract.suite.order import TestOrder
from pfd.testing.contract.suite.places import TestPlaces
from pfd.testing.contract.suite.schedules import TestSchedules
from pfd.testing.contract.suite.trouble import TestTrouble

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

"""Running jobs: claim and lease, a process for each job or the worker's own, maintenance."""

from pfd.execution.devices import gpu_places
from pfd.execution.maintenance import bury, the_dead
from pfd.execution.news import settle_the_rest, tell, tell_back
from pfd.execution.owner import Owner
from pfd.execution.signals import ended

__all__ = ["Owner", "ended", "bury", "gpu_places", "settle_the_rest", "tell", "tell_back", "the_dead"]

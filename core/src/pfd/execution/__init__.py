"""Running jobs: claim and lease, a process for each job or the worker's own, maintenance."""

from pfd.execution.devices import gpu_places
from pfd.execution.news import tell
from pfd.execution.owner import Owner
from pfd.execution.signals import ended

__all__ = ["Owner", "ended", "gpu_places", "tell"]

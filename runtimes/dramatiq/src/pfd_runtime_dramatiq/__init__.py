"""The Dramatiq runtime: Dramatiq carries the wakeups, and its metrics show every job under the name of its task."""

from pfd_runtime_dramatiq.runtime import DramatiqRuntime

__all__ = ["DramatiqRuntime"]

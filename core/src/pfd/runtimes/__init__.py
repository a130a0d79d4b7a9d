"""Runtimes: each a way to ring workers and to be rung.  What a third party's runtime is made of is here."""

from pfd.queue import Bell, Ring, Runtime
from pfd.runtimes.service import Service, StopSignals

__all__ = ["Bell", "Ring", "Runtime", "Service", "StopSignals"]

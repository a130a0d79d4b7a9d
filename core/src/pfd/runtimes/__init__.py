"""Runtimes: each a way to ring workers and to be rung.  What a third party's runtime is made of is here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pfd.notify import Bell, Ring
from pfd.runtimes.base import Runtime

if TYPE_CHECKING:
    from pfd.runtimes.service import Service, StopSignals

__all__ = ["Bell", "Ring", "Runtime", "Service", "StopSignals"]


def __getattr__(name: str) -> Any:
    if name in ("Service", "StopSignals"):  # a client needs no worker
        from pfd.runtimes import service

        return getattr(service, name)
    raise AttributeError(f"module 'pfd.runtimes' has no attribute {name!r}")

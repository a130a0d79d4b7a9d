"""Hooks of a test, called beside those of the plugins."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from pfd.plugins import Registry


@contextlib.contextmanager
def listening(registry: Registry, *hooks: Callable[..., Any]) -> Iterator[None]:
    """Have functions with the mark of a hook called, each under its own name."""
    listener = SimpleNamespace(**{hook.__name__: hook for hook in hooks})
    registry.listen("a test", listener)
    try:
        yield
    finally:
        registry.unlisten(listener)

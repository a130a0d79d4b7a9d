"""Metrics, health and traces of workers and jobs, made of hooks alone.

Importing this package is light: what a setting asks for loads on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfd.lazy import lazy_names

if TYPE_CHECKING:
    from pfd_plugin_observability.catalogue import METRICS, Metric

__all__ = ["METRICS", "Metric"]

__getattr__ = lazy_names(__name__, {"catalogue": ("METRICS", "Metric")})

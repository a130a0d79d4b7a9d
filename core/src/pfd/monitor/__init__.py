"""What a worker tells over HTTP: metrics for Prometheus, and whether it is well."""

from pfd.monitor.monitor import Monitor
from pfd.monitor.server import MOST_CONNECTIONS

__all__ = ["MOST_CONNECTIONS", "Monitor"]

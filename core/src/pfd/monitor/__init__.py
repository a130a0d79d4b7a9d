"""What a worker tells over HTTP: metrics for Prometheus, and whether it is well."""

from pfd.monitor.monitor import Monitor
from pfd.monitor.vitals import Vitals

__all__ = ["Monitor", "Vitals"]

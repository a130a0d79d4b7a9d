"""What a worker tells over HTTP: metrics for Prometheus, and whether it is well."""

from pfd.monitor.monitor import Monitor
from pfd.monitor.server import MOST_CONNECTIONS
from pfd.monitor.threads import Alarm, LastingThread
from pfd.monitor.vitals import Vitals

__all__ = ["MOST_CONNECTIONS", "Alarm", "LastingThread", "Monitor", "Vitals"]

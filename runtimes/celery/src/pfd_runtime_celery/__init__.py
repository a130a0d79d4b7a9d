"""The Celery runtime: Celery carries the wakeups, and its tools see every job under the name of its task."""

from pfd_runtime_celery.runtime import CeleryRuntime

__all__ = ["CeleryRuntime"]

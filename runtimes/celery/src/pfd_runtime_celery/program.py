"""For Celery's own command line: `celery -A pfd.runtimes.celery worker`.  Settings come from the environment."""

from __future__ import annotations

from pfd.plugins import load_registry
from pfd.settings import load_settings
from pfd_runtime_celery.app import make_app

_settings = load_settings().values

app = make_app(_settings, load_registry(_settings))

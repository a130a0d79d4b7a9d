"""For Celery's own command line: `celery -A pfd.runtimes.celery worker`.  Settings come from the environment."""

from importlib import import_module

app = import_module("pfd_runtime_celery.program").app  # of a distribution above this one: named, not known

"""For Celery's own command line: `celery -A pfd.runtimes.celery worker`.  Settings come from the environment."""

from pfd.runtimes.base import load_program

app = load_program("celery").app

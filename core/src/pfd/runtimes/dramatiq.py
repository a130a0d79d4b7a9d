"""For Dramatiq's own command line: `dramatiq pfd.runtimes.dramatiq`.  Settings come from the environment."""

from importlib import import_module

broker = import_module("pfd_runtime_dramatiq.program").broker  # of a distribution above this one: named, not known

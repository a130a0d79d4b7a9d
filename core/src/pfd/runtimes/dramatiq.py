"""For Dramatiq's own command line: `dramatiq pfd.runtimes.dramatiq`.  Settings come from the environment."""

from pfd.runtimes.base import load_program

broker = load_program("dramatiq").broker

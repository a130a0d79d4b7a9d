"""The command line: one module a noun, loaded on use."""

from pfd.cli.app import main

__all__ = ["main"]

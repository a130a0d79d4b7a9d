"""Runtimes: each a way to ring workers and to be rung."""

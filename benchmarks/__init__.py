"""Timings beside what a user would pick instead.  `make bench` runs them all; nothing here is a test."""

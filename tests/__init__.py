"""Tests across packages.  A package by name, since distributions exist that install a `tests` of their own."""

"""Tests across packages see what is installed, and not what the tests of one package put in its way."""

from tests.support.installed import only_what_is_installed

__all__ = ["only_what_is_installed"]

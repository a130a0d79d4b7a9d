"""A plugin for the tests of the core, found on the path as if it were installed."""

"""Imports a module that does not exist."""

import module_that_nobody_has_written

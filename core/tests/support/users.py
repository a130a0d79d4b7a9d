"""Other users of this machine, as root can be them."""

from __future__ import annotations

import os

import pytest

OTHER = 65534
"""A user and a group that nobody is: `nobody`."""

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="root is missing: only it can give files to another user, and be one"
)

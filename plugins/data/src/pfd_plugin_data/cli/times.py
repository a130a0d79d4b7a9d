"""How the commands of this noun print times."""

from __future__ import annotations

import time


def when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))

"""Whether a plugin does what its author means: everything that its declarations name is looked for, and called.

The code of a plugin runs in its own interpreter, which may exit, hang or crash (`inside`); this one watches it
(`outside`), and compares what plugins declare with each other (`between`).
"""

from __future__ import annotations

from pfd.check.finding import Finding
from pfd.check.lookup import TRACEBACK
from pfd.check.plugins import PATIENCE, check, named, unreadable

__all__ = ["PATIENCE", "TRACEBACK", "Finding", "check", "named", "unreadable"]

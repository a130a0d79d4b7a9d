"""What the words in the name of a file say of the fault."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import PurePosixPath

_HEALTHY = ("normal", "healthy", "baseline")
_PARTS = {"inner": "inner_race", "outer": "outer_race", "ball": "ball", "roller": "ball", "cage": "cage"}
_BEHIND_A_PART = ("", "race", "raceway", "ring", "fault", "defect", "damage")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def named_fault(path: PurePosixPath) -> tuple[str, str] | None:
    """The word for a fault in the name of a file and the fault that it is; None where there is none, or of several.

    Words have other meanings, too, in "normal speed", "ball bearing" or "outer frame": one for a healthy bearing counts
    where it is the only word, and a part of a bearing where nothing else follows but what is said of parts.
    """
    words = [word.lower() for word in _WORD.findall(path.stem)]
    if len(words) == 1 and words[0] in _HEALTHY:
        return words[0], "normal"
    parts = [pair for pair in pairwise([*words, ""]) if pair[0] in _PARTS]
    found = {word: _PARTS[word] for word, _ in parts}
    if len(set(found.values())) == 1 and any(following in _BEHIND_A_PART for _, following in parts):
        return next(iter(found.items()))
    return None


def contradicted(path: PurePosixPath, fault_type: str | None, origin: str | None) -> list[str]:
    """A note where the name of a file says another fault than the one that was taken."""
    named = named_fault(path)
    if named is None or fault_type is None or named[1] in fault_type.split("+"):
        return []
    return [f"fault_type is {fault_type} by {origin}, where the name says {named[0]!r}"]

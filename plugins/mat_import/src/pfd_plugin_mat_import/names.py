"""What the words in the name of a file say of the fault."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import PurePosixPath

_WORDS = {
    **dict.fromkeys(("normal", "healthy", "baseline"), "normal"),
    "inner": "inner_race",
    "outer": "outer_race",
    **dict.fromkeys(("ball", "roller"), "ball"),
    "cage": "cage",
}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_KINDS_OF_BEARING = ("ball", "roller")


def named_fault(path: PurePosixPath) -> tuple[str, str] | None:
    """The word for a fault in the name of a file and the fault that it is; None where there is none, or of several.

    The ball of a "ball bearing" names no fault.
    """
    words = [word.lower() for word in _WORD.findall(path.stem)]
    found = {
        word: _WORDS[word]
        for word, following in pairwise([*words, ""])
        if word in _WORDS and not (word in _KINDS_OF_BEARING and following.startswith("bearing"))
    }
    return next(iter(found.items())) if len(set(found.values())) == 1 else None


def contradicted(path: PurePosixPath, fault_type: str | None, origin: str | None) -> list[str]:
    """A note where the name of a file says another fault than the one that was taken."""
    named = named_fault(path)
    if named is None or fault_type is None or named[1] in fault_type.split("+"):
        return []
    return [f"fault_type is {fault_type} by {origin}, where the name says {named[0]!r}"]

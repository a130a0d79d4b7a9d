"""Regular expressions of parameters in words, for those who never asked for one."""

from __future__ import annotations

import re

__all__ = ["in_words"]

_PART = re.compile(r"\[(?P<set>(?:\\\W|[^\]\\^])+)\](?:\{(?P<low>\d+)(?P<to>,(?P<high>\d*))?\}|(?P<many>[*+?]))?")
_NAMED = {"A-Z": "capital letters", "a-z": "small letters", "0-9": "digits"}


def in_words(pattern: str) -> str | None:
    """What a pattern of plain sets of characters asks for; None of any other pattern.

    >>> in_words("^[A-Z][a-z0-9_]{0,7}$")
    "a capital letter, then at most 7 of small letters, digits, '_'"
    """
    if not (pattern.startswith("^") and pattern.endswith("$")):
        return None
    rest, parts = pattern[1:-1], []
    while rest:
        if (part := _PART.match(rest)) is None:
            return None
        what = _set(part["set"])
        alone = part["low"] is None and part["many"] is None and ", " not in what and what.endswith("s")
        parts.append(f"a {what[:-1]}" if alone else f"{_count(part)} {what}")
        rest = rest[part.end() :]
    return ", then ".join(parts) or None


def _count(part: re.Match[str]) -> str:
    if many := part["many"]:
        return {"*": "any number of", "+": "one or more of", "?": "at most one of"}[many]
    low, high = part["low"], part["high"]
    if low is None:
        return "one of"
    if part["to"] is None:
        return f"{low} of"
    if not high:
        return f"{low} or more of"
    return f"at most {high} of" if low == "0" else f"{low} to {high} of"


def _set(text: str) -> str:
    """`A-Za-z_.-` as `letters, '_', '.', '-'`."""
    items = re.findall(r"\\(.)|([^\\])-([^\\])|(.)", text)
    words = [
        _NAMED.get(f"{first}-{last}", f"'{first}' to '{last}'") if first else f"'{escaped or plain}'"
        for escaped, first, last, plain in items
    ]
    if "capital letters" in words and "small letters" in words:
        words[words.index("capital letters")] = "letters"
        words.remove("small letters")
    return ", ".join(words)

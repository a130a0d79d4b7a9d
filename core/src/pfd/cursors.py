"""Cursors: where a program that follows something has stopped reading, as a text that it gives back."""

from __future__ import annotations

import re

from pfd.errors import ParameterError, shown

MOST = 2**63 - 1
"""The largest number in a cursor: it may go into an integer column."""


def place(since: object, form: re.Pattern[str], of: str) -> tuple[int, ...]:
    """The numbers in a cursor; none of the empty one, which is the beginning.  A number that is left out is -1.

    Raises
    ------
    ParameterError : it is not of that form; `of` says what it is a cursor of.
    """
    if since == "":
        return ()
    match = form.fullmatch(since) if isinstance(since, str) and len(since) < 100 else None
    numbers = () if match is None else tuple(int(text) if text else -1 for text in match.groups())
    if not numbers or max(numbers) > MOST:
        raise ParameterError(f"since={shown(since)} is no cursor of {of}", hint="give the one that was read last")
    return numbers

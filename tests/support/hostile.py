"""Texts that a figure may be asked to draw, and that would be something else than themselves if it read them."""

from __future__ import annotations

HOSTILE = [
    "$x$",
    r"$\frac{1}$",
    "1 $ and 2 $",
    r"\$x\$ \\$y$",
    "_hidden",
    "a^2_b",
    "軸承 \U0001f600",
    "\x1b[31mred",
    "two\nlines",
    "\u202ebidi\u200b",
    "x" * 10_000,
    "W" * 10_000,
    "word $a_b$ " * 1_000,
]

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

ALL_HOSTILE = [
    "$x$",
    r"$\frac{1}$",
    "a$b^c_d$e",
    "1 $ and 2 $",
    r"\$x\$ \\$y$",
    "_hidden",
    "a^2_b",
    "<b>&amp;</b>",
    "軸承 \U0001f600",
    "\x1b[31mred\x07",
    "two\nlines\ttab\r",
    "\u202ebidi\u200b",
    "\ud800",
    "x" * 10_000,
    "W" * 10_000,
    "$" * 10_000,
    "word " * 2_000,
    "",
    " ",
]
"""What is a formula to matplotlib, hides from its legends, has no sign in its font, or no end."""

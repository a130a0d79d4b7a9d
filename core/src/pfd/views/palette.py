"""The one palette of all pictures, light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Palette:
    """Colours as `#rrggbb`.

    `series` are told apart under all common kinds of colour blindness (Okabe and Ito 2008), the most telling first.
    """

    paper: str
    ink: str
    muted: str
    rule: str
    faded: str
    warning: str
    series: tuple[str, ...]
    sequential: str
    diverging: str

    def of(self, role: str, number: int) -> str:
        """The colour of a mark by its role, of a series by its number."""
        return {"muted": self.muted, "ink": self.ink, "warning": self.warning}.get(
            role, self.series[number % len(self.series)]
        )


LIGHT = Palette(
    paper="#ffffff",
    ink="#1b1f24",
    muted="#57606a",
    rule="#d8dee4",
    faded="#b8c0c8",
    warning="#9a3412",
    series=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"),
    sequential="Viridis",
    diverging="RdBu",
)

DARK = Palette(
    paper="#0d1117",
    ink="#e6edf3",
    muted="#9198a1",
    rule="#30363d",
    faded="#484f58",
    warning="#f0883e",
    series=("#56b4e9", "#e69f00", "#2fc49b", "#e39ac4", "#f0e442", "#7aa7ff", "#ffffff"),
    sequential="Viridis",
    diverging="RdBu",
)

PALETTES: dict[Theme, Palette] = {"light": LIGHT, "dark": DARK}

STROKES = ("solid", "dashed", "dotted")
"""Strokes of series beyond the colours, and for those who do not see them."""

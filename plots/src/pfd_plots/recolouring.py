"""A picture in the colours of another theme: most of drawing is to place texts, and their places are the same."""

from __future__ import annotations

import re

from pfd.views import PALETTES, Figure, Matrix, Palette, Theme, role_numbers

_STYLE = re.compile(r'(<[^<>]* style=")([^"]*)"')
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")

_UNSAID = "#000000"
"""What the SVG of matplotlib leaves out of a style."""


def is_recoloured(figure: Figure, drawn: Theme) -> bool:
    """Whether a picture in that theme says all colours that another one has otherwise.

    A matrix is drawn as pixels, which differ where cells are missing; and black is what stands where nothing is said.
    """
    palette = PALETTES[drawn]
    one_scale = len({(one.sequential, one.diverging) for one in PALETTES.values()}) == 1
    for panel in figure.panels:
        for mark, number in zip(panel.marks, role_numbers(panel), strict=True):
            if isinstance(mark, Matrix):
                if not one_scale or any(value is None for row in mark.values for value in row):
                    return False
            elif palette.of(mark.role, number) == _UNSAID:
                return False
    return True


def recoloured(svg: str, drawn: Theme, wanted: Theme) -> str:
    """A picture in another theme than it was drawn in: the colours in its styles, and no text."""
    others = dict(zip(_colours(PALETTES[drawn]), _colours(PALETTES[wanted]), strict=True))

    def style(found: re.Match[str]) -> str:
        return f'{found[1]}{_COLOUR.sub(lambda colour: others.get(colour[0], colour[0]), found[2])}"'

    return _STYLE.sub(style, svg)


def _colours(palette: Palette) -> tuple[str, ...]:
    """Its colours, each once, in one order."""
    plain = (palette.paper, palette.ink, palette.muted, palette.rule, palette.faded, palette.warning)
    return (*plain, *palette.series)

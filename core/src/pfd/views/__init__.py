"""Views: neutral blocks that a task writes and every client shows, in a terminal, a report, a notebook or a dashboard.

A block says what there is to be seen, in the field's own units, and nothing of how it is drawn.  Importing this package
is light: no numerical and no plotting library is needed, to write a view or to read one.

    Figure(
        title="Order spectrum of recording 12",
        alt="Amplitude over orders of the shaft, with a peak at 3.1 orders, the outer race.",
        panels=(
            Panel(
                x=Axis(label="order"),
                y=Axis(label="amplitude", unit="m/s²"),
                marks=(Curve(x=orders, y=amplitudes), Rule(x=3.1, name="BPFO")),
            ),
        ),
    )
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfd.lazy import lazy_names

if TYPE_CHECKING:
    from pfd.views.blocks import (
        BLOCKS,
        Block,
        Cell,
        Column,
        Download,
        Image,
        Metric,
        Metrics,
        Table,
        Text,
        Warning,  # noqa: A004
        columns,
    )
    from pfd.views.decimation import kept
    from pfd.views.figure import Axis, Figure, Panel, Provenance, role_numbers
    from pfd.views.link import Link
    from pfd.views.marks import Band, Bars, Curve, Diagonal, Frame, Mark, Matrix, Note, Points, Rule
    from pfd.views.palette import DARK, LIGHT, PALETTES, STROKES, Palette, Theme
    from pfd.views.plotly import to_plotly
    from pfd.views.text import in_short

__getattr__ = lazy_names(
    __name__,
    {
        "blocks": (
            "BLOCKS",
            "Block",
            "Cell",
            "Column",
            "Download",
            "Image",
            "Metric",
            "Metrics",
            "Table",
            "Text",
            "Warning",
            "columns",
        ),
        "decimation": ("kept",),
        "figure": ("Axis", "Figure", "Panel", "Provenance", "role_numbers"),
        "link": ("Link",),
        "marks": ("Band", "Bars", "Curve", "Diagonal", "Frame", "Mark", "Matrix", "Note", "Points", "Rule"),
        "palette": ("DARK", "LIGHT", "PALETTES", "STROKES", "Palette", "Theme"),
        "plotly": ("to_plotly",),
        "text": ("in_short",),
    },
)

__all__ = [
    "BLOCKS",
    "DARK",
    "LIGHT",
    "PALETTES",
    "STROKES",
    "Axis",
    "Band",
    "Bars",
    "Block",
    "Cell",
    "Column",
    "Curve",
    "Diagonal",
    "Download",
    "Figure",
    "Frame",
    "Image",
    "Link",
    "Mark",
    "Matrix",
    "Metric",
    "Metrics",
    "Note",
    "Palette",
    "Panel",
    "Points",
    "Provenance",
    "Rule",
    "Table",
    "Text",
    "Theme",
    "Warning",
    "columns",
    "in_short",
    "kept",
    "role_numbers",
    "to_plotly",
]

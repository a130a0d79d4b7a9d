"""What stands above the axes of a panel: its title, scores and what they rest on, cautions, and that a split leaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pfd_plots.panel import DrawnPanel
from pfd_plots.style import PANEL_TITLE, SCORES, SMALL, SPACING
from pfd_plots.texts import letters, plain_lines


def write_above(drawn: DrawnPanel, room: float) -> float:
    """Write title, scores, provenance and cautions above the axes, in lines of this width; the height they take."""
    panel, palette = drawn.panel, drawn.palette
    at = 72 * drawn.over.top + 5
    cautions = _wrapped([f"CAUTION: {text}" for text in panel.cautions], room, SMALL)
    small = list(panel.lines[1:])
    if panel.provenance is not None and panel.provenance.leaky:
        text = "\n".join(_wrapped([f"LEAKY SPLIT: {panel.provenance.text}"], room - 0.1, SMALL, bold=True))
        strip = {"facecolor": palette.warning, "edgecolor": "none", "pad": 2.5}
        at = _above(drawn, text, at + 3, color=palette.paper, fontsize=SMALL, fontweight="bold", bbox=strip) + 4
    elif panel.provenance is not None:
        small.append(panel.provenance.text)
    at = _above(drawn, "\n".join(cautions), at, color=palette.warning, fontsize=SMALL)
    at = _above(drawn, "\n".join(_wrapped(small, room, SMALL)), at, color=palette.muted, fontsize=SMALL)
    at = _above(drawn, "\n".join(_wrapped(panel.lines[:1], room, SCORES)), at, color=palette.ink, fontsize=SCORES)
    if panel.title:
        text = "\n".join(plain_lines(panel.title, letters(room, PANEL_TITLE, bold=True), 2))
        style: dict[str, Any] = {"fontsize": PANEL_TITLE, "fontweight": "bold", "color": palette.ink}
        written = drawn.axis.set_title(text, loc="left", y=1.0, pad=at, **style)
        at += _points(drawn, written)
    return at / 72


def _above(drawn: DrawnPanel, text: str, points: float, **style: Any) -> float:
    """Write a text so many points above the axes; where it ends, and the next may begin."""
    if not text:
        return points
    style |= {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom", "linespacing": SPACING}
    written = drawn.axis.annotate(text, (0, 1), xytext=(0, points), annotation_clip=False, **style)
    return points + _points(drawn, written) + 3


def _points(drawn: DrawnPanel, written: Any) -> float:
    figure: Any = drawn.axis.figure
    height = float(written.get_window_extent(figure.canvas.get_renderer()).height)
    return 72 * height / float(figure.dpi)


def _wrapped(texts: Sequence[str], inches: float, points: float, *, bold: bool = False) -> list[str]:
    room = letters(inches, points, bold=bold)
    return [line for text in texts for line in plain_lines(text, room)]

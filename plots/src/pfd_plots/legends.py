"""The legend of a panel, within it or below it."""

from __future__ import annotations

from typing import Any

from pfd_plots.panel import DrawnPanel
from pfd_plots.style import LEGEND
from pfd_plots.texts import letters, plain_lines, plain_text

LISTED = 8
"""Names in a legend that may lie within its panel."""


def write_legend(drawn: DrawnPanel, room: float) -> float:
    """List the marks that have a name, within the panel or below it, in this width; the height taken below it."""
    taken = drawn.over.bottom
    if not drawn.listed:
        return taken
    if not drawn.panel.legend_below and len(drawn.listed) <= LISTED:
        legend = _legend(drawn, 0.7 * drawn.width, loc="best", frameon=True, framealpha=0.9, borderpad=0.3)
        width, height = _legend_size(drawn, legend)
        if width <= 0.75 * drawn.width and height <= 0.6 * drawn.height:
            return taken
    below = taken + 0.08
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0, -below / drawn.height), "borderpad": 0.0}
    style: dict[str, Any] = {"frameon": False, "borderaxespad": 0.0, **place}
    width, _ = _legend_size(drawn, _legend(drawn, room, **style))
    columns = max(1, min(len(drawn.listed), int((room + 0.2) / (width + 0.2))))
    columns = min(columns, 1 if len(drawn.listed) <= 4 else columns)
    return below + _legend_size(drawn, _legend(drawn, room, ncols=columns, **style))[1]


def _legend(drawn: DrawnPanel, room: float, **place: Any) -> Any:
    # What is drawn first, to lie lowest, is listed last.
    listed = sorted(drawn.listed, key=lambda one: one[2])
    title = "\n".join(plain_lines(drawn.panel.legend, letters(room, LEGEND), 4)) if drawn.panel.legend else None
    style: dict[str, Any] = {"fontsize": LEGEND, "title_fontsize": LEGEND, "labelcolor": drawn.palette.ink}
    style |= {"facecolor": drawn.palette.paper, "edgecolor": "none", "handlelength": 2.2, "alignment": "left"}
    legend = drawn.axis.legend([artist for artist, _, _ in listed], ["·"] * len(listed), title=title, **style, **place)
    legend.set_zorder(5)
    legend.get_title().set_color(drawn.palette.ink)
    # Afterwards, since a label that begins with an underscore would be hidden.
    for text, (_, name, _) in zip(legend.get_texts(), listed, strict=True):
        text.set_text(plain_text(name, letters(room - 0.45, LEGEND)))
    return legend


def _legend_size(drawn: DrawnPanel, legend: Any) -> tuple[float, float]:
    figure: Any = drawn.axis.figure
    box = legend.get_window_extent(figure.canvas.get_renderer())
    return float(box.width) / figure.dpi, float(box.height) / figure.dpi

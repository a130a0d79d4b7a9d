"""Pictures of the figures of `pfd.views`, by matplotlib: PNG and SVG, light and dark.

Importing this package is light: matplotlib loads with the first name that is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfd.lazy import lazy_names

if TYPE_CHECKING:
    from pfd_plots.drawing import draw
    from pfd_plots.files import png, save, svg, svgs
    from pfd_plots.texts import plain_lines, plain_text

__getattr__ = lazy_names(
    __name__,
    {"drawing": ("draw",), "files": ("png", "save", "svg", "svgs"), "texts": ("plain_lines", "plain_text")},
)

# Figures.  Foreign texts for other pictures of matplotlib.
__all__ = ["draw", "plain_lines", "plain_text", "png", "save", "svg", "svgs"]

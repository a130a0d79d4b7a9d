"""The layouts of MATLAB files that can be imported: one module a data set."""

from __future__ import annotations

from collections.abc import Mapping

from pfd import DataError
from pfd_plugin_mat_import.layouts import cwru, mfpt, uestc
from pfd_plugin_mat_import.layouts.base import Imported, Layout

LAYOUTS: Mapping[str, Layout] = {layout.name: layout for layout in (cwru.LAYOUT, mfpt.LAYOUT, uestc.LAYOUT)}

__all__ = ["LAYOUTS", "Imported", "Layout", "layout_of"]


def layout_of(names: tuple[str, ...], wanted: str = "auto") -> Layout:
    """The layout of a file with these variables; `wanted` names one that it must have.

    Raises
    ------
    DataError : it has none, or another one.
    """
    candidates = LAYOUTS.values() if wanted == "auto" else [LAYOUTS[wanted]]
    for layout in candidates:
        if layout.recognises(names):
            return layout
    held = ", ".join(names[:3]) + (", …" if len(names) > 3 else "") if names else "nothing"
    if wanted == "auto":
        raise DataError(f"none of the layouts {', '.join(LAYOUTS)}: it holds {held}")
    raise DataError(f"not the layout {wanted}: it holds {held}")

"""The layouts of MATLAB files that can be imported: one module a data set, and one for files of any other layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pfd import DataError
from pfd_plugin_mat_import.layouts import cwru, mfpt, uestc
from pfd_plugin_mat_import.layouts.base import Draft, Known, Layout, MatFile

LAYOUTS: Mapping[str, Layout] = {layout.name: layout for layout in (cwru.LAYOUT, mfpt.LAYOUT, uestc.LAYOUT)}

__all__ = ["LAYOUTS", "Draft", "Known", "Layout", "MatFile", "recognised"]


def recognised(names: Sequence[str], wanted: str = "auto") -> Layout | None:
    """The layout of a file with these variables, or None; `wanted` names one that it must have.

    Raises
    ------
    DataError : it has not the layout that is wanted.
    """
    candidates = LAYOUTS.values() if wanted == "auto" else [LAYOUTS[wanted]]
    for layout in candidates:
        if layout.recognises(names):
            return layout
    if wanted != "auto":
        raise DataError(f"not the layout {wanted}")
    return None

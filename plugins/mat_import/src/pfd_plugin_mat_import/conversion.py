"""From a file to its recording.  Runs in the reading process only: it loads the readers of MATLAB files."""

from __future__ import annotations

from pathlib import Path

from pfd_plugin_mat_import import matfile
from pfd_plugin_mat_import.layouts import Imported, layout_of
from pfd_plugin_mat_import.layouts.base import MatFile


def convert_file(path: Path, wanted: str = "auto") -> Imported:
    """The recording in a file.

    Raises
    ------
    DataError : the reason why there is none.
    """
    names = matfile.variables(path)
    layout = layout_of(names, wanted)
    values = matfile.read(path, layout.wanted(path, names))
    return layout.convert(MatFile(path, matfile.sha256_of(path), values))

"""Whether a dataset has room on its disk: seen before hours of work, not at their end."""

from __future__ import annotations

import shutil
from pathlib import Path

from pfd import DataError
from pfd_plugin_data.layout import SIGNAL_TYPE
from pfd_plugin_data.params import GenerateDatasetParams

_GIB = 1024**3


def require_room(folder: Path, params: GenerateDatasetParams, keep_free: int) -> None:
    """Make sure that the signals of a dataset fit on the disk of a folder, and leave so many bytes of it free.

    Raises
    ------
    DataError : they do not; what is needed and what is there is named.
    """
    needed = params.n_samples * SIGNAL_TYPE.itemsize
    free = shutil.disk_usage(folder).free
    if free - needed < keep_free:
        kept = f", of which {keep_free / _GIB:.3g} GiB are to stay free" if keep_free else ""
        raise DataError(
            f"the dataset takes {needed / _GIB:.3g} GiB, and the disk of {folder} has {free / _GIB:.3g} GiB{kept}",
            hint="generate fewer or shorter recordings, free space, or lower PFD_DATA_KEEP_FREE_BYTES",
        )

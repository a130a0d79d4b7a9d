"""Whether this process has touched an accelerator.  One that has cannot be forked from: in the child CUDA is broken."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/render", "/dev/dxg")
"""How the files begin that drivers are spoken to through: NVIDIA's, AMD's, and that of WSL."""

DESCRIPTORS = Path("/proc/self/fd")


def traces(descriptors: Path = DESCRIPTORS) -> str | None:
    """What shows that this process has touched one, in words; None where nothing does.

    Asks nobody and loads nothing.  `torch.cuda.is_available()` is enough to leave a trace: it opens the driver.
    """
    torch = sys.modules.get("torch.cuda")
    if torch is not None and getattr(torch, "is_initialized", bool)():
        return "CUDA is initialised"
    for path in _open_files(descriptors):
        if path.startswith(DEVICES):
            return f"{path} is open"
    return None


def _open_files(descriptors: Path) -> list[str]:
    found = []
    with contextlib.suppress(OSError):  # no such folder: not on Linux
        for entry in sorted(descriptors.iterdir()):
            with contextlib.suppress(OSError):  # that of the listing itself
                found.append(str(entry.readlink()))
    return found

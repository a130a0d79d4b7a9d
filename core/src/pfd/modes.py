"""Who may read and write what PFD makes: what lies in a folder is open to no more than that folder is.

So all of `PFD_HOME` follows from the home itself, whatever the umask of the program that writes there.  The umask of a
program that is not ours is never changed: other threads of it may be making files.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

Share = Literal["private", "group"]
"""Who has a part in a home: its user alone, or the users of its group."""

_HOME = {"private": 0o700, "group": 0o2770}
_FILE = {"private": 0o600, "group": 0o660}
_UMASK = {"private": 0o077, "group": 0o007}

_OF_GROUP = stat.S_ISGID | stat.S_IWGRP
"""What a folder has that a group shares: what is made in it belongs to that group."""


def make_home(home: Path, share: Share) -> None:
    """Make the home where there is none; one that is there stays as it is.  Raises `OSError`."""
    if home.is_dir():
        return
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        home.mkdir(0o700)
    except FileExistsError:
        if not home.is_dir():
            raise
        return
    home.chmod(_HOME[share])


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, each as open as the one it lies in.  Raises `OSError`."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        above = one.parent.stat().st_mode
        try:
            one.mkdir(above & 0o777)
        except FileExistsError:
            if not one.is_dir():
                raise
            continue
        if above & _OF_GROUP == _OF_GROUP:
            one.chmod(stat.S_IMODE(above) & 0o2777)


def new_file_mode(folder: Path) -> int:
    """The mode to make a file in a folder with."""
    return folder.stat().st_mode & 0o666


def fit(path: Path) -> None:
    """Have a file that was just made be no more open than its folder, and as open to the group as a shared one."""
    above, own = path.parent.stat().st_mode, stat.S_IMODE(path.stat().st_mode)
    wanted = own & (above | 0o111)
    if above & _OF_GROUP == _OF_GROUP:
        wanted |= 0o660
    if wanted != own:
        path.chmod(wanted)


def store_mode(share: Share) -> int:
    """The mode of the file of a store, wherever it lies."""
    return _FILE[share]


def take_umask(share: Share) -> None:
    """Have all files that this process makes be closed to others.  For programs of our own."""
    os.umask(_UMASK[share])

"""Who but this user and root decides what lies at a path: its owner, those of its folders, and who may write there.

Those who may write to a folder may put another file in the place of one that they may not write to.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

from pfd.modes import Share


def foreign_hand(path: Path) -> str | None:
    """Why what lies at an absolute path may be the doing of others; None where only this user and root decide.

    A link counts with what it leads to.  Raises `OSError` where it cannot be looked at.
    """
    real = path.resolve(strict=True)
    for folder in dict.fromkeys((*path.parents, *real.parents)):
        if reason := foreign_folder(folder):
            return f"its folder {folder} {reason}"
    if path.is_symlink() and (reason := _foreign_owner(path.lstat())):
        return f"the link {path} {reason}"
    status = real.stat()
    reason = _foreign_owner(status) or _open_to_others(real, status)
    return f"it {reason}" if reason else None


def foreign_folder(folder: Path) -> str | None:
    """Why others may put things into a folder, or take them out; None where they may not.

    In one with the sticky bit, as `/tmp`, everybody has only what is theirs.
    """
    status = folder.stat()
    sticky = status.st_mode & stat.S_ISVTX
    return _foreign_owner(status) or (None if sticky else _open_to_others(folder, status))


def open_to_others(path: Path, share: Share) -> str | None:
    """Why others than those who have a part in it may read or write what lies at a path; None where they may not."""
    status = path.stat()
    if status.st_mode & 0o007:
        return f"is open to everybody (mode {stat.S_IMODE(status.st_mode):04o})"
    if share == "private" and status.st_mode & 0o070 and not _is_of_one(status.st_gid):
        return f"is open to group {status.st_gid} (mode {stat.S_IMODE(status.st_mode):04o})"
    return None


def _foreign_owner(status: os.stat_result) -> str | None:
    if status.st_uid in (os.geteuid(), 0):
        return None
    return f"belongs to user {_named(status.st_uid)}, and this is {_named(os.geteuid())}"


def _open_to_others(path: Path, status: os.stat_result) -> str | None:
    if status.st_mode & stat.S_IWOTH:
        return f"can be written by everybody (mode {stat.S_IMODE(status.st_mode):04o})"
    if status.st_mode & stat.S_IWGRP and (_has_list(path) or not _is_of_one(status.st_gid)):
        return f"can be written by group {status.st_gid} (mode {stat.S_IMODE(status.st_mode):04o})"
    return None


def _is_of_one(gid: int) -> bool:
    """Whether a group is that of this user alone, as distributions make one for each and give it a umask of 002.

    Known by its name, which is the user's, and by who is listed in it; to ask for the group of each user there is may
    take a directory service minutes.
    """
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return gid == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _has_list(path: Path) -> bool:
    """Whether there is an access control list, of which the bits of the group are no more than the upper bound."""
    if not hasattr(os, "getxattr"):
        return False
    try:
        return bool(os.getxattr(path, "system.posix_acl_access"))
    except OSError:
        return False


def _named(uid: int) -> str:
    try:
        return f"{uid} ({pwd.getpwuid(uid).pw_name})"
    except KeyError:
        return str(uid)

"""What the kernel offers to end a job as a whole: parent-death signals, adoption of orphans, OOM preference.

All of it is Linux; elsewhere each call does nothing and says so by returning False.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

import psutil

LINUX = sys.platform.startswith("linux")

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> bool:
    if not LINUX:
        return False
    return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)


def die_with_parent(parent: int, number: signal.Signals) -> bool:
    """Have the kernel send `number` when the parent thread ends.  `parent` is who it was when this process was made."""
    done = _prctl(_PR_SET_PDEATHSIG, number)
    if done and os.getppid() != parent:  # it ended before the request was in place
        os.kill(os.getpid(), number)
    return done


def adopt_orphans() -> bool:
    """Become the parent of all descendants whose own parent ends, `setsid` or not."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def prefer_for_oom() -> None:
    """Ask the kernel to end this process before its owner when memory runs out."""
    with contextlib.suppress(OSError):
        if LINUX:
            Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def allow_descriptors(number: int) -> int:
    """Raise this process's own limit of open files where it is below `number`; the limit as it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= number:
        return number
    wanted = number if hard == resource.RLIM_INFINITY else min(hard, number)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft


def kill_descendants() -> bool:
    """Send SIGKILL to all descendants of this process; True where there were any."""
    found = psutil.Process().children(recursive=True)
    # Stopped first, so that none of them makes another while the list is worked through.
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.send_signal(number)
    return bool(found)


def children() -> list[int]:
    """Pids of this process's own children."""
    return [process.pid for process in psutil.Process().children()]

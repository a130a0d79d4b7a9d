"""A machine that runs systemd: a container of this machine's own files, whose changes go with it.

The real systemd is its first process, so that unit files are judged by what they do.  It takes root and
`systemd-nspawn`; there is no image, and no container engine.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

TOOLS = ("systemd-nspawn", "nsenter", "unshare")
START_SECONDS = 60.0

# All files of this machine are there and can be changed; what it has enabled and mounted is not.
_BOOT = """
mount -t tmpfs none {work}
mkdir {work}/upper {work}/work {work}/root
mount -t overlay none -o lowerdir=/,upperdir={work}/upper,workdir={work}/work {work}/root
mount -t tmpfs none {work}/root/etc/systemd/system
rm -f {work}/root/etc/fstab
exec systemd-nspawn --quiet --boot --directory={work}/root --machine={name} --register=no --keep-unit \\
  --link-journal=no --console=pipe --kill-signal=SIGRTMIN+3 {binds} systemd.unit=basic.target
"""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def why_no_machine() -> str | None:
    """What is missing for such a machine, or None."""
    if sys.platform != "linux":
        return "systemd is missing: it is for Linux only"
    if os.geteuid() != 0:
        return "root is missing, who alone can start a container with systemd"
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"{', '.join(missing)} is missing: install systemd-container and util-linux"
    return None


class Machine:
    """A machine, up until `stop`.

    Parameters
    ----------
    work : an empty folder; nothing is left in it.
    binds : what of this machine is seen where.  What lies on another file system than the root is not seen otherwise.
    """

    def __init__(self, work: Path, binds: Mapping[Path, str]) -> None:
        self._output = work.with_name(f"{work.name}.output")
        script = _BOOT.format(
            work=shlex.quote(str(work)),
            name=f"pfd-{os.getpid()}",
            binds=" ".join(shlex.quote(f"--bind={source}:{target}") for source, target in binds.items()),
        )
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-euc", script],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            self._await()
        except BaseException:
            self.stop()
            raise

    def _await(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"systemd did not start:\n{self._output.read_text(errors='replace')}")
            time.sleep(0.05)

    def _is_up(self) -> bool:
        if self._first() is None:
            return False
        return self.run("systemctl", "is-active", "basic.target", check=False).strip() == "active"

    def _first(self) -> int | None:
        """The pid of its systemd, as seen from here."""
        try:
            inside = psutil.Process(self._process.pid).children()
            return inside[0].pid if inside and inside[0].name() == "systemd" else None
        except psutil.NoSuchProcess:
            return None

    def run(self, *command: str, check: bool = True, environment: Mapping[str, str] | None = None) -> str:
        """Run a command in the machine, as root; what it printed.  Fails where it does, unless told not to."""
        first = self._first()
        assert first is not None, f"the machine is down:\n{self._output.read_text(errors='replace')}"
        done = subprocess.run(
            ["nsenter", "--all", "--target", str(first), *command],
            env={"PATH": _PATH, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0 or not check, f"{shlex.join(command)}: exit {done.returncode}\n{done.stdout}"
        return done.stdout

    def shell(self, script: str, *arguments: str) -> str:
        """Run a script of the shell in the machine, as root; what it printed."""
        return self.run("sh", "-euc", script, "sh", *arguments)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file in the machine."""
        self.shell('mkdir -p "${1%/*}"; printf %s "$2" > "$1"; chmod "$3" "$1"', path, text, f"{mode:o}")

    def show(self, unit: str, what: str) -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={what}", unit).strip()

    def processes(self, unit: str) -> list[int]:
        """Pids, as seen in the machine, of the processes of a service."""
        # The tree of systemd itself is there whatever version the control groups have.
        found = self.shell(
            "for f in /sys/fs/cgroup/systemd$1/cgroup.procs /sys/fs/cgroup$1/cgroup.procs; do "
            '[ ! -e "$f" ] || cat "$f"; done',
            self.show(unit, "ControlGroup") or "/gone",
        )
        return sorted({int(pid) for pid in found.split()})

    def stop(self) -> None:
        """End it with everything in it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                first = self._first()
                self._process.kill()
                if first is not None:
                    os.kill(first, signal.SIGKILL)  # and with it all others of its pid namespace
                self._process.wait()

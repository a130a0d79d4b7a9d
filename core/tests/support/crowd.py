"""Several processes that do the same thing at the same moment."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping

_CROWD = """
import os, sys, traceback
{prepare}
opened, gate = os.pipe()
pids = []
for _ in range(int(sys.argv[1])):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(gate)
            os.read(opened, 1)  # the end of the file comes to all of them at once
            os.write(1, f"{{work()}}\\n".encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    pids.append(pid)
os.close(gate)
sys.exit(sum(os.waitpid(pid, 0)[1] != 0 for pid in pids))
"""


def at_once(number: int, prepare: str, environment: Mapping[str, str]) -> list[str]:
    """What the function `work`, which `prepare` defines, returned in each of `number` processes.

    They are forked by a program that has done the imports, since an interpreter takes longer to start than they take to
    work.  Fails where one of them does.
    """
    done = subprocess.run(
        [sys.executable, "-c", _CROWD.format(prepare=textwrap.dedent(prepare)), str(number)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.returncode} of {number} failed:\n{done.stderr}"
    return done.stdout.split()

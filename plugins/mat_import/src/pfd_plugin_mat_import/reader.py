"""Reading files in a process of its own, since SciPy's reader and HDF5 can be made to crash by a damaged file.

A request is a line of JSON, the path.  A reply is a line of JSON, followed by the bytes of the array where the file
could be read.  A file that ends the process, by a crash or by the limits, costs a new process and not the import.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, BinaryIO, Self, cast

import numpy as np
from pydantic import TypeAdapter

from pfd import DataError
from pfd_plugin_data import RecordingInfo
from pfd_plugin_mat_import.layouts import Imported

SECONDS = 60
"""Longest that one file may take."""

MEMORY_BYTES = 8 * 1024**3
"""Most address space of the reading process: four times what a file's variables may take."""

_INFO = TypeAdapter(RecordingInfo)
_SAMPLE = np.dtype("<f4")


class Reader:
    """Reads files of one layout (or `"auto"`), one after the other.

    with Reader("auto") as reader:
        imported = reader.read(path)
    """

    def __init__(self, layout: str = "auto") -> None:
        self._layout = layout
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()  # it has nothing to put in order, and may be busy with the file of a cancelled job
            self._forget()

    def read(self, path: Path) -> Imported:
        """The recording in a file.

        Raises
        ------
        DataError : the reason why there is none.
        """
        process = self._process = self._process or self._start()
        requests, replies = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        try:
            requests.write(json.dumps(str(path)).encode() + b"\n")
            requests.flush()
            line = replies.readline()
        except BrokenPipeError:
            line = b""
        if not line.endswith(b"\n"):
            raise DataError(f"damaged, or made to do harm: {_ending(self._forget())}")
        reply = json.loads(line)
        if "reason" in reply:
            raise DataError(reply["reason"])
        info = _INFO.validate_python(reply["info"])
        shape = (len(info.channels), info.n_samples)
        array = np.frombuffer(replies.read(_SAMPLE.itemsize * shape[0] * shape[1]), _SAMPLE)
        return Imported(info, array.reshape(shape), reply["rate_source"])

    def _start(self) -> subprocess.Popen[bytes]:
        # -P: a file named scipy.py in the working directory is not ours.
        command = [sys.executable, "-P", "-m", __name__, self._layout]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _forget(self) -> int:
        """Let go of the process, which is ending, and return its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # a request that it did not live to read
        return process.wait()


def _ending(status: int) -> str:
    if status == -signal.SIGALRM:
        return f"it took longer than {SECONDS} s to read"
    if status < 0:
        return f"reading it crashed ({signal.Signals(-status).name})"
    return f"reading it ended the reader (exit status {status})"


def serve(layout: str, requests: BinaryIO, replies: BinaryIO) -> None:
    """Read the files that are asked for, until there are no more requests."""
    from pfd_plugin_mat_import.conversion import convert_file

    for line in requests:
        signal.alarm(SECONDS)  # ends the process, also where it is deep in C
        try:
            imported = convert_file(Path(json.loads(line)), layout)
        except DataError as error:
            replies.write(json.dumps({"reason": error.message}).encode() + b"\n")
        else:
            reply = {"info": _INFO.dump_python(imported.info, mode="json"), "rate_source": imported.rate_source}
            replies.write(json.dumps(reply).encode() + b"\n")
            replies.write(np.ascontiguousarray(imported.signal, _SAMPLE).data)
        replies.flush()
        signal.alarm(0)


def _main() -> None:
    replies = sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that a library prints may get between the replies
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # a lower limit stands already, or macOS, which has none
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    serve(sys.argv[1], sys.stdin.buffer, replies)


if __name__ == "__main__":
    _main()

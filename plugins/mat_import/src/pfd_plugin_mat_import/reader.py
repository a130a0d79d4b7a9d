"""Reading files in a process of its own, since SciPy's reader and HDF5 can be made to crash by a damaged file.

A request is a line of JSON, and so is a reply.  The arrays of the recordings in a file are left in a nameless file in
memory that both processes have open: a pipe would have them wait for each other at every megabyte.  A file that ends
the process, by a crash or by the limits, costs a new process and not the import.  The next files are read while one is
still looked at.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, NamedTuple, Self, cast

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from pfd import DataError
from pfd_plugin_data import RecordingInfo
from pfd_plugin_mat_import.assembly import Imported
from pfd_plugin_mat_import.params import FileMapping

SECONDS = 60
"""Longest that one file may take."""

MEMORY_BYTES = 8 * 1024**3
"""Most address space of the reading process: four times what a file's variables may take."""

_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "268435456"}
"""For glibc: memory of one file serves the next one.  Without it, the reading process spends two fifths of its time on
giving memory back and being given it again."""

AHEAD = 3
"""So many files are asked for at a time; the arrays of each have a place of their own."""

PLACE_BYTES = 16 * 1024**2
"""Arrays larger than this, together, go by the pipe of replies: no limit of memory sees what lies in a place."""

ROOM_BYTES = 16 * 1024
"""Most that requests ahead may take, a fourth of what a pipe holds.  One that does not fit waits until nothing else is
asked for: who writes to a full pipe waits for its reader, which may be writing to a full pipe itself."""

MOST_LETTERS = 400
"""Of a reason, a note or an origin."""

_INFO = TypeAdapter(RecordingInfo)
_SAMPLE = np.dtype("<f4")
_SPEED = np.dtype("<f8")

_Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Request:
    """A file to read: its path within the source, where it lies, its name in the zip file at `path` where it lies in
    one, and what the user's table says of it."""

    name: str
    path: str
    member: str | None = None
    row: Mapping[str, str] | None = None


class _Asked(NamedTuple):
    """A request on its way: its line, and which place its arrays are to be left in."""

    line: bytes
    place: int


class Reader:
    """Reads files of one layout (or `"auto"`), with what the user says of them.

    with Reader("auto") as reader:
        [imported] = reader.read(path)
    """

    def __init__(self, layout: str = "auto", mapping: FileMapping | None = None) -> None:
        self._settings = {"layout": layout, "mapping": (mapping or FileMapping()).model_dump(mode="json")}
        self._process: subprocess.Popen[bytes] | None = None
        self._stack = contextlib.ExitStack()
        self._places: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._stack.close()

    def start(self) -> None:
        """Start the process, which takes about a second to get ready; by itself it starts with the first request."""
        if self._process is None:
            # -P: a file named scipy.py in the working directory is not ours.
            command = [sys.executable, "-P", "-m", __name__]
            if not self._places:
                self._places = [_place(self._stack) for _ in range(AHEAD)]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | _KEEP_MEMORY,
                pass_fds=self._places,
            )
            self._send(_line(self._settings | {"places": self._places}))

    def read(self, path: Path) -> tuple[Imported, ...]:
        """The recordings in a file.

        Raises
        ------
        DataError : the reason why there is none.
        """
        [found] = self.read_all([Request(path.name, str(path))])
        if isinstance(found, DataError):
            raise found
        return found

    def read_all(self, requests: Iterable[Request]) -> Generator[tuple[Imported, ...] | DataError]:
        """The recordings of each file, or the reason why there are none."""
        coming = (
            _Asked(_line(asdict(request) | {"place": number % AHEAD}), number % AHEAD)
            for number, request in enumerate(requests)
        )
        following = next(coming, None)
        asked: deque[_Asked] = deque()
        try:
            while True:
                while following and _may_be_asked(following, asked):
                    self._ask(following.line)
                    asked.append(following)
                    following = next(coming, None)
                if not asked:
                    return
                try:
                    found: tuple[Imported, ...] | DataError = self._imported(asked.popleft().place)
                except DataError as error:
                    found = error
                    if self._process is None:  # with it went what it had been asked for beside
                        for lost in asked:
                            self._ask(lost.line)
                yield found
        finally:
            if asked:  # nobody will take the replies
                self._stop()

    def members(self, path: Path) -> list[tuple[str, str]]:
        """The MATLAB files in a zip file, each with the reason why it is refused (empty: it is not).

        Raises
        ------
        DataError : it is not a zip file, damaged, or there is too much in it.
        """
        self._ask(_line({"members": str(path)}))
        return [(name, reason) for name, reason in self._reply()["members"]]

    def _imported(self, place: int) -> tuple[Imported, ...]:
        found = []
        for told in self._reply()["recordings"]:
            info = _INFO.validate_python(told["info"])
            signal: _Array = np.empty((len(info.channels), info.n_samples), _SAMPLE)
            speed: _Array | None = np.empty(told["points"], _SPEED) if told["points"] else None
            found.append(Imported(info, signal, tuple(told["notes"]), speed, told["gaps"]))
        arrays = _arrays(found)
        if sum(array.nbytes for array in arrays) <= PLACE_BYTES:
            _copy(os.preadv, self._places[place], arrays)
        elif any(self._replies.readinto(array.data.cast("B")) < array.nbytes for array in arrays):
            raise self._ended()
        return tuple(found)

    @property
    def _replies(self) -> BufferedReader:
        return cast("BufferedReader", cast("subprocess.Popen[bytes]", self._process).stdout)

    def _ask(self, line: bytes) -> None:
        self.start()
        self._send(line)

    def _send(self, line: bytes) -> None:
        pipe = cast("IO[bytes]", cast("subprocess.Popen[bytes]", self._process).stdin)
        with contextlib.suppress(BrokenPipeError):  # it has ended, which the reply will tell
            pipe.write(line)
            pipe.flush()

    def _reply(self) -> Any:
        line = self._replies.readline()
        if not line.endswith(b"\n"):
            raise self._ended()
        reply = json.loads(line)
        if "reason" in reply:
            raise DataError(reply["reason"])
        return reply

    def _ended(self) -> DataError:
        return DataError(f"damaged, or made to do harm: {_ending(self._forget())}")

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()  # it has nothing to put in order, and may be busy with the file of a cancelled job
            self._forget()

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


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _may_be_asked(following: _Asked, asked: Sequence[_Asked]) -> bool:
    taken = sum(len(one.line) for one in asked)
    return not asked or (len(asked) < AHEAD and taken + len(following.line) <= ROOM_BYTES)


def _place(stack: contextlib.ExitStack) -> int:
    """A nameless file for arrays, in memory where the system has such files, until `stack` is closed."""
    if hasattr(os, "memfd_create"):
        place = os.memfd_create("pfd-recording")
        stack.callback(os.close, place)
        return place
    return stack.enter_context(tempfile.TemporaryFile()).fileno()


def _arrays(recordings: Iterable[Imported]) -> list[_Array]:
    """The arrays of recordings in the order in which they are left: the signal of each, and the course of its speed."""
    return [array for one in recordings for array in (one.signal, one.speed_hz) if array is not None]


def _copy(move: Callable[[int, list[memoryview], int], int], place: int, arrays: Iterable[_Array]) -> None:
    """Move whole arrays out of a file or into it; the system may move less at a time than it is asked to."""
    done = 0
    for array in arrays:
        rest = array.data.cast("B")
        while len(rest):
            moved = move(place, [rest], done)
            if not moved:
                raise EOFError(f"{done} bytes, and {len(rest)} more are missing")
            rest, done = rest[moved:], done + moved


def _ending(status: int) -> str:
    if status == -signal.SIGALRM:
        return f"it took longer than {SECONDS} s to read"
    if status < 0:
        return f"reading it crashed ({signal.Signals(-status).name})"
    return f"reading it ended the reader (exit status {status})"


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Do what is asked for, until there are no more requests."""
    settings = json.loads(requests.readline())
    layout, mapping = settings["layout"], FileMapping.model_validate(settings["mapping"])
    places: list[int] = settings["places"]
    for line in requests:
        signal.alarm(SECONDS)  # ends the process, also where it is deep in C
        by_pipe: Sequence[_Array] = ()
        try:
            reply, by_pipe = _answer(json.loads(line), layout, mapping, places)
        except DataError as error:
            reply = {"reason": _brief(error.message)}
        except (MemoryError, RecursionError) as error:
            reply = {"reason": f"damaged, or made to do harm: reading it ended in a {type(error).__name__}"}
        except Exception as error:
            traceback.print_exc()  # into the log of the job
            reply = {"reason": f"a fault in pfd, a {type(error).__name__}; the log has more, please report it"}
        signal.alarm(0)  # how long the reply takes is up to who reads it
        replies.write(_line(reply))
        replies.writelines(array.data.cast("B") for array in by_pipe)
        replies.flush()


def _answer(
    request: dict[str, Any], layout: str, mapping: FileMapping, places: Sequence[int]
) -> tuple[dict[str, Any], Sequence[_Array]]:
    """The reply, and the arrays where they are too large for their place."""
    from pfd_plugin_mat_import import archive
    from pfd_plugin_mat_import.conversion import convert_file

    if "members" in request:
        return {"members": archive.members(Path(request["members"]))}, ()
    place = places[request.pop("place")]
    asked = Request(**request)
    path = Path(asked.path)
    with archive.unpacked(path, asked.member) if asked.member else contextlib.nullcontext(path) as readable:
        found = convert_file(readable, layout, mapping, name=PurePosixPath(asked.name), row=asked.row)
    reply = {"recordings": [_told(imported) for imported in found]}
    arrays = [np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for array in _arrays(found)]
    if sum(array.nbytes for array in arrays) > PLACE_BYTES:
        return reply, arrays
    _copy(os.pwritev, place, arrays)
    return reply, ()


def _told(imported: Imported) -> dict[str, Any]:
    """What a reply says of a recording."""
    origins = {name: _brief(origin) for name, origin in imported.info.origins.items()}
    info = _INFO.dump_python(replace(imported.info, origins=origins), mode="json")
    try:
        json.dumps(info, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise DataError("it holds text that is not Unicode") from None
    points = 0 if imported.speed_hz is None else imported.speed_hz.size
    notes = [_brief(note) for note in imported.notes]
    return {"info": info, "notes": notes, "gaps": _brief(imported.gaps), "points": points}


def _brief(text: str) -> str:
    """What a file can put its own words into, cut, and fit to be written anywhere."""
    text = text.encode(errors="replace").decode()
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"


def _main() -> None:
    replies = sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that a library prints may get between the replies
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # a lower limit stands already, or macOS, which has none
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    serve(sys.stdin.buffer, replies)
    os._exit(0)


if __name__ == "__main__":
    _main()

"""Files that rows name: where they lie below PFD_HOME, and whether they are still what was written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self

from pfd.errors import ArtifactError, DataError
from pfd.files import open_regular

_KINDS = {"size": int, "mtime_ns": int, "ctime_ns": int, "sha256": str}
_MOST_KNOWN = 10_000

_UNKNOWN = -1
"""The size of a file of which an earlier version has kept a digest alone; migrations write it as well."""

_known: dict[tuple[Path, int, int, int], str] = {}
"""Digests that this process has computed, by path and state of the file: a file is read through once a process."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.  Raises `DataError` where it cannot be read."""
    with open_regular(path) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def home_path(home: Path, text: str) -> Path:
    """The file that a row names, its path being relative to PFD_HOME.

    Raises
    ------
    DataError : it leads out of PFD_HOME, as no path does that PFD has written.
    """
    named = PurePosixPath(text)
    if text and "\0" not in text and not named.is_absolute() and ".." not in named.parts:
        path = home / named
        # Its first folder may be a link, made by who has put all artifacts on another disk.
        if path.resolve().is_relative_to((home / named.parts[0]).resolve() if named.parts[1:] else home.resolve()):
            return path
        raise DataError(
            f"{path} is a link, or lies behind one, that leads out of {home}",
            hint="put the file itself there; a link may stand for the whole folder of artifacts",
        )
    raise DataError(
        f"{text!r} in a row of the store is not a path within {home}",
        hint="something else than PFD has written to the store; 'pfd doctor --files' looks at all rows",
    )


def home_relative(home: Path, path: Path) -> str:
    """The path of a file below PFD_HOME as a row keeps it.  Raises `ArtifactError` for one that lies elsewhere."""
    real = path.resolve()
    for folder in (home, home / "artifacts"):  # which may be a link to another disk
        if real.is_relative_to(folder.resolve()):
            return (folder.relative_to(home) / real.relative_to(folder.resolve())).as_posix()
    raise ArtifactError(f"{path} does not lie in PFD_HOME {home}")


@dataclass(frozen=True)
class Seal:
    """What a row keeps of a file, so that a change of it shows.

    Parameters
    ----------
    size : bytes.
    mtime_ns, ctime_ns : when its content and its inode were last changed, since the epoch.  A program can set back the
        first, but not the second.
    sha256 : of the content, in hexadecimal; of a file whose format has its own digest, that digest.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path, sha256: str | None = None) -> Self:
        """The seal of a file as it is now; `sha256` where its format has its own digest.

        Raises
        ------
        DataError : it is not there, or cannot be read.
        """
        before = _state(path)
        return cls(*before, sha256_of(path) if sha256 is None else sha256)

    @classmethod
    def of_digest(cls, sha256: str) -> Self:
        """The seal of a file of which an earlier version has kept a digest alone: the content is always compared."""
        return cls(_UNKNOWN, 0, 0, sha256)

    @classmethod
    def from_json(cls, found: object) -> Self | None:
        """From the JSON of a row; None where there is none that `to_json` has made."""
        if not isinstance(found, dict) or {name: type(value) for name, value in found.items()} != _KINDS:
            return None
        return cls(**found)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class StoredFile:
    """A file that a row names.

    Parameters
    ----------
    what : whose it is, for messages: `"model of experiment 3"`.
    home : PFD_HOME.
    name : its path relative to that, as the row has it.
    seal : None where the row keeps none, as those of earlier versions do.
    hint : what to do where it is not as it was.
    digest : how its content is digested; raises `DataError` where that finds damage.
    """

    what: str
    home: Path
    name: str
    seal: Seal | None
    hint: str
    digest: Callable[[Path], str] = sha256_of

    @property
    def path(self) -> Path:
        """Where the row says that it lies, to be shown; whoever opens it takes what `intact` gives."""
        return self.home / self.name

    def intact(self) -> Path:
        """The path, once the file is known to be what was written.

        Size and times are compared first.  Where these are not what they were, as after a copy or a restored backup,
        the content is digested, once a process.  A row without a seal is taken at its word.

        Raises
        ------
        DataError : the file is gone, or another than was written, or does not lie in PFD_HOME.
        """
        path, state = self._found()
        if self.seal is not None and state != (self.seal.size, self.seal.mtime_ns, self.seal.ctime_ns):
            self._compare(path, state)
        return path

    def verify(self) -> bool:
        """Read all of the file and compare; False where the row keeps nothing to compare with.

        Raises
        ------
        DataError : as `intact`.
        """
        path, state = self._found()
        _known.pop((path, *state), None)
        if self.seal is None:
            self.digest(path)
            return False
        self._compare(path, state)
        return True

    def _found(self) -> tuple[Path, tuple[int, int, int]]:
        path = home_path(self.home, self.name)
        try:
            return path, _state(path)
        except DataError as error:
            error.hint = self.hint
            raise

    def _compare(self, path: Path, state: tuple[int, int, int]) -> None:
        assert self.seal is not None
        # First of all: a file of another size need not be read to its end, however far that is.
        if self.seal.size not in (_UNKNOWN, state[0]):
            raise self._changed(f"it has {state[0]} bytes, and {self.seal.size} were written")
        key = (path, *state)
        if key not in _known:
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            _known[key] = self.digest(path)
        if _known[key] != self.seal.sha256:
            raise self._changed(f"its digest is {_known[key][:12]}, and {self.seal.sha256[:12]} was written")

    def _changed(self, how: str) -> DataError:
        return DataError(f"{self.path}, the {self.what}, has been changed: {how}", hint=self.hint)


def _state(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns

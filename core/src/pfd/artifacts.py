"""Files of jobs: `PFD_HOME/artifacts/<job>/<claim>/`, written by one run and published when it succeeds."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pfd.characters import is_shown
from pfd.errors import ArtifactError
from pfd.job import ArtifactFile, Job, is_job_id
from pfd.modes import fit, make_folder

MAX_PUBLISHED = 10_000
MAX_NAMES = 1024 * 1024
"""Characters of all names of a job's files, which are stored with the job and read with it."""


def job_folder(home: Path, part: str, job_id: str) -> Path:
    """The folder of a job's files (`part` is `"artifacts"`) or logs (`"logs"`).

    Raises
    ------
    ArtifactError : no job has that id; as part of a path it may lead anywhere.
    """
    if not is_job_id(job_id):
        raise ArtifactError(
            f"{job_id!r} is not an id of a job",
            hint="something else than PFD has written to the store; no file is touched",
        )
    return home.joinpath(part, job_id)


class ArtifactFolder:
    """The folder of one run of a job."""

    def __init__(self, home: Path, job_id: str, claim: int) -> None:
        self.job_folder = job_folder(home, "artifacts", job_id)
        self.path = self.job_folder / str(claim)
        self.claim = claim

    def file(self, name: str) -> Path:
        """The path of an artifact to be written, its parent folder made.

        Raises
        ------
        ArtifactError : `name`, which may hold `/`, leads outside or has characters that are not shown; or there is no
            room for the folder.
        """
        path = _inside(self.path, name)
        _make(path.parent)
        return path

    def checkpoint(self, name: str) -> Path | None:
        """The newest file of that name that an earlier run of this job left, or None."""
        for claim in sorted(self._earlier(), reverse=True):
            path = _inside(self.job_folder / str(claim), name)
            if path.is_file():
                return path
        return None

    def _earlier(self) -> Iterator[int]:
        if self.job_folder.is_dir():
            for entry in self.job_folder.iterdir():
                if entry.name.isdigit() and int(entry.name) < self.claim:
                    yield int(entry.name)

    def listing(self) -> tuple[ArtifactFile, ...]:
        """What has been written, sorted by name.

        Left out are links, which may point anywhere, and what `unpublishable` names.

        Raises `ArtifactError` where that is more than can be published, and `OSError` where the folder cannot be looked
        through.
        """
        found: list[ArtifactFile] = []
        characters = 0
        for name, path in self._written():
            if is_shown(name) and path.is_file() and not path.is_symlink():
                found.append(ArtifactFile(name, path.stat().st_size))
                characters += len(name)
                if len(found) > MAX_PUBLISHED or characters > MAX_NAMES:
                    raise ArtifactError(
                        f"more files than can be published: at most {MAX_PUBLISHED}, "
                        f"and {MAX_NAMES} characters of names",
                        hint=f"pack them into one; they are in {self.path}",
                    )
        return tuple(sorted(found, key=lambda item: item.name))

    def unpublishable(self) -> list[str]:
        """Names of files that were written with characters that are not shown, or that are not a text at all."""
        return sorted(name for name, _ in self._written() if not is_shown(name))

    def _written(self) -> Iterator[tuple[str, Path]]:
        for folder, _, names in os.walk(self.path, onerror=self._unless_missing):
            for path in (Path(folder, name) for name in names):
                yield path.relative_to(self.path).as_posix(), path

    def _unless_missing(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error


def published(home: Path, job: Job, name: str) -> Path:
    """The path of a published artifact of a job that succeeded."""
    names = [item.name for item in job.artifacts]
    if name not in names or job.claim is None:
        listed = ", ".join(names) or "none"
        raise ArtifactError(f"job {job.id} has no artifact {name!r}; it has: {listed}")
    path = place(home, job, name)
    if not path.is_file():
        raise ArtifactError(f"{path} is gone", hint="was PFD_HOME moved? 'pfd doctor' checks it")
    return path


def place(home: Path, job: Job, name: str) -> Path:
    """Where a file of a job's latest run lies, or has lain.  Raises `ArtifactError` for a name that leads outside."""
    return _inside(job_folder(home, "artifacts", job.id) / str(job.claim or 0), name)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all: yields a temporary path in the same folder, renamed at the end."""
    _make(path.parent)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        fit(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any, *, indent: int | None = 2) -> None:
    """Write a value as JSON, whole or not at all.  Raises `ValueError` for what JSON has not, as NaN is."""
    text = json.dumps(value, indent=indent, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _inside(folder: Path, name: str) -> Path:
    if not is_shown(name):
        raise ArtifactError(
            f"artifact name {name!r} has characters that are not shown",
            hint="name it in letters, digits and signs that can be seen",
        )
    path = (folder / name).resolve()
    if not name or not path.is_relative_to(folder.resolve()) or path == folder.resolve():
        raise ArtifactError(f"artifact name {name!r} leads outside the job's folder")
    return path


def _make(folder: Path) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise ArtifactError(
            f"cannot create {folder}: {error.strerror or error}", hint="check PFD_HOME and the space on its disk"
        ) from error

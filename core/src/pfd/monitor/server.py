"""The HTTP server: `/metrics` and `/health`."""

from __future__ import annotations

import errno
import json
import logging
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from pfd.errors import SettingsError
from pfd.monitor.health import Health

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("pfd.monitor")

REQUEST_PATIENCE = 10.0
"""Seconds that a client may take to send its request."""


class Application:
    """Answers requests: metrics by another application, each kind of health by a function."""

    def __init__(self, metrics: WSGIApplication, checks: Mapping[str, Callable[[], Health]]) -> None:
        self._metrics = metrics
        self._checks = checks

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"].rstrip("/")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _text(start_response, "405 Method Not Allowed", "this is only for reading\n")
        if path == "/metrics":
            return self._metrics(environ, start_response)
        if check := self._checks.get(path):
            found = check()
            status = "200 OK" if found.ok else "503 Service Unavailable"
            return _answer(start_response, status, "application/json", json.dumps(found.report) + "\n")
        return _text(start_response, "404 Not Found" if path else "200 OK", "\n".join(("/metrics", *self._checks, "")))


def _text(start_response: StartResponse, status: str, text: str) -> list[bytes]:
    return _answer(start_response, status, "text/plain; charset=utf-8", text)


def _answer(start_response: StartResponse, status: str, kind: str, text: str) -> list[bytes]:
    start_response(status, [("Content-Type", kind), ("Cache-Control", "no-store")])
    return [text.encode()]


class MonitorServer(socketserver.ThreadingMixIn, WSGIServer):
    """Each request in a thread of its own, so that one that hangs holds up no other."""

    daemon_threads = True

    def server_bind(self) -> None:
        # Not as the library does it, which asks the network for a name of this machine, and may wait long for that.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  (a client that went away, mostly)
        log.debug("a request from %s was not answered: %r", client_address, sys.exception())


class MonitorServer6(MonitorServer):
    """The same, for IPv6."""

    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_PATIENCE

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)


def serve(address: tuple[str, range], application: Application) -> MonitorServer:
    """A server at the first free port, in a thread.  Raises `SettingsError` where there is none."""
    host, ports = address
    kind = MonitorServer6 if ":" in host else MonitorServer
    for port in ports:
        try:
            server = kind((host, port), _Handler)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port != ports[-1]:
                continue
            where = _place(host, port)
            raise SettingsError(f"metrics cannot be served at {where}: {error.strerror}", hint=_HINT) from error
        server.set_app(application)
        threading.Thread(target=server.serve_forever, name="pfd-monitor", daemon=True).start()
        return server
    raise AssertionError("a range holds at least one port")


_HINT = (
    "PFD_METRICS=127.0.0.1:0 takes any free port, and 127.0.0.1:9109-9119 the first free one of those; "
    "empty serves none"
)


def place(server: MonitorServer) -> str:
    """HOST:PORT of a server, the name of this machine where it listens on all interfaces."""
    host = server.server_name
    return _place(socket.gethostname() if host in ("0.0.0.0", "::") else host, server.server_port)  # noqa: S104  (compared)


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

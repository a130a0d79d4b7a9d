"""The HTTP server: `/metrics` and `/health`."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from pfd import SettingsError
from pfd_plugin_observability.health import Health

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("pfd.monitor")

MOST_CONNECTIONS = 32
"""Connections at once.  Each takes a thread and a descriptor of the worker, which has jobs to run with them."""

REQUEST_PATIENCE = 10.0
"""Seconds from a connection to its end: to send the request, and to take the answer."""

BREATH = 0.1
"""Seconds without another try where a connection could not be taken: it waits, and would be tried without pause."""

_BUSY = b"HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 1\r\n\r\ntoo many connections\n"


class Application:
    """Answers requests: metrics by another application, each kind of health by a function."""

    def __init__(self, metrics: WSGIApplication, checks: Mapping[str, Callable[[], Health]]) -> None:
        self._metrics = metrics
        self._checks = checks

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "HEAD":
            return self._head(environ, start_response)
        return self._get(environ, start_response)

    def _head(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """What is said of an answer, without the answer."""
        told: list[tuple[str, list[tuple[str, str]]]] = []

        def note(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
            told.append((status, headers))
            return lambda _: None

        length = sum(map(len, self._get(environ | {"REQUEST_METHOD": "GET"}, note)))
        [(status, headers)] = told
        start_response(status, [*headers, ("Content-Length", str(length))])
        return []

    def _get(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"].rstrip("/")
        if environ["REQUEST_METHOD"] != "GET":
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


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)


class MonitorServer(socketserver.ThreadingMixIn, WSGIServer):
    """Each request in its own thread, so that one that hangs holds up no other; of neither without limit."""

    daemon_threads = True
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, address: tuple[str, int]) -> None:
        self._deadlines: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        self._spare = _spare()
        self._closed = False
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # Not as the library does it, which asks the network for a name of this machine, and may wait long for that.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError as error:
            # Just then somebody should be told how this worker is.
            if error.errno in (errno.EMFILE, errno.ENFILE) and self._give_spare():
                return super().get_request()
            time.sleep(BREATH)  # the library goes on at once
            raise

    def _give_spare(self) -> bool:
        with self._lock:
            spare, self._spare = self._spare, None
            if spare is not None:
                os.close(spare)
        return spare is not None

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if room := len(self._deadlines) < MOST_CONNECTIONS:
                self._deadlines[request] = time.monotonic() + REQUEST_PATIENCE
        if room:
            super().process_request(request, client_address)
            return
        with contextlib.suppress(OSError):  # as far as that goes without waiting
            request.setblocking(False)
            request.send(_BUSY)
            request.recv(65536)  # what is closed unread is reset, and so may be what was sent
        self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._deadlines.pop(request, None)
        super().shutdown_request(request)
        with self._lock:
            if self._spare is None and not self._closed:
                self._spare = _spare()

    def service_actions(self) -> None:
        """Cut connections whose time is up; called by the library twice a second and more."""
        self._cut(time.monotonic())

    def server_close(self) -> None:
        super().server_close()
        with self._lock:
            self._closed = True
        self._give_spare()
        self._cut(float("inf"))

    def _cut(self, now: float) -> None:
        # Not closed, which is for their threads to do: these are woken by it.  Under the lock none of them does so now.
        with self._lock:
            for connection, deadline in self._deadlines.items():
                if now >= deadline:
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  (a client that went away, mostly)
        log.debug("a request from %s was not answered: %r", client_address, sys.exception())


def _spare() -> int | None:
    """A descriptor that is kept for when there is no other; None where there is none now."""
    with contextlib.suppress(OSError):
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    return None


class MonitorServer6(MonitorServer):
    """The same, for IPv6."""

    address_family = socket.AF_INET6


def serve(address: tuple[str, range], application: Application) -> MonitorServer:
    """A server at the first free port, in a thread.  Raises `SettingsError` where there is none."""
    host, ports = address
    kind = MonitorServer6 if ":" in host else MonitorServer
    for port in ports:
        try:
            server = kind((host, port))
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

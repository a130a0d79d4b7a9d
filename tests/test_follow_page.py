"""What `docs/how-to/follow-jobs-in-a-web-service.md` says is true: its service is served, and streams are followed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pfd import Dispatcher, Settings
from pfd_contract import until
from tests.support.workspace import ROOT

PAGE = ROOT / "docs" / "how-to" / "follow-jobs-in-a-web-service.md"
SERVICE = re.findall(r"```python\n(# live.py\n.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)[0]
COMMAND = re.findall(r"^    uvicorn (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[0].split()

PATIENCE = 60.0

pytestmark = pytest.mark.slow("a web server, a worker and their jobs")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    plugin = str(ROOT / "core" / "tests" / "plugin")
    own = {"PFD_HOME": str(tmp_path / "home"), "PFD_PLUGINS": "sample", "PFD_SWEEP": "0.2", "PYTHONPATH": plugin}
    return os.environ | own


@contextlib.contextmanager
def program(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(command, env=environment, cwd=folder)
    try:
        yield started
    finally:
        started.kill()
        started.wait(PATIENCE)


@pytest.fixture
def server(tmp_path: Path, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """The service, as the page starts it, a worker and a client."""
    assert "QUIET = 15.0" in SERVICE
    (tmp_path / "live.py").write_text(SERVICE.replace("QUIET = 15.0", "QUIET = 0.2"), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serve = [sys.executable, "-m", "uvicorn", *COMMAND, "--port", str(port), "--log-level", "warning"]
    worker = [str(Path(sys.executable).with_name("pfd")), "worker", "--concurrency", "1"]
    with (
        program(worker, environment, tmp_path),
        program(serve, environment, tmp_path) as service,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client,
    ):

        def answers() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return client.get("/jobs/00000000-0000-4000-8000-000000000000/result").status_code == 404
            return False

        until(answers, "the server answers")
        yield service, client


class Stream(threading.Thread):
    """A browser's `EventSource`: what came, and where it is to go on."""

    def __init__(self, client: httpx.Client, since: str | None = None, last: str | None = None) -> None:
        super().__init__(daemon=True)
        self._client, self._since, self._last = client, since, last
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.comments = 0
        self.opened = threading.Event()
        self.leave = threading.Event()
        self.start()
        assert self.opened.wait(PATIENCE)

    def run(self) -> None:
        headers = {"last-event-id": self._last} if self._last else {}
        params = {"since": self._since} if self._since is not None else {}
        with self._client.stream("GET", "/changes", params=params, headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            self.opened.set()
            behind = ""
            with contextlib.suppress(httpx.TransportError):  # of a server that was ended
                for line in answer.iter_lines():
                    if line.startswith("id: "):
                        behind = line.removeprefix("id: ")
                    elif line.startswith("data: "):
                        self.events.append((behind, json.loads(line.removeprefix("data: "))))
                    elif line.startswith(":"):
                        self.comments += 1
                    if self.leave.is_set():
                        return

    def ended(self) -> list[str]:
        return [job["id"] for _, job in self.events if job["ended_at"] is not None]


def start(client: httpx.Client, number: int) -> str:
    answer = client.post("/jobs/add", json={"a": number})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_pages_follow_all_jobs_and_go_on_where_they_were_cut_off(
    server: tuple[subprocess.Popen[bytes], httpx.Client],
) -> None:
    _, client = server
    early = start(client, 0)
    assert client.get(f"/jobs/{early}/result").json() == {"value": 1}
    pages = [Stream(client) for _ in range(8)]
    ids = [start(client, number) for number in range(10)]
    until(lambda: all(len(page.ended()) >= 10 for page in pages), "all pages have seen all ends")
    for page in pages:
        assert sorted(page.ended()) == sorted(ids)  # each once, and none from before
        assert len({behind for behind, _ in page.events}) == len(page.events)
    behind, _ = pages[0].events[len(pages[0].events) // 2]
    again = Stream(client, last=behind)
    rest = [one["id"] for _, one in pages[0].events[len(pages[0].events) // 2 + 1 :] if one["ended_at"] is not None]
    until(lambda: len(again.ended()) >= len(rest), "it goes on")
    assert set(again.ended()) >= set(rest)
    assert {early, *ids} == set(all_that_ended(client))
    for page in (*pages, again):
        page.leave.set()
    start(client, 99)
    for page in (*pages, again):
        page.join(PATIENCE)
        assert not page.is_alive()


def all_that_ended(client: httpx.Client) -> list[str]:
    whole = Stream(client, since="")
    until(lambda: len(whole.ended()) >= 11, "all there was")
    whole.leave.set()
    return whole.ended()


def test_errors_come_before_the_stream_and_others_are_answered_meanwhile(
    server: tuple[subprocess.Popen[bytes], httpx.Client],
) -> None:
    _, client = server
    for since in ("x", ":99999999999999999:1"):
        answer = client.get("/changes", params={"since": since})
        assert (answer.status_code, "cursor of changes" in answer.json()["error"]) == (422, True)
    assert client.post("/jobs/add", json={"a": "x"}).status_code == 422
    assert client.post("/jobs/no_such_task", json={}).status_code == 422
    page = Stream(client)
    until(lambda: page.comments >= 3, "it says that it is still there")
    began = time.monotonic()
    job = start(client, 1)
    assert client.get(f"/jobs/{job}/result").json() == {"value": 2}
    assert time.monotonic() - began < 5
    until(lambda: job in page.ended(), "it is followed on")
    page.leave.set()


def test_a_service_that_is_ended_ends_its_streams(
    server: tuple[subprocess.Popen[bytes], httpx.Client], environment: dict[str, str], tmp_path: Path
) -> None:
    service, client = server
    page = Stream(client)
    job = start(client, 1)
    until(lambda: job in page.ended(), "it is seen")
    service.send_signal(signal.SIGTERM)
    service.wait(PATIENCE)
    page.join(PATIENCE)
    assert not page.is_alive()
    with Dispatcher(Settings(home=tmp_path / "home", plugins=("sample",))) as dispatcher:
        assert dispatcher.changes(page.events[-1][0]).jobs == ()  # its cursor is good whoever serves it

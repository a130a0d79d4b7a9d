"""What `docs/how-to/from-a-web-app.md` says is true: its apps are served, and jobs of theirs run in a worker."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from pfd import Dispatcher, StoreUnavailable, load_settings
from pfd.store import Store
from pfd_contract import until
from tests.support.workspace import ROOT

PAGE = ROOT / "docs" / "how-to" / "from-a-web-app.md"
API, DASHBOARD = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)

PATIENCE = 90.0

pytestmark = pytest.mark.slow("a web server, a worker and their jobs")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two apps, and a home."""
    made = tmp_path_factory.mktemp("web")
    (made / "api.py").write_text(API, encoding="utf-8")
    (made / "dashboard.py").write_text(DASHBOARD, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"PFD_HOME": str(folder / "home"), "PFD_SWEEP": "0.2", "PFD_GRACE": "1"}


@pytest.fixture(scope="module")
def worker(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A worker, as the page starts it, of one slot."""
    command = [str(Path(sys.executable).with_name("pfd")), "worker", "--concurrency", "1"]
    started = subprocess.Popen(command, env=environment, cwd=folder)
    yield
    started.terminate()
    started.wait(PATIENCE)


@pytest.fixture(scope="module")
def api(folder: Path, environment: dict[str, str], worker: None) -> Iterator[httpx.Client]:
    """A client of the FastAPI app, which a real server serves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "api:app", "--port", str(port), "--log-level", "warning"]
    server = subprocess.Popen(command, env=environment, cwd=folder)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:

        def answers() -> bool:
            try:
                return client.get("/jobs").status_code == 200
            except httpx.TransportError:
                return False

        until(answers, "the server answers")
        yield client
    server.terminate()
    server.wait(PATIENCE)


def events_of(api: httpx.Client, job: str) -> list[dict[str, Any]]:
    with api.stream("GET", f"/jobs/{job}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]


def start(api: httpx.Client, name: str, **others: Any) -> str:
    answer = api.post("/jobs/generate_dataset_task", json={"name": name, "rpm": [1200], **others})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_a_request_submits_a_job_and_others_follow_it_to_its_result(api: httpx.Client) -> None:
    job = start(api, "followed")
    seen = events_of(api, job)
    assert seen[-1]["state"] == "SUCCESS"
    progress = [one["progress"] for one in seen]
    assert progress == sorted(progress)
    assert api.get(f"/jobs/{job}").json() == seen[-1]
    assert api.get(f"/jobs/{job}/result").json() == seen[-1]["result"]
    found = api.get("/jobs", params={"text": "generate", "state": "SUCCESS"}).json()
    assert [one["id"] for one in found["jobs"]] == [job]
    assert (found["total"], found["next"]) == (1, None)


def test_many_streams_are_open_at_once_and_other_requests_are_answered(api: httpx.Client) -> None:
    jobs = [start(api, f"many-{number}") for number in range(3)]
    seen: dict[str, list[dict[str, Any]]] = {}
    streams = [
        threading.Thread(target=lambda number=number: seen.update({f"{number}": events_of(api, jobs[number % 3])}))
        for number in range(12)
    ]
    for stream in streams:
        stream.start()
    began = time.monotonic()
    assert api.get(f"/jobs/{jobs[0]}").status_code == 200
    assert time.monotonic() - began < 5
    for stream in streams:
        stream.join(PATIENCE)
    assert {(one[-1]["id"], one[-1]["state"]) for one in seen.values()} == {(job, "SUCCESS") for job in jobs}
    assert len(seen) == 12


def test_a_request_cancels_a_job(api: httpx.Client) -> None:
    job = start(api, "cancelled", num_signals_per_fault=1000, duration_s=10)
    assert api.delete(f"/jobs/{job}").status_code == 200
    assert events_of(api, job)[-1]["state"] == "REVOKED"
    answer = api.get(f"/jobs/{job}/result")
    assert answer.status_code == 409
    assert "cancel" in answer.json()["error"]


def test_errors_have_the_codes_that_the_page_names(api: httpx.Client) -> None:
    answers = {
        "rpm": (api.post("/jobs/generate_dataset_task", json={"name": "x", "rpm": ["fast"]}), 422),
        "unknown task": (api.post("/jobs/no_such_task", json={}), 422),
        "choose one of PENDING": (api.get("/jobs", params={"state": "done"}), 422),
        "no job": (api.get("/jobs/00000000-0000-4000-8000-000000000000"), 404),
        "'pfd jobs' lists": (api.get("/jobs/00000000-0000-4000-8000-000000000000/events"), 404),
        "uuid": (api.get("/jobs/@last"), 422),
    }
    for said, (answer, code) in answers.items():
        assert answer.status_code == code, answer.text
        assert said in answer.text
    first = api.post("/jobs/generate_dataset_task", params={"key": "once"}, json={"name": "keyed", "rpm": [1200]})
    again = api.post("/jobs/generate_dataset_task", params={"key": "once"}, json={"name": "keyed", "rpm": [1200]})
    assert first.json() == again.json()
    other = api.post("/jobs/generate_dataset_task", params={"key": "once"}, json={"name": "other", "rpm": [1200]})
    assert (other.status_code, "once" in other.json()["error"]) == (409, True)
    events_of(api, first.json()["id"])


def load(folder: Path, name: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """One of the apps in this process."""
    for variable in ("PFD_HOME", "PFD_SWEEP", "PFD_GRACE"):
        monkeypatch.setenv(variable, environment[variable])
    spec = importlib.util.spec_from_file_location(f"page_{name}", folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_store_that_is_away_is_503(
    folder: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load(folder, "api", environment, monkeypatch)

    def away(_: Store) -> None:
        raise StoreUnavailable("it is away", hint="wait")

    monkeypatch.setattr(Store, "read", away)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(module.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            return await client.get("/jobs")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()) == (503, {"error": "it is away", "hint": "wait"})


class Browser:
    """Asks what a browser would ask of a Dash app: a callback at a time."""

    def __init__(self, app: Any) -> None:
        self._client = app.server.test_client()
        self._callbacks = self._client.get("/_dash-dependencies").get_json()
        self.values: dict[str, Any] = {}

    def fire(self, changed: str, value: Any) -> None:
        """Change an input; all callbacks of it are called, and what they give is taken over."""
        self.values[changed] = value
        for callback in self._callbacks:
            given = [f"{one['id']}.{one['property']}" for one in callback["inputs"]]
            if changed in given:
                self._call(callback, changed)

    def _call(self, callback: dict[str, Any], changed: str) -> None:
        def filled(places: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{**one, "value": self.values.get(f"{one['id']}.{one['property']}")} for one in places]

        several = callback["output"].startswith("..")
        names = [name for name in callback["output"].strip(".").split("...") if "." in name]
        outputs = [{"id": name.rpartition(".")[0], "property": name.rpartition(".")[2]} for name in names]
        asked = {
            "output": callback["output"],
            "outputs": outputs if several or not outputs else outputs[0],
            "inputs": filled(callback["inputs"]),
            "state": filled(callback["state"]),
            "changedPropIds": [changed],
        }
        answer = self._client.post("/_dash-update-component", json=asked)
        assert answer.status_code in (200, 204), answer.text
        for identity, properties in (answer.get_json(silent=True) or {}).get("response", {}).items():
            self.values.update({f"{identity}.{name}": one for name, one in properties.items()})


def test_the_dashboard_starts_shows_and_cancels_jobs(
    folder: Path, environment: dict[str, str], worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(load(folder, "dashboard", environment, monkeypatch).app)
    browser.fire("tick.n_intervals", None)
    assert (browser.values["bar.value"], browser.values["tick.disabled"]) == ("0", True)

    browser.values["name.value"] = "bad name/"
    browser.fire("start.n_clicks", 1)
    assert "name" in browser.values["error.children"]
    assert browser.values.get("job.data") is None

    browser.values["name.value"] = "shown"
    browser.fire("start.n_clicks", 2)
    job = browser.values["job.data"]
    assert browser.values["error.children"] == ""
    browser.fire("job.data", job)
    assert browser.values["tick.disabled"] is False

    def ended() -> bool:
        browser.fire("tick.n_intervals", 1)
        return bool(browser.values["tick.disabled"])

    until(ended, "the job has ended", PATIENCE)
    assert (browser.values["bar.value"], browser.values["status.children"].split()[0]) == ("1.0", "SUCCESS")

    with Dispatcher(load_settings({"home": folder / "home"}).values) as dispatcher:
        queued = dispatcher.submit("generate_dataset_task", {"name": "later", "rpm": [1200]}, countdown=3600)
        browser.fire("job.data", queued.id)
        browser.fire("cancel.n_clicks", 1)
        browser.fire("tick.n_intervals", 2)
        assert browser.values["status.children"].startswith("REVOKED cancelled")
        assert queued.state == "REVOKED"

"""Where metrics and health are served, and that what is served is what is written down."""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from core.tests.support.commands import Commands, program
from core.tests.support.stores import as_environment
from core.tests.support.waiting import until
from pfd import Dispatcher, Settings, SettingsError, State, StoreReading, Worker, WorkerStart, hookimpl
from pfd.plugins import Registry
from pfd.store import Store, reading, workers
from pfd_plugin_observability import METRICS, server
from pfd_plugin_observability.reading import Reader
from tests.support.scrape import Scrape, health
from tests.support.workspace import ROOT

PATIENCE = 60.0


def serving(settings: Settings, at: str = "127.0.0.1:0") -> Settings:
    return settings.model_copy(update={"metrics": at})


def address(worker: Worker) -> str:
    """Where a worker says that it serves."""
    assert worker.engine is not None
    with Dispatcher(worker.settings, registry=worker.registry) as dispatcher:
        [found] = [info.metrics for info in dispatcher.workers() if info.id == worker.engine.id]
    assert found is not None
    return found


@pytest.fixture
def watched(settings: Settings, registry: Registry) -> Iterator[Worker]:
    with Worker(serving(settings), registry=registry) as worker:
        yield worker


@pytest.fixture
def watched_on_sqlite(sqlite_settings: Settings, registry: Registry) -> Iterator[Worker]:
    with Worker(serving(sqlite_settings), registry=registry) as worker:
        yield worker


# -- where -----------------------------------------------------------------------------------------------------------


def test_nothing_is_served_unless_asked_for(sqlite_settings: Settings, registry: Registry) -> None:
    with Worker(sqlite_settings, registry=registry), Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        assert [info.metrics for info in dispatcher.workers()] == [None]


def test_nor_for_a_worker_of_one_program_alone(sqlite_settings: Settings, registry: Registry) -> None:
    settings = serving(sqlite_settings)
    with Worker(settings, client_id="mine", registry=registry), Dispatcher(settings, registry=registry) as dispatcher:
        assert [info.metrics for info in dispatcher.workers()] == [None]


def test_of_a_range_each_worker_takes_the_first_port_that_is_free(
    sqlite_settings: Settings, registry: Registry
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first = taken.getsockname()[1]
        settings = serving(sqlite_settings, f"127.0.0.1:{first}-{min(first + 50, 65535)}")
        with Worker(settings, registry=registry) as one, Worker(settings, registry=registry) as other:
            ports = {int(address(worker).rpartition(":")[2]) for worker in (one, other)}
            assert len(ports) == 2
            assert first not in ports
            assert {health(address(worker))[0] for worker in (one, other)} == {200}


def test_a_port_that_is_taken_keeps_a_worker_from_starting_and_leaves_nothing_behind(
    sqlite_settings: Settings, registry: Registry
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = serving(sqlite_settings, f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(SettingsError, match=r"metrics cannot be served at 127\.0\.0\.1") as caught:
            Worker(settings, registry=registry).start()
        assert "127.0.0.1:9109-9119" in str(caught.value.hint)
        with Dispatcher(settings, registry=registry) as dispatcher:
            assert dispatcher.workers() == []


def test_without_its_library_a_worker_says_what_to_install(
    sqlite_settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("monitor", "exposition", "gauges", "meters"):
        monkeypatch.delitem(sys.modules, f"pfd_plugin_observability.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(SettingsError, match="prometheus_client") as caught:
        Worker(serving(sqlite_settings), registry=registry).start()
    assert "pfd-core[metrics]" in str(caught.value.hint)


def test_the_address_is_in_the_log(
    sqlite_settings: Settings, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pfd")
    with Worker(serving(sqlite_settings), registry=registry) as worker:
        assert f"metrics at http://{address(worker)}/metrics" in caplog.text


def test_pfd_workers_shows_it_and_it_answers_there(pfd: Commands, served: Settings, registry: Registry) -> None:
    with Worker(served, queues=("other",), registry=registry), Worker(serving(served), registry=registry):
        [first, second] = pfd.json("workers")
        [_, one, other, *_] = pfd("workers").lines
        assert first["metrics"] is None
        assert health(second["metrics"])[0] == 200
        assert other.endswith(second["metrics"])
        assert not one.endswith(second["metrics"])


@pytest.mark.slow("two workers of the command line")
def test_without_the_plugin_a_worker_is_refused_with_what_to_install(served: Settings) -> None:
    variables = as_environment(served) | {"PFD_METRICS": "127.0.0.1:0"}
    for left_out in ({"PFD_DISABLE_PLUGINS": "observability"}, {"PFD_PLUGINS": "sample"}):
        ran = program("worker", **variables | left_out)
        assert ran.code == 2
        assert "no plugin does that" in ran.err
        assert "not loaded: " in ran.err
        assert "observability" in ran.err
        assert "pip install 'pfd-core[metrics]'" in ran.err


def test_a_worker_that_is_refused_by_another_plugin_lets_go_of_its_port(
    sqlite_settings: Settings, registry: Registry
) -> None:
    class Refusing:
        @hookimpl
        def pfd_worker_start(self, start: WorkerStart) -> None:
            assert start.metrics is not None  # it is served by now
            assert health(start.metrics, "/health/live")[0] == 503
            where.append(start.metrics)
            raise SettingsError("the rig is not known")

    where: list[str] = []
    registry.listen("refusing", refusing := Refusing())
    try:
        with pytest.raises(SettingsError, match="the rig is not known"):
            Worker(serving(sqlite_settings), registry=registry).start()
    finally:
        registry.unlisten(refusing)
    assert not registry.listens("pfd_job_event")
    with pytest.raises(urllib.error.URLError, match="refused"):
        health(where[0])


def test_a_worker_that_has_stopped_serves_and_counts_no_more(sqlite_settings: Settings, registry: Registry) -> None:
    assert not registry.listens("pfd_job_event")
    with Worker(serving(sqlite_settings), registry=registry) as worker:
        where = address(worker)
        assert registry.listens("pfd_job_event")
    assert not registry.listens("pfd_job_event")
    with pytest.raises(urllib.error.URLError, match="refused"):
        health(where)


def test_two_workers_of_a_process_count_apart(sqlite_settings: Settings) -> None:
    settings = serving(sqlite_settings)
    with Worker(settings, queues=("default",)) as one, Worker(settings, queues=("other",)) as other:
        with Dispatcher(settings) as dispatcher:
            dispatcher.submit("add", {"a": 1}).get(PATIENCE)
        until(lambda: Scrape(address(one)).value("pfd_jobs_ended_total") == 1)
        assert Scrape(address(other)).value("pfd_jobs_ended_total") == 0


# -- what ------------------------------------------------------------------------------------------------------------


def test_what_is_served_is_what_the_reference_lists(sqlite_settings: Settings, registry: Registry) -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    listed = {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", page, flags=re.MULTILINE)
    }
    assert len(listed) == len(METRICS)
    settings = serving(sqlite_settings).model_copy(update={"gpus": "0"})
    with Worker(settings, registry=registry) as worker, Dispatcher(settings, registry=registry) as dispatcher:
        dispatcher.submit("add", {"a": 1}).get(PATIENCE)
        until(lambda: Scrape(address(worker)).value("pfd_jobs") == 1)
        found = Scrape(address(worker))
    served = {}
    for family in found.families.values():
        if family.name.startswith("pfd_"):
            assert family.samples, family.name  # so that each has shown its labels
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            name = f"{family.name}_total" if family.type == "counter" else family.name
            served[name] = (family.type, frozenset(labels))
    assert served == listed
    assert {family.documentation for family in found.families.values()} >= {metric.help for metric in METRICS}
    assert "_created" not in found.text


def test_names_keep_to_the_conventions_of_prometheus() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"pfd_[a-z]+(_[a-z]+)*", metric.name)
        assert (metric.kind == "counter") == metric.name.endswith("_total")
        assert (metric.kind == "histogram") == bool(metric.buckets)
        assert metric.buckets == tuple(sorted(metric.buckets))
        if "age" in metric.name or metric.kind == "histogram":
            assert metric.name.endswith("_seconds")


def test_a_part_of_the_metrics_can_be_asked_for_by_name(watched_on_sqlite: Worker) -> None:
    url = f"http://{address(watched_on_sqlite)}/metrics?name[]=pfd_worker_busy"
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        lines = [line for line in response.read().decode().splitlines() if not line.startswith("#")]
    assert lines == ["pfd_worker_busy 0.0"]


def test_what_is_not_served_is_not_found_and_nothing_can_be_written(watched_on_sqlite: Worker) -> None:
    where = address(watched_on_sqlite)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://{where}/jobs", timeout=PATIENCE)
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(f"http://{where}/health", data=b"{}", timeout=PATIENCE)
    with urllib.request.urlopen(f"http://{where}/", timeout=PATIENCE) as response:
        assert response.read().decode().split() == ["/metrics", "/health", "/health/live", "/health/ready"]


def test_a_client_that_says_nothing_keeps_no_other_from_an_answer(watched_on_sqlite: Worker) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connect(address(watched_on_sqlite)))
        assert health(address(watched_on_sqlite))[0] == 200


def connect(where: str) -> socket.socket:
    host, _, port = where.rpartition(":")
    return socket.create_connection((host, int(port)), PATIENCE)


def rest_of(client: socket.socket) -> bytes:
    """All that still comes from the other side; nothing where it has cut the connection."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(65536):
            found += piece
    return found


def answering() -> int:
    """Threads of this process that answer requests."""
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


def test_connections_have_a_limit_and_what_is_too_much_is_told_so(watched_on_sqlite: Worker) -> None:
    where = address(watched_on_sqlite)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(where)) for _ in range(server.MOST_CONNECTIONS + 8)]
        for client in clients[server.MOST_CONNECTIONS :]:
            assert rest_of(client).startswith(b"HTTP/1.0 503 ")
        assert answering() == server.MOST_CONNECTIONS
        clients[0].close()
        until(lambda: answering() < server.MOST_CONNECTIONS)
        assert health(where)[0] == 200


def test_a_client_has_so_long_for_its_whole_request(watched_on_sqlite: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_PATIENCE", 0.5)
    began = time.monotonic()
    with connect(address(watched_on_sqlite)) as client, contextlib.suppress(ConnectionError):
        client.sendall(b"GET /health HTTP/1.0\r\nSlowly: ")
        client.settimeout(0.1)
        while time.monotonic() < began + PATIENCE:
            client.sendall(b"x")  # each byte in good time
            with contextlib.suppress(TimeoutError):
                if not client.recv(1):
                    break
    assert time.monotonic() < began + 5
    until(lambda: not answering())


def test_a_client_that_does_not_take_its_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def much(_: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [])
        return [b"x" * 2**26]  # more than the system keeps for a reader that is late

    monkeypatch.setattr(server, "REQUEST_PATIENCE", 0.5)
    serving_much = server.serve(("127.0.0.1", range(1)), server.Application(much, {}))
    try:
        with connect(server.place(serving_much)) as client:
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            until(lambda: answering() == 1)
            until(lambda: not answering(), seconds=5)
    finally:
        serving_much.shutdown()
        serving_much.server_close()


def test_what_is_said_of_an_answer_comes_without_it(watched_on_sqlite: Worker) -> None:
    for path in ("/", "/health", "/metrics"):
        with connect(address(watched_on_sqlite)) as client:
            client.sendall(f"HEAD {path} HTTP/1.0\r\n\r\n".encode())
            said, _, body = rest_of(client).partition(b"\r\n\r\n")
        assert said.startswith(b"HTTP/1.0 200 ")
        assert int(re.findall(rb"Content-Length: (\d+)", said)[0]) > 0
        assert body == b""


def test_a_lease_that_others_took_away_is_counted_and_so_is_what_was_done_in_vain(watched: Worker) -> None:
    with Dispatcher(watched.settings, registry=watched.registry) as dispatcher:
        handle = dispatcher.submit("nap", {"seconds": 2})
        until(lambda: handle.state in (State.STARTED, State.PROGRESS))
        where = address(watched)
        with dispatcher.store.write() as connection:
            [info] = workers.live(connection)
            assert workers.lapse(connection, info, max_lost=9)
        handle.get(PATIENCE)
        assert [info.metrics for info in dispatcher.workers()] == [where]  # it has registered anew
    until(lambda: Scrape(where).value("pfd_worker_leases_lost_total") == 1)
    until(lambda: Scrape(where).value("pfd_jobs_stale_total", task="nap") == 1)
    assert Scrape(where).value("pfd_job_duration_seconds_count", outcome="stale") == 1


def test_a_worker_that_claims_no_more_is_well_but_not_ready(watched_on_sqlite: Worker) -> None:
    where = address(watched_on_sqlite)
    assert health(where, "/health/ready")[0] == 200
    assert watched_on_sqlite.engine is not None
    watched_on_sqlite.engine.claim_no_more()
    status, report = health(where, "/health/ready")
    assert (status, report["ok"], report["stopping"]) == (503, False, True)
    assert health(where)[0] == health(where, "/health/live")[0] == 200


def test_a_worker_without_its_watch_is_to_be_started_anew(
    watched_on_sqlite: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = address(watched_on_sqlite)
    assert watched_on_sqlite.engine is not None
    watch = watched_on_sqlite.engine._heartbeat
    monkeypatch.setattr(watch, "_stopping", True)  # its thread ends, and nothing else does
    watch.wake()
    until(lambda: health(where, "/health/live")[0] == 503)
    assert health(where, "/health/live")[1]["watch"] == "does not run"
    assert health(where)[0] == 503


# -- what it costs ---------------------------------------------------------------------------------------------------


def reading_of(store: Store) -> Callable[[], StoreReading]:
    return functools.partial(reading.read, store)


def test_the_store_is_asked_once_for_all_who_ask_within_a_moment(store: Store) -> None:
    asked: list[str] = []
    sa.event.listen(store.engine, "begin", lambda _: asked.append("begin"))
    reader = Reader(reading_of(store), kept=PATIENCE)
    first = reader.latest()
    assert first is not None
    assert reader.latest() is first
    assert asked == ["begin"]
    assert Reader(reading_of(store)).latest() is not first


def test_a_reading_that_is_too_old_is_not_served(store: Store) -> None:
    reader = Reader(reading_of(store), kept=0.05)
    first = reader.latest()
    time.sleep(0.06)
    assert reader.latest() is not first


def test_a_store_that_hangs_holds_no_scrape_up_for_longer_than_its_patience(store: Store) -> None:
    connections = [store.engine.connect() for _ in range(32)]  # all that it may have: the next one waits
    try:
        began = time.monotonic()
        reader = Reader(reading_of(store), patience=0.2)
        assert reader.latest() is None
        assert reader.latest() is None
        assert time.monotonic() - began < 20  # the pool itself gives up after 30
    finally:
        for connection in connections:
            connection.close()
    until(lambda: reader.latest() is not None)

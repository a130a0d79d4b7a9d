"""The tools of Celery and Dramatiq see every job under the name of its task."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pika
import pytest
from celery import Celery

from pfd import State
from pfd_contract import PATIENCE, Site, until
from pfd_contract.processes import is_gone, tree
from tests.contract.support.sites import site_maker
from tests.support.brokers import RabbitServer, free_port

PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def client(celery_crew: Site) -> Iterator[Celery]:
    url = celery_crew.settings.broker_url
    with Celery(broker=url, backend=url, set_as_current=False) as app:
        yield app


@contextmanager
def _program(site: Site, folder: Path, *words: str, **changes: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A program with the settings of a site, ended at the end of the block with all that it has started."""
    log = folder / f"{words[0]}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(PROGRAMS / words[0]), *words[1:]],
            env=site.environment(**changes),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process, log
    finally:
        for pid in reversed(tree(process.pid)):
            os.kill(pid, signal.SIGKILL)
        process.wait(PATIENCE)


def test_celery_inspect_names_the_tasks_and_shows_what_runs(celery_crew: Site, client: Celery) -> None:
    inspect = client.control.inspect(timeout=5, limit=1)
    # Again and again: what is asked before a worker of Celery listens for such questions is lost.
    [registered] = until(inspect.registered, "the worker answers").values()
    assert {"contract_noop", "contract_nap", "contract_coordinator"} <= set(registered)
    handle = celery_crew.submit("nap", {"gate": "inspected"})
    celery_crew.await_sight(handle, "begins")
    [active] = inspect.active().values()
    assert [(one["id"], one["name"]) for one in active] == [(handle.id, "contract_nap")]
    assert active[0]["kwargs"]["gate"] == "inspected"
    [stats] = inspect.stats().values()
    assert stats["pool"]["max-concurrency"] == 3
    celery_crew.open_gate("inspected")
    assert handle.wait(PATIENCE).state is State.SUCCESS
    assert list(inspect.active().values()) == [[]]


def _flower(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return json.load(answer)


@pytest.mark.slow("Flower asks for events a while after it has found a worker")
def test_flower_lists_the_jobs_by_the_names_of_their_tasks(celery_crew: Site, tmp_path: Path) -> None:
    port = free_port()
    url = celery_crew.settings.broker_url
    words = ("celery", f"--broker={url}", "flower", "--address=127.0.0.1", f"--port={port}")
    with _program(celery_crew, tmp_path, *words, FLOWER_UNAUTHENTICATED_API="true") as (process, log):

        def workers() -> Any:
            assert process.poll() is None, log.read_text()
            try:
                return _flower(port, "/api/workers?refresh=1")
            except OSError:
                return None

        [worker] = until(workers, "Flower sees the worker").values()
        assert "contract_nap" in worker["registered"]

        def told() -> Any:
            # Again and again: Flower asks workers for events a while after it has found them.
            jobs = [
                celery_crew.run(name, {"kind": "ValueError"} if name == "fail" else {}) for name in ("noop", "fail")
            ]
            time.sleep(1.0)
            seen = _flower(port, "/api/tasks")
            found = [seen.get(job.id, {}) for job in jobs]
            return found if all(one.get("state") in ("SUCCESS", "FAILURE") for one in found) else None

        noop, fail = until(told, "Flower has heard of both jobs")
    assert (noop["name"], noop["state"]) == ("contract_noop", "SUCCESS")
    assert "claim" in noop["result"]
    assert "'kind': 'ValueError'" in fail["kwargs"]
    assert (fail["name"], fail["state"]) == ("contract_fail", "FAILURE")
    assert "this value is wrong: 7" in fail["exception"]


@pytest.mark.slow("Celery starts, and waits for a job that does not end")
def test_celerys_own_command_line_is_a_worker(celery_site: Site, tmp_path: Path) -> None:
    site = celery_site
    assert site.dispatcher.store is not None
    words = ("celery", "-A", "pfd.runtimes.celery", "worker", "-c", "2", "-Q", "default", "-n", "own@%h")
    with _program(site, tmp_path, *words) as (process, _):
        until(site.dispatcher.workers, "it is there")
        [info] = site.dispatcher.workers()
        assert (info.runtime, info.slots) == ("celery", {"default": 2})
        assert site.run("nap", {"seconds": 0.1}).state is State.SUCCESS
        handle = site.submit("nap", {"gate": "never"})
        site.await_sight(handle, "begins")
        _end_at_second_signal(site, process, signal.SIGHUP, process.pid)
    _check_handed_back(site, handle.id)


_IMPATIENT = """
from pfd.runtimes.celery import app

app.conf.broker_transport_options = {**app.conf.broker_transport_options, "visibility_timeout": %d}
"""


@pytest.mark.slow("a job of twelve seconds")
def test_a_job_that_outlasts_the_visibility_timeout_of_its_broker_runs_once(
    celery_site: Site, tmp_path: Path, contract_full: bool
) -> None:
    """A message is acknowledged once its job is stored, so that no broker delivers it again."""
    site = celery_site
    assert site.dispatcher.store is not None
    timeout, seconds = (20, 180) if contract_full else (2, 12)
    (tmp_path / "impatient.py").write_text(_IMPATIENT % timeout, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
    words = ("celery", "-A", "impatient", "worker", "-c", "2", "-n", "impatient@%h")
    url = site.settings.broker_url
    with (
        _program(site, tmp_path, *words, PYTHONPATH=path),
        Celery(broker=url, backend=url, set_as_current=False) as client,
    ):
        result = client.send_task("contract_nap", args=[{"seconds": seconds}])
        result.get(timeout=seconds + PATIENCE)
        job = site.dispatcher.job(result.id)
    assert (job.state, job.attempt, job.lost) == (State.SUCCESS, 1, 0)
    assert [sight.what for sight in site.sights(job)] == ["begins", "ends"]
    assert len(site.dispatcher.claims(job.id)) == 1


@pytest.mark.slow("Dramatiq starts, and waits for a job that does not end")
def test_dramatiqs_own_command_line_is_a_worker_whose_metrics_count_jobs(dramatiq_site: Site, tmp_path: Path) -> None:
    site = dramatiq_site
    assert site.dispatcher.store is not None
    port = free_port()
    words = ("dramatiq", "pfd.runtimes.dramatiq", "--processes", "1", "--threads", "2", "--queues", "default")
    changes = {"dramatiq_prom_port": str(port), "dramatiq_prom_db": str(tmp_path / "metrics")}
    with _program(site, tmp_path, *words, **changes) as (process, _):
        until(site.dispatcher.workers, "it is there")
        [info] = site.dispatcher.workers()
        assert (info.runtime, info.slots) == ("dramatiq", {"default": 2})
        assert {site.run("noop").state for _ in range(3)} == {State.SUCCESS}
        assert site.run("fail", {"kind": "ValueError"}).state is State.FAILURE
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        counts = dict(re.findall(r'dramatiq_messages_total\{actor_name="(\w+)",[^}]*\} (\S+)', text))
        assert counts == {"contract_noop": "3.0", "contract_fail": "1.0"}
        errors = dict(re.findall(r'dramatiq_message_errors_total\{actor_name="(\w+)",[^}]*\} (\S+)', text))
        assert errors == {"contract_fail": "1.0"}
        handle = site.submit("nap", {"gate": "never"})
        site.await_sight(handle, "begins")
        worker = int(info.name.rpartition(":")[2])
        _end_at_second_signal(site, process, signal.SIGTERM, worker)
    _check_handed_back(site, handle.id)


def _end_at_second_signal(site: Site, process: subprocess.Popen[bytes], first: signal.Signals, worker: int) -> None:
    """Tell a worker to end, and once more when it lets its job go on; it claims nothing after the first time."""
    process.send_signal(first)
    time.sleep(0.05)  # in which no worker looks by itself
    late = site.submit("noop")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(3.0)  # it waits for the job
    os.kill(worker, signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert is_gone(worker)
    assert site.dispatcher.claims(late.id) == []


def _check_handed_back(site: Site, job_id: str) -> None:
    job = site.dispatcher.job(job_id)
    assert (job.state, job.attempt, job.lost) == (State.RETRY, 0, 0)
    assert site.dispatcher.workers() == []


@pytest.mark.slow("RabbitMQ and Celery start")
def test_an_odd_event_of_another_worker_does_not_end_one_that_celery_started(
    rabbit_server: RabbitServer, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    words = ("celery", "-A", "pfd.runtimes.celery", "worker", "-c", "1", "-Q", "default", "-n", "hears@%h")
    site = site_maker("celery-rabbitmq-postgres", request)(tmp_path, lease=15.0)
    assert site.dispatcher.store is not None
    with _program(site, tmp_path, *words) as (process, log):
        until(site.dispatcher.workers, "it is there")
        assert site.run("noop").state is State.SUCCESS
        with pika.BlockingConnection(pika.URLParameters(site.settings.broker_url)) as connection:
            channel = connection.channel()
            channel.exchange_declare("celeryev", "topic", durable=True)
            kind = pika.BasicProperties(content_type="application/json", content_encoding="utf-8")
            channel.basic_publish("celeryev", "worker.heartbeat", b"{}", kind)
            client = Celery(broker=site.settings.broker_url, set_as_current=False)
            until(lambda: client.control.ping(timeout=1), "it answers, after that event")
        assert process.poll() is None, log.read_text()
        assert site.run("noop").state is State.SUCCESS
    site.close()

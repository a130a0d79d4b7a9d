"""What is stored of what clients send, and what that thread makes of errors that nobody expects."""

from __future__ import annotations

import contextlib
import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd import State
from pfd.runtimes import intake
from pfd.runtimes.intake import Incoming, Intake
from pfd.runtimes.local import LocalRuntime
from pfd.runtimes.worker_host import WorkerHost
from pfd.store import refused
from pfd.submission.client_message import ClientMessage
from pfd.task import Task
from pfd_contract import LocalSite, contract_settings, until


@pytest.fixture
def site(tmp_path: Path) -> Iterator[LocalSite]:
    with contextlib.closing(LocalSite(contract_settings(tmp_path / "home"))) as made:
        yield made


@pytest.fixture
def taking(site: LocalSite) -> Iterator[Intake]:
    """An intake of a service that runs nothing."""
    with contextlib.closing(LocalRuntime(site.settings)) as runtime:
        service = WorkerHost(site.settings, site.dispatcher.plugins, {}, runtime)
        service.store.open()
        made = Intake(service, "some")
        made.start()
        yield made
        made.stop()
        service.store.close()


def _send(taking: Intake, done: list[str], task: str = "contract_noop") -> str:
    identity = str(uuid.uuid4())
    request = ClientMessage(identity, task)
    taking.put(Incoming("default", lambda: request, 10, lambda: done.append(identity)))
    return identity


def test_each_is_acknowledged_once_it_is_stored_and_not_before(site: LocalSite, taking: Intake) -> None:
    done: list[str] = []
    stored = [_send(taking, done) for _ in range(250)]
    until(lambda: len(done) == 250, "all are stored")
    assert done == stored
    assert {site.dispatcher.job(one).state for one in stored} == {State.PENDING}


@pytest.mark.parametrize(
    "error", [SystemExit(3), RuntimeError("odd"), KeyboardInterrupt()], ids=lambda one: type(one).__name__
)
def test_of_a_batch_that_one_request_spoils_the_others_are_stored(
    site: LocalSite, taking: Intake, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    bind = Task.bind

    def spoilt(self: Task, /, *args: object, **kwargs: object) -> dict[str, object]:
        if self.name == "contract_nap":
            raise error
        return bind(self, *args, **kwargs)

    monkeypatch.setattr(Task, "bind", spoilt)
    done: list[str] = []
    ids = [_send(taking, done, "contract_nap" if number == 3 else "contract_noop") for number in range(7)]
    until(lambda: len(done) == 7, "all are stored")
    states = [site.dispatcher.job(one).state for one in ids]
    assert states == [State.FAILURE if number == 3 else State.PENDING for number in range(7)]


def test_where_this_process_has_no_memory_a_request_waits_and_does_not_fail(
    site: LocalSite, taking: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "PAUSE", 0.05)
    bind, short = Task.bind, itertools.chain([True, True], itertools.repeat(False))

    def without(self: Task, /, *args: object, **kwargs: object) -> dict[str, object]:
        if next(short):
            raise MemoryError
        return bind(self, *args, **kwargs)

    monkeypatch.setattr(Task, "bind", without)
    done: list[str] = []
    identity = _send(taking, done)
    until(lambda: done, "it is stored")
    assert site.dispatcher.job(identity).state is State.PENDING


def test_refused_messages_are_counted_by_kind_and_bounded(site: LocalSite, taking: Intake) -> None:
    for number in range(3 * refused.KINDS):
        for _ in range(2):
            taking.refuse("default", f"reason {number}", b"\x1b[31m\x00 a sample")

    def counted() -> list[refused.Refusals]:
        with site.dispatcher.store.read() as connection:
            return refused.newest(connection)

    # They may be written down in parts, and a part may begin with the second of its kind.
    until(lambda: counted() and all(one.number == 2 for one in counted()), "they are written down")
    found = counted()
    assert 0 < len(found) <= 2 * refused.KINDS
    assert all(one.sample.isprintable() for one in found)

"""Rows that stand for jobs from their submission on: their status is that of the job, whatever becomes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.tests.support.stores import as_environment
from core.tests.support.waiting import until
from pfd import DataError, Dispatcher, JobFailed, ParameterError, PfdError, Ref, Settings, StoreError, Worker
from pfd.plugins import Registry
from pfd.records import upsert_for_job
from pfd.store import Store
from pfd.store.schema import jobs
from pfd.tracked import RowStatus, reason_of, require_success, status_of

WORKER = "from pfd import Worker; Worker(slots=1).run_forever()"


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(settings, registry=registry) as found:
        yield found


@pytest.fixture
def worker(dispatcher: Dispatcher, registry: Registry) -> Iterator[Worker]:
    with Worker(dispatcher.settings, slots=2, registry=registry) as found:
        yield found


def rows(store: Store) -> list[tuple[int, str | None, int | None, RowStatus, str]]:
    from pfd_sample.records import Fit

    query = sa.select(Fit.id, Fit.method, Fit.value, status_of(Fit), reason_of(Fit)).order_by(Fit.id)
    with store.session() as session:
        return [(row.id, row.method, row.value, row[3], row[4]) for row in session.execute(query)]


def status(store: Store, number: int) -> RowStatus:
    return next(row[3] for row in rows(store) if row[0] == number)


def create(store: Store) -> int:
    from pfd_sample.records import Fit

    with store.session(write=True) as session:
        session.add(made := Fit())
        session.flush()
        number: int = made.id
    return number


def test_a_row_is_there_from_the_submission_on_and_has_the_status_of_its_job(
    dispatcher: Dispatcher, worker: Worker, tmp_path: Path
) -> None:
    worker.stop()
    go = tmp_path / "go"
    handle = dispatcher.submit("fit_inline", {"method": "ridge", "go": str(go)})
    assert rows(dispatcher.store) == [(1, "ridge", None, RowStatus.QUEUED, "")]
    with Worker(dispatcher.settings, slots=1, registry=dispatcher.plugins):
        until(lambda: status(dispatcher.store, 1) is RowStatus.RUNNING)
        go.touch()
        assert handle.get(30) == {"value": 1}
    assert rows(dispatcher.store) == [(1, "ridge", 7, RowStatus.SUCCESS, "")]


def test_why_a_row_failed_is_told_in_one_line_without_what_steers_a_terminal(
    dispatcher: Dispatcher, worker: Worker
) -> None:
    handle = dispatcher.submit("fit", {"fail": True})
    with pytest.raises(JobFailed):
        handle.get(30)
    [(_, _, value, state, reason)] = rows(dispatcher.store)
    assert (value, state) == (None, RowStatus.FAILED)
    assert reason == r"ValueError: no minimum\x1b[31m is found"


def test_a_cancelled_job_leaves_a_cancelled_row(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("fit")
    handle.revoke()
    [(_, _, _, state, reason)] = rows(dispatcher.store)
    assert state is RowStatus.CANCELLED
    assert reason.startswith("JobCancelled: ")


def test_a_worker_that_is_killed_leaves_no_row_running(
    sqlite_settings: Settings, registry: Registry, tmp_path: Path
) -> None:
    settings = sqlite_settings.model_copy(update={"lease": 1.0, "sweep": 0.2, "max_lost": 1})
    with Dispatcher(settings, registry=registry) as dispatcher:
        dispatcher.submit("fit", {"go": str(tmp_path / "never")})
        environment = (
            os.environ | as_environment(settings) | {"PFD_LEASE": "1", "PFD_SWEEP": "0.2", "PFD_MAX_LOST": "1"}
        )
        process = subprocess.Popen([sys.executable, "-c", WORKER], env=environment)
        try:
            until(lambda: status(dispatcher.store, 1) is RowStatus.RUNNING)
        finally:
            process.kill()
            process.wait()
        assert status(dispatcher.store, 1) is RowStatus.RUNNING  # nobody knows yet
        with Worker(settings, queues=("another",), registry=registry):
            until(lambda: status(dispatcher.store, 1) is RowStatus.FAILED)
        assert "WorkerLost" in rows(dispatcher.store)[0][4]


def test_a_row_that_was_made_beforehand_is_given_to_the_job_that_names_it(
    dispatcher: Dispatcher, worker: Worker
) -> None:
    number = create(dispatcher.store)
    assert rows(dispatcher.store) == [(number, None, None, RowStatus.CREATED, "")]
    assert dispatcher.submit("fit_inline", {"fit_id": number, "method": "lasso"}).get(30) == {"value": number}
    assert rows(dispatcher.store) == [(number, "lasso", 7, RowStatus.SUCCESS, "")]
    with pytest.raises(ParameterError, match=f"fit {number} is SUCCESS: job .* was submitted for it"):
        dispatcher.submit("fit_inline", {"fit_id": number})
    with pytest.raises(ParameterError, match="there is no fit 99"):
        dispatcher.submit("fit_inline", {"fit_id": 99})
    assert len(dispatcher.jobs()) == 1


def test_a_row_that_is_given_away_holds_nothing_of_the_run_before(dispatcher: Dispatcher, worker: Worker) -> None:
    from pfd_sample.records import Fit

    worker.stop()
    first = dispatcher.submit("fit")
    with dispatcher.store.session(write=True) as session:
        upsert_for_job(session, Fit, first.id, {"value": 7})
    first.revoke()
    second = dispatcher.submit("fit", {"fit_id": 1})
    with dispatcher.store.session() as session:
        row = session.get_one(Fit, 1)
        assert (row.job_id, row.written_by, row.value) == (second.id, None, None)
    dispatcher.forget(first.id)
    assert [(row[0], row[3]) for row in rows(dispatcher.store)] == [(1, RowStatus.QUEUED)]


def test_a_row_of_a_failed_job_is_given_to_the_one_that_tries_again(dispatcher: Dispatcher, worker: Worker) -> None:
    number = create(dispatcher.store)
    first = dispatcher.submit("fit_inline", {"fit_id": number, "fail": True})
    with pytest.raises(JobFailed):
        first.get(30)
    again = dispatcher.retry(first.id)
    with pytest.raises(JobFailed):
        again.get(30)
    assert [(row[0], row[3]) for row in rows(dispatcher.store)] == [(number, RowStatus.FAILED)]
    assert dispatcher.submit("fit_inline", {"fit_id": number}).get(30) == {"value": number}


def test_of_many_that_want_one_row_at_once_one_is_given_it(dispatcher: Dispatcher) -> None:
    number = create(dispatcher.store)

    def submit(_: int) -> str:
        try:
            return dispatcher.submit("fit", {"fit_id": number}).id
        except ParameterError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(submit, range(8)))
    refused = [answer for answer in answers if "is QUEUED" in answer]
    assert len(refused) == 7
    assert [job.id for job in dispatcher.jobs()] == [answer for answer in answers if answer not in refused]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"method": "a bug"}, "the row of the job cannot be written: ZeroDivisionError"),
        ({"method": "an odd statement"}, "the row of the job cannot be written: .*no_such_function"),
        ({"method": "a job that is not there"}, "the row of the job cannot be written: .*(?i:foreign key)"),
        ({"method": "an error of pfd"}, "the drawings are not there"),
        ({"fit_id": 5}, "there is no fit 5"),
        ({"fit_id": 10**15}, "there is no fit 1000000000000000|the row of the job cannot be written"),
        ({"fit_id": 10**25}, "the row of the job cannot be written"),
    ],
)
def test_nothing_is_stored_where_the_row_cannot_be_written(
    dispatcher: Dispatcher, params: dict[str, Any], said: str
) -> None:
    with pytest.raises(PfdError, match=said) as caught:
        dispatcher.submit("fit", params)
    assert not isinstance(caught.value, StoreError)
    assert (len(dispatcher.jobs()), rows(dispatcher.store)) == (0, [])


def test_a_number_that_another_job_is_to_give_is_refused(dispatcher: Dispatcher) -> None:
    first = dispatcher.submit("fit")
    with pytest.raises(ParameterError, match="has to be known where the job is submitted"):
        dispatcher.submit("fit", {"fit_id": Ref(first.id, "value")})
    assert len(rows(dispatcher.store)) == 1


def test_a_job_of_a_key_has_one_row(dispatcher: Dispatcher) -> None:
    assert dispatcher.submit("fit", key="one").id == dispatcher.submit("fit", key="one").id
    assert len(rows(dispatcher.store)) == 1


def test_tables_of_another_version_are_told_with_what_to_do(dispatcher: Dispatcher) -> None:
    with dispatcher.store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE sample_fit RENAME TO sample_away")
    try:
        with pytest.raises(PfdError, match="the row of the job cannot be written") as caught:
            dispatcher.submit("fit")
        assert "pfd db upgrade" in str(caught.value.hint)
    finally:
        with dispatcher.store.write() as connection:
            connection.exec_driver_sql("ALTER TABLE sample_away RENAME TO sample_fit")
    assert len(dispatcher.jobs()) == 0


def test_a_row_goes_with_its_job_unless_a_run_has_filled_it(dispatcher: Dispatcher, worker: Worker) -> None:
    filled = dispatcher.submit("fit_inline")
    filled.get(30)
    failed = dispatcher.submit("fit_inline", {"fail": True})
    with pytest.raises(JobFailed):
        failed.get(30)
    dispatcher.forget(failed.id)
    assert [row[3] for row in rows(dispatcher.store)] == [RowStatus.SUCCESS]
    with pytest.raises(PfdError, match="rows of sample_fit refer to them"):
        dispatcher.forget(filled.id)


def test_what_is_not_there_yet_says_what_became_of_it(dispatcher: Dispatcher, worker: Worker) -> None:
    from pfd_sample.records import Fit

    failed = dispatcher.submit("fit_inline", {"fail": True})
    with pytest.raises(JobFailed):
        failed.get(30)
    number = create(dispatcher.store)
    with dispatcher.store.session() as session:
        with pytest.raises(DataError, match="fit 1 is FAILED: ValueError: no minimum"):
            require_success(session, session.get_one(Fit, 1), "fit 1")
        with pytest.raises(DataError, match=f"fit {number} is CREATED"):
            require_success(session, session.get_one(Fit, number), f"fit {number}")
    dispatcher.submit("fit_inline", {"fit_id": number}).get(30)
    with dispatcher.store.session() as session:
        require_success(session, session.get_one(Fit, number), "fit 2")


@pytest.mark.parametrize("failure", ["nonsense", "{}", '{"type": 3}', "\ufffd", ""])
def test_a_failure_that_was_written_by_hand_hides_no_row(dispatcher: Dispatcher, failure: str) -> None:
    handle = dispatcher.submit("fit")
    with dispatcher.store.write() as connection:
        update = sa.text("UPDATE pfd_job SET state = 'FAILURE', failure = :failure WHERE id = :id")
        connection.execute(update, {"failure": failure, "id": handle.id})
    [(_, _, _, state, reason)] = rows(dispatcher.store)
    assert (state, reason) == (RowStatus.FAILED, "the reason cannot be read: its job is damaged")


def test_a_status_is_selected_alone_grouped_counted_and_joined(dispatcher: Dispatcher) -> None:
    from pfd_sample.records import Fit

    dispatcher.submit("fit").revoke()
    for _ in range(3):
        create(dispatcher.store)
    status = status_of(Fit)
    with dispatcher.store.session() as session:
        assert sorted(session.scalars(sa.select(status))) == ["CANCELLED", *["CREATED"] * 3]
        grouped = session.execute(sa.select(status, sa.func.count()).group_by(status)).all()
        assert sorted(map(tuple, grouped)) == [("CANCELLED", 1), ("CREATED", 3)]
        assert session.scalar(sa.select(sa.func.count()).where(status == "CREATED")) == 3
        assert sorted(session.scalars(sa.select(reason_of(Fit))))[:3] == ["", "", ""]
        joined = sa.select(Fit.id, status, jobs.c.task).join(jobs, jobs.c.id == Fit.job_id)
        assert [tuple(row) for row in session.execute(joined)] == [(1, "CANCELLED", "fit")]
        ordered = sa.select(Fit.id).order_by(status.desc(), Fit.id)
        assert list(session.scalars(ordered)) == [2, 3, 4, 1]


def test_rows_are_found_by_their_status(dispatcher: Dispatcher, worker: Worker) -> None:
    from pfd_sample.records import Fit

    dispatcher.submit("fit_inline").get(30)
    number = create(dispatcher.store)
    for wanted, expected in ((RowStatus.CREATED, [number]), (RowStatus.SUCCESS, [1]), (RowStatus.FAILED, [])):
        with dispatcher.store.session() as session:
            assert list(session.scalars(sa.select(Fit.id).where(status_of(Fit) == wanted))) == expected

"""Rows of plugins' tables: one a job, and found by their number."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from pfd import DataError
from pfd.records import require_row, upsert_for_job
from pfd.store import Store, jobs
from pfd.store.jobs import NewJob


def submit(store: Store) -> str:
    with store.write() as connection:
        return jobs.insert(connection, NewJob(task="note", queue="default", params={})).id


def test_a_second_run_of_a_job_updates_its_row(store: Store) -> None:
    from pfd_sample.records import Note

    job_id, other = submit(store), submit(store)
    numbers = []
    for text in ("first", "second"):
        with store.session(write=True) as session:
            numbers.append(upsert_for_job(session, Note, job_id, {"text": text}).id)
    with store.session(write=True) as session:
        numbers.append(upsert_for_job(session, Note, other, {"text": "of another"}).id)
    assert numbers[0] == numbers[1] != numbers[2]
    with store.session() as session:
        assert require_row(session, Note, numbers[0], "note", made_by="note").text == "second"
        assert session.scalar(select(func.count()).select_from(Note)) == 2


def test_a_name_that_is_no_column_is_refused_before_anything_is_written(store: Store) -> None:
    from pfd_sample.records import Note

    job_id = submit(store)
    with store.session(write=True) as session:
        with pytest.raises(TypeError, match="Note has no column colour, txt"):
            upsert_for_job(session, Note, job_id, {"txt": "", "colour": ""})
        assert session.scalar(select(func.count()).select_from(Note)) == 0


def test_a_number_that_is_not_there_is_told_beside_the_newest(store: Store) -> None:
    from pfd_sample.records import Note

    with store.session() as session, pytest.raises(DataError, match="no note 1; there is none yet") as caught:
        require_row(session, Note, 1, "note", made_by="write_note")
    assert caught.value.hint == "write_note makes one"
    ids = [submit(store) for _ in range(6)]
    with store.session(write=True) as session:
        for job_id in ids:
            upsert_for_job(session, Note, job_id, {"text": ""})
    with store.session() as session, pytest.raises(DataError, match="no note 7; the newest are 6, 5, 4, 3, 2"):
        require_row(session, Note, 7, "note", made_by="write_note")

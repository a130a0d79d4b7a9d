"""Pruning: which jobs go, which stay and why; rows first, files after; nothing that belongs to anybody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.tests.support.crowd import at_once
from core.tests.support.stores import Databases, make_settings
from core.tests.support.waiting import until
from pfd import Dispatcher, ParameterError, Settings, SettingsError, State, UnknownJob, Worker, retention
from pfd.plugins import Registry
from pfd.retention import DAY, Pruned, Pruner, prune_jobs, remove_orphans, total
from pfd.store import NewJob, Store, jobs, prune
from pfd.store.prune import IN_USE, NEEDED, PARENT_LIVE, Which
from pfd.store.schema import claims, edges, tags
from pfd.store.schema import jobs as job_table

NOTES = "rows of sample_note refer to them"
LONG_AGO = 40 * DAY
NEVER = "00000000-0000-4000-8000-000000000000"


def submit(store: Store, **fields: Any) -> str:
    with store.write() as connection:
        return jobs.insert(connection, NewJob(**{"task": "add", "queue": "default", "params": {"a": 1}, **fields})).id


def set_row(store: Store, job_id: str, **values: Any) -> None:
    with store.write() as connection:
        connection.execute(job_table.update().where(job_table.c.id == job_id).values(**values))


def ended(store: Store, ago: float = LONG_AGO, state: State = State.SUCCESS, **fields: Any) -> str:
    """A job that was submitted and ended so many seconds ago, with a run, an artifact and a log."""
    job_id = submit(store, **fields)
    end(store, job_id, ago, state)
    make_files(store, job_id)
    return job_id


def end(store: Store, job_id: str, ago: float = LONG_AGO, state: State = State.SUCCESS) -> None:
    moment = time.time() - ago
    set_row(store, job_id, state=state, created_at=moment - 1, ended_at=moment, waiting=0)


def make_files(store: Store, job_id: str) -> None:
    for path in (f"artifacts/{job_id}/1/plots/a.txt", f"logs/{job_id}/1.log"):
        file = store.settings.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("kept", encoding="utf-8")


def note(store: Store, job_id: str) -> None:
    from pfd_sample.records import Note

    with store.session(write=True) as session:
        session.add(Note(job_id=job_id, text="mine"))


def folders(store: Store) -> set[str]:
    home = store.settings.home
    return {path.name for part in ("artifacts", "logs") if (home / part).exists() for path in (home / part).iterdir()}


def ids(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(sa.select(job_table.c.id)).scalars())


def pruned(store: Store, days: float = 30, dry_run: bool = False, **which: Any) -> Pruned:
    chosen = Which(time.time() - days * DAY, **which)
    return total(prune_jobs(store, store.settings.home, chosen, dry_run=dry_run))


def swept(store: Store) -> Pruned:
    return total(remove_orphans(store, store.settings.home))


# -- which go -----------------------------------------------------------------------------------------------------


def test_jobs_that_ended_long_ago_go_with_all_that_hangs_on_them(store: Store) -> None:
    old = [ended(store, state=state, tags=("old",)) for state in (State.SUCCESS, State.FAILURE, State.REVOKED)]
    old.append(submit(store, after=(old[0],)))
    end(store, old[-1])
    with store.write() as connection:
        connection.execute(claims.insert().values(job_seq=1, owner="me", claimed_at=0.0))
    new = ended(store, ago=20 * DAY)
    live = submit(store)
    set_row(store, live, created_at=time.time() - LONG_AGO)

    assert pruned(store) == Pruned(jobs=4, folders=6)
    assert ids(store) == {new, live}
    assert folders(store) == {new}
    with store.read() as connection:
        for table in (claims, edges, tags):
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0
    assert pruned(store) == Pruned()


def test_a_dry_run_counts_the_same_and_removes_nothing(store: Store) -> None:
    gone, kept = ended(store), ended(store)
    note(store, kept)
    assert pruned(store, dry_run=True) == Pruned(jobs=1, kept={NOTES: 1})
    assert ids(store) == folders(store) == {gone, kept}
    assert pruned(store) == Pruned(jobs=1, folders=2, kept={NOTES: 1})


def test_state_and_task_narrow_down_what_goes(store: Store) -> None:
    failed, other = ended(store, state=State.FAILURE), ended(store, task="nap", queue="slow")
    good = ended(store)
    assert pruned(store, states={State.FAILURE}).jobs == 1
    assert ids(store) == {other, good}
    assert pruned(store, task="nap").jobs == 1
    assert ids(store) == {good}
    assert failed not in folders(store)


def test_live_jobs_stay_even_where_their_state_is_asked_for(store: Store) -> None:
    live = submit(store)
    set_row(store, live, ended_at=0.0, created_at=0.0)
    assert pruned(store, states={State.PENDING, State.SUCCESS}) == Pruned()


# -- which stay ---------------------------------------------------------------------------------------------------


def test_a_job_that_a_row_of_a_plugin_refers_to_stays_and_the_others_go(store: Store) -> None:
    before, kept, after = ended(store), ended(store), ended(store)
    note(store, kept)
    assert pruned(store) == Pruned(jobs=2, folders=4, kept={NOTES: 1})
    assert ids(store) == folders(store) == {kept}
    assert {before, after}.isdisjoint(folders(store))


def test_tables_of_plugins_that_are_not_installed_keep_jobs_as_well(store: Store) -> None:
    by_id, by_number, follows = ended(store), ended(store), ended(store)
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE gone_a (job VARCHAR(64) REFERENCES pfd_job (id))")
        connection.exec_driver_sql("CREATE TABLE gone_b (job BIGINT REFERENCES pfd_job (seq) ON DELETE RESTRICT)")
        connection.exec_driver_sql(
            "CREATE TABLE gone_c (job VARCHAR(64), FOREIGN KEY (job) REFERENCES pfd_job (id) ON DELETE CASCADE)"
        )
        number = sa.select(job_table.c.seq).where(job_table.c.id == by_number).scalar_subquery()
        connection.execute(sa.insert(sa.table("gone_a", sa.column("job"))).values(job=by_id))
        connection.execute(sa.insert(sa.table("gone_b", sa.column("job"))).values(job=number))
        connection.execute(sa.insert(sa.table("gone_c", sa.column("job"))).values(job=follows))
    try:
        assert pruned(store).kept == {f"rows of gone_{letter} refer to them": 1 for letter in "ab"}
        assert ids(store) == {by_id, by_number}
    finally:
        with store.write() as connection:
            for letter in "abc":
                connection.exec_driver_sql(f"DROP TABLE gone_{letter}")


def test_a_job_that_a_live_one_waits_for_stays(store: Store) -> None:
    first, second = ended(store), submit(store)
    submit(store, after=(first, second))
    end(store, second)
    free = ended(store)
    assert pruned(store) == Pruned(jobs=1, folders=2, kept={NEEDED: 2})
    assert ids(store) >= {first, second}
    assert free not in ids(store)


def test_a_job_that_has_live_children_stays_until_they_have_ended(store: Store) -> None:
    parent = ended(store)
    child = submit(store, parent_id=parent)
    assert pruned(store) == Pruned(kept={NEEDED: 1})
    end(store, child)
    assert pruned(store).jobs == 2


def test_ended_children_of_a_live_parent_stay(store: Store) -> None:
    parent = submit(store)
    children = {ended(store, parent_id=parent) for _ in range(3)}
    assert pruned(store) == Pruned(kept={PARENT_LIVE: 3})
    assert ids(store) == {parent, *children}


def test_a_job_that_is_kept_between_looking_and_removing_stays(store: Store) -> None:
    kept, gone = ended(store), ended(store)
    with store.read() as connection:
        keeping = prune.referring_tables(connection)
        page = prune.find(connection, Which(time.time()), keeping)
    assert set(page.removable.values()) == {kept, gone}
    note(store, kept)
    with store.write() as connection:
        done = prune.remove(connection, page.removable, keeping)
    assert (set(done.removable.values()), done.kept) == ({gone}, {NOTES: 1})
    assert ids(store) == {kept}


def test_a_job_that_another_program_holds_is_left_for_another_time(store: Store) -> None:
    held, free = ended(store), ended(store)
    with store.read() as connection:
        page = prune.find(connection, Which(time.time()), ())
    if store.engine.dialect.name == "sqlite":  # one writer at a time: by now the job is gone
        set_row(store, held, state=State.SUCCESS)
        with store.write() as connection:
            connection.execute(job_table.delete().where(job_table.c.id == held))
            done = prune.remove(connection, page.removable, ())
    else:
        with store.write() as other, store.write() as connection:
            other.execute(sa.select(job_table.c.seq).where(job_table.c.id == held).with_for_update())
            done = prune.remove(connection, page.removable, ())
    assert (set(done.removable.values()), done.kept) == ({free}, {IN_USE: 1})


# -- files --------------------------------------------------------------------------------------------------------


def test_folders_of_no_job_go_and_everything_else_stays(store: Store, tmp_path: Path) -> None:
    home = store.settings.home
    live = submit(store)
    make_files(store, live)
    make_files(store, NEVER)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (home / "artifacts" / NEVER / "1" / "link").symlink_to(outside)
    (home / "artifacts" / "11111111-0000-4000-8000-000000000000").symlink_to(outside)
    (home / "artifacts" / "22222222-0000-4000-8000-000000000000").touch()
    (home / "artifacts" / "my-notes").mkdir()
    (home / "logs" / NEVER.upper().replace("0", "A")).mkdir()
    expected = folders(store) - {NEVER}
    assert swept(store) == Pruned(orphans=2)
    assert folders(store) == expected
    assert (outside / "precious").exists()
    assert (home / "artifacts" / live / "1" / "plots" / "a.txt").exists()


def test_a_link_in_place_of_the_folder_of_a_job_is_not_followed(store: Store, tmp_path: Path) -> None:
    job_id = ended(store)
    outside = tmp_path / "outside"
    (store.settings.home / "artifacts" / job_id).rename(outside)
    (store.settings.home / "artifacts" / job_id).symlink_to(outside)
    assert pruned(store) == Pruned(jobs=1, folders=1)
    assert (outside / "1" / "plots" / "a.txt").exists()


def test_an_id_that_leads_elsewhere_removes_no_files(store: Store) -> None:
    outside = store.settings.home / "artifacts"
    ended(store, id="../elsewhere")
    assert (outside / "../elsewhere/1/plots/a.txt").exists()
    assert pruned(store) == Pruned(jobs=1)
    assert (outside / "../elsewhere/1/plots/a.txt").exists()


def test_a_folder_that_cannot_be_removed_is_named_and_the_others_go(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, free = ended(store), ended(store)
    (store.settings.home / "artifacts" / stuck / "stuck.txt").touch()
    unlink = os.unlink

    def refuse(name: str, *, dir_fd: int) -> None:
        if name == "stuck.txt":
            raise PermissionError(name)
        unlink(name, dir_fd=dir_fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        done = pruned(store)
    assert done.jobs == 2
    assert {path.name for path in done.stuck} == {stuck}
    assert free not in folders(store)
    assert swept(store).orphans == 1
    assert folders(store) == set()


def test_the_files_of_another_store_s_home_are_not_touched(store: Store, databases: Databases, tmp_path: Path) -> None:
    store.bind_home()
    job_id = ended(store)
    other = make_settings(store.settings.home, databases.url("postgres", tmp_path))
    with Dispatcher(other) as dispatcher, pytest.raises(SettingsError, match="does not belong"):
        dispatcher.prune(30)
    assert folders(store) == {job_id}


_KILLED = """
import os, signal
from pfd import Settings
from pfd import retention
from pfd.store import Store
from pfd.store.prune import Which
settings = Settings.model_validate_json({settings!r})
store = Store(settings).open()
for step in retention.prune_jobs(store, settings.home, Which(1e12)):
    if step.jobs:  # the rows are gone; none of the files is
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_between_rows_and_files_leaves_folders_that_are_found_later(store: Store) -> None:
    old = {ended(store) for _ in range(5)}
    kept = ended(store)
    note(store, kept)
    code = _KILLED.format(settings=store.settings.model_dump_json())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ids(store) == {kept}
    assert folders(store) == {kept, *old}
    assert swept(store) == Pruned(orphans=10)
    assert folders(store) == {kept}


def test_pruners_at_the_same_moment_remove_each_job_once(store: Store) -> None:
    for _ in range(60):
        ended(store)
    keep = ended(store)
    note(store, keep)
    prepare = f"""
        import time
        from pfd import Settings
        from pfd.retention import prune_jobs, remove_orphans, total
        from pfd.store import Store
        from pfd.store.prune import Which
        settings = Settings.model_validate_json({store.settings.model_dump_json()!r})
        def work():
            store = Store(settings).open()
            done = total(prune_jobs(store, settings.home, Which(time.time())))
            total(remove_orphans(store, settings.home))
            store.close()
            return done.jobs
    """
    removed = at_once(4, prepare, {})
    assert sum(map(int, removed)) == 60
    assert ids(store) == {keep}
    swept(store)  # what two removed at once, each may have left to the other
    assert folders(store) == {keep}


def test_five_thousand_jobs_go_in_pages_and_a_worker_goes_on_meanwhile(
    settings: Settings, store: Store, registry: Registry
) -> None:
    moment = time.time() - LONG_AGO
    with store.write() as connection:
        pattern = jobs.insert(connection, NewJob(task="add", queue="default", params={"a": 1})).id
        row = connection.execute(sa.select(job_table).where(job_table.c.id == pattern)).one()._asdict()
        del row["seq"]
        row |= {"state": State.SUCCESS, "created_at": moment - 1, "ended_at": moment}
        many = [row | {"id": f"{number:08x}-0000-4000-8000-000000000000"} for number in range(5000)]
        connection.execute(job_table.insert(), many)
        connection.execute(job_table.delete().where(job_table.c.id == pattern))
    for number in range(0, 5000, 50):
        note(store, many[number]["id"])
    with Worker(settings, registry=registry), Dispatcher(settings, registry=registry) as dispatcher:
        handles = [dispatcher.submit("add", {"a": number}) for number in range(20)]
        began = time.monotonic()
        done = pruned(store)
        took = time.monotonic() - began
        assert [handle.get(60)["value"] for handle in handles] == [number + 1 for number in range(20)]
    assert (done.jobs, done.kept) == (4900, {NOTES: 100})
    assert took < 30
    assert len(ids(store)) == 120


# -- the doors ----------------------------------------------------------------------------------------------------


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(settings, registry=registry) as opened:
        yield opened


def test_a_dispatcher_prunes_by_the_setting_or_by_an_age_in_days(store: Store, settings: Settings) -> None:
    ended(store, ago=40 * DAY)
    younger = ended(store, ago=20 * DAY)
    make_files(store, NEVER)
    with Dispatcher(settings) as dispatcher, pytest.raises(SettingsError, match="how old"):
        dispatcher.prune()
    with Dispatcher(settings.model_copy(update={"retention": 30.0})) as dispatcher:
        assert dispatcher.prune(dry_run=True) == Pruned(jobs=1, orphans=2)
        assert dispatcher.prune() == Pruned(jobs=1, folders=2, orphans=2)
        assert dispatcher.prune(10, state="FAILURE") == Pruned()
        assert dispatcher.prune(10, state=["SUCCESS"], task="add").jobs == 1
        with pytest.raises(UnknownJob):
            dispatcher.job(younger)


@pytest.mark.parametrize(
    "wrong", [{"older_than": -1}, {"older_than": float("nan")}, {"older_than": 1, "state": "RETRY"}]
)
def test_an_age_or_a_state_that_makes_no_sense_is_refused(dispatcher: Dispatcher, wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        dispatcher.prune(**wrong)


# -- housekeeping -------------------------------------------------------------------------------------------------


@pytest.fixture
def at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "FIRST", 0.0)


def test_a_worker_keeps_house_in_small_steps_until_all_is_done(store: Store, at_any_time: None) -> None:
    kept = ended(store, ago=0)
    for _ in range(prune.PAGE // 10):
        ended(store)
    make_files(store, NEVER)
    pruner = Pruner(store, store.settings.model_copy(update={"retention": 30.0}))
    pruner.tick(0.0)
    assert len(folders(store)) > 1, "no more than one step is taken in no time"
    for _ in range(1000):
        pruner.tick(0.0)
    assert ids(store) == folders(store) == {kept}
    ended(store)
    pruner.tick()
    assert len(ids(store)) == 2, "the next round is an hour away"


def test_a_clock_that_was_set_makes_no_job_old(
    store: Store, at_any_time: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    old = ended(store, ago=20 * DAY)
    pruner = Pruner(store, store.settings.model_copy(update={"retention": 30.0}))
    pruner.tick()
    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr(retention, "EVERY", 0.0)
        patch.setattr(time, "time", lambda: real() + 1000 * DAY)
        for _ in range(3):
            pruner.tick()
    pruner.tick()
    assert ids(store) == {old}
    assert caplog.text.count("the clock was set by +86400000 s") == 1
    assert caplog.text.count("the clock was set by -86400000 s") == 1


def test_without_a_retention_a_worker_removes_nothing(store: Store, at_any_time: None) -> None:
    old = ended(store)
    make_files(store, NEVER)
    Pruner(store, store.settings).tick()
    assert ids(store) == {old}
    assert folders(store) == {old, NEVER}


def test_a_home_that_became_another_store_s_is_said_and_left_alone(
    store: Store, at_any_time: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.bind_home()
    (store.settings.home / "store-id").write_text("another", encoding="ascii")
    ended(store)
    Pruner(store, store.settings.model_copy(update={"retention": 30.0})).tick()
    assert "does not belong" in caplog.text
    assert len(ids(store)) == 1


def test_a_running_job_and_what_it_has_written_survive_pruning_of_everything(
    settings: Settings, registry: Registry, tmp_path: Path
) -> None:
    go, witness = tmp_path / "go", tmp_path / "witness"
    with Worker(settings, registry=registry), Dispatcher(settings, registry=registry) as dispatcher:
        done = dispatcher.submit("write_artifact")
        done.get(60)
        handle = dispatcher.submit("note", {"text": "x", "go": str(go), "witness": str(witness)}, after=[done.id])
        until(witness.exists, "it runs")
        assert dispatcher.prune(0).kept == {NEEDED: 1}
        go.touch()
        handle.get(60)
        assert dispatcher.prune(0) == Pruned(jobs=1, folders=1, kept={NOTES: 1})
        assert not any((settings.home / "artifacts").iterdir())
        assert [job.id for job in dispatcher.jobs()] == [handle.id]

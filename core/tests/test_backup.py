"""A backup of the store: whole, made under load, and never in the place of something else."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from core.tests.support.commands import Commands
from core.tests.support.stores import as_environment, make_settings
from core.tests.support.waiting import until
from pfd import Dispatcher, Settings, StoreError
from pfd.plugins import Registry
from pfd.store import Store
from pfd.store.backup import back_up

LOAD = """
import itertools
from pfd import Dispatcher
with Dispatcher() as pfd:
    for number in itertools.count():
        pfd.submit("add", {"a": number % 1000, "b": number}, tags=("load",))
"""


def test_of_a_store_under_load_all_that_was_there_is_in_the_copy_and_every_job_is_whole(
    dispatcher: Dispatcher, registry: Registry, served: Settings, tmp_path: Path
) -> None:
    before = [dispatcher.submit("add", {"a": 1}).id for _ in range(20)]
    loads = [
        subprocess.Popen(
            [sys.executable, "-c", LOAD], env=os.environ | as_environment(served), stderr=subprocess.DEVNULL
        )
        for _ in range(2)
    ]
    try:
        until(lambda: len(dispatcher.jobs(tag="load", limit=50)) == 50, "some load")
        back_up(dispatcher.store, tmp_path / "a copy für später.sqlite3")
    finally:
        for one in loads:
            one.kill()
            one.wait()
    home = tmp_path / "restored"
    home.mkdir()
    (tmp_path / "a copy für später.sqlite3").rename(home / "pfd.sqlite3")
    with Dispatcher(make_settings(home), registry=registry) as restored:
        assert {restored.job(one).params["b"] for one in before} == {1}
        loaded = [restored.job(one.id) for one in restored.jobs(tag="load", limit=200)]
        assert len(loaded) >= 50
        assert all(job.damage == {} and job.params["a"] == job.params["b"] % 1000 for job in loaded)
        assert restored.submit("add", {"a": 1}).state == "PENDING"


def test_the_command_copies_to_one_file_for_its_user_alone(
    pfd: Commands, dispatcher: Dispatcher, tmp_path: Path
) -> None:
    dispatcher.submit("add", {"a": 1})
    said = pfd.json("db", "backup", str(tmp_path / "copy"))
    assert said == {"file": str(tmp_path / "copy"), "bytes": (tmp_path / "copy").stat().st_size}
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "home"]
    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert copy.execute("SELECT count(*) FROM pfd_job").fetchone() == (1,)


def test_nothing_is_overwritten(pfd: Commands, dispatcher: Dispatcher, served: Settings, tmp_path: Path) -> None:
    dispatcher.submit("add", {"a": 1})
    (tmp_path / "copy").write_text("something else")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for target in (tmp_path / "copy", tmp_path / "link", tmp_path, served.home / "pfd.sqlite3"):
        shown = pfd("db", "backup", str(target))
        assert shown.code == 2
        assert "is there already, and is not overwritten" in shown.err
    assert (tmp_path / "copy").read_text() == "something else"
    assert len(dispatcher.jobs()) == 1


def test_where_it_cannot_be_made_nothing_is_left(pfd: Commands, dispatcher: Dispatcher, tmp_path: Path) -> None:
    dispatcher.submit("add", {"a": 1})
    assert pfd("db", "backup", str(tmp_path / "copy")).code == 0
    shown = pfd("db", "backup", str(tmp_path / "no" / "copy"))
    assert (shown.code, "cannot be written: No such file" in shown.err) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "home"]


def test_a_damaged_store_is_not_taken_for_a_backup(dispatcher: Dispatcher, served: Settings, tmp_path: Path) -> None:
    for _ in range(50):
        dispatcher.submit("add", {"a": 1})
    dispatcher.close()
    path = served.home / "pfd.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[8192 : len(content) // 2] = os.urandom(len(content) // 2 - 8192)
    path.write_bytes(content)
    store = Store(served)
    with pytest.raises(StoreError, match=r"damaged|malformed"):
        back_up(store, tmp_path / "copy")
    store.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home"]


def test_where_there_is_no_store_none_is_made(pfd: Commands, served: Settings, tmp_path: Path) -> None:
    shown = pfd("db", "backup", str(tmp_path / "copy"))
    assert (shown.code, "there is no store at" in shown.err) == (3, True)
    assert not (served.home / "pfd.sqlite3").exists()


def test_for_postgresql_the_command_is_named_without_the_password(
    pfd: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PFD_DATABASE_URL", "postgresql://pfd:s%40cret@db.example.org:6543/jobs?sslpassword=hidden")
    shown = pfd("db", "backup", str(tmp_path / "a copy"))
    assert shown.code == 2
    assert f"run pg_dump --format=custom '--file={tmp_path}/a copy' --host=db.example.org --port=6543" in shown.err
    assert "--username=pfd --dbname=jobs" in shown.err
    assert not any(secret in shown.out + shown.err for secret in ("cret", "hidden"))

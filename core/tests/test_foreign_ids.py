"""Ids in rows that PFD has not written lead to no file: folders of jobs and of workers are named after ids."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.tests.support.commands import Commands
from core.tests.support.stores import as_environment
from pfd import ArtifactError, Dispatcher, Settings, State, Worker
from pfd.artifacts import ArtifactFolder, job_folder, published
from pfd.job import ArtifactFile
from pfd.plugins import Registry
from pfd.socket_folder import socket_folder
from pfd.worker import liveness_lock

PATIENCE = 20.0
OUTSIDE = ("../../precious", "/tmp/precious", "..", ".", "", "a\0b", "0" * 36, "../" * 8 + "etc")


def change_id(dispatcher: Dispatcher, job_id: str, new: str) -> None:
    with dispatcher.store.write() as connection:
        connection.execute(sa.text("UPDATE pfd_job SET id = :new WHERE id = :old").bindparams(new=new, old=job_id))


@pytest.mark.parametrize("identity", OUTSIDE)
def test_no_folder_is_named_after_what_is_no_id(tmp_path: Path, identity: str) -> None:
    for make in (
        lambda: job_folder(tmp_path, "logs", identity),
        lambda: ArtifactFolder(tmp_path, identity, 1),
    ):
        with pytest.raises(ArtifactError, match="is not an id of a job"):
            make()


@pytest.mark.parametrize("identity", ["../../precious", "..", "x"])
def test_a_job_whose_id_is_a_path_fails_alone_and_writes_nowhere(
    sqlite_settings: Settings, registry: Registry, identity: str
) -> None:
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        bad = dispatcher.submit("add", {"a": 1})
        change_id(dispatcher, bad.id, identity)
        before = {path for path in sqlite_settings.home.parent.rglob("*") if "precious" in path.name}
        with Worker(sqlite_settings, registry=registry):
            assert dispatcher.submit("add", {"a": 1}).get(PATIENCE) == {"value": 2}
            found = dispatcher.handle(identity).wait(PATIENCE)
        assert found.state is State.FAILURE
        assert found.damage == {"id": "no UUID"}
        assert {path for path in sqlite_settings.home.parent.rglob("*") if "precious" in path.name} == before


def test_pruning_removes_no_folder_that_the_id_of_a_row_leads_to(sqlite_settings: Settings, registry: Registry) -> None:
    # The last part of its path is an id: it passes for the folder of a job where only the name is looked at.
    name = "6b1c7e0a-6f0a-4f0e-9d55-2f1f4a7c9d11"
    precious = sqlite_settings.home.parent / "precious" / name
    precious.mkdir(parents=True)
    (precious / "file").write_text("needed", encoding="utf-8")
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        with Worker(sqlite_settings, registry=registry):
            job = dispatcher.submit("add", {"a": 1}).wait(PATIENCE)
        change_id(dispatcher, job.id, f"../../precious/{name}")
        with dispatcher.store.write() as connection:
            connection.execute(sa.text("UPDATE pfd_job SET ended_at = 1000, created_at = 1000, due_at = 1000"))
        assert dispatcher.prune(1).jobs == 1
    assert (precious / "file").read_text(encoding="utf-8") == "needed"


def test_the_commands_show_a_job_whose_id_is_none(
    sqlite_settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        job = dispatcher.submit("add", {"a": 1})
        change_id(dispatcher, job.id, "../../precious")
    for name, value in as_environment(sqlite_settings).items():
        monkeypatch.setenv(name, value)
    pfd = Commands(capsys)
    assert "no UUID" in pfd("job", "../../precious").out
    logs = pfd("logs", "../../precious")
    assert logs.code != 0
    assert "is not an id of a job" in logs.err


@pytest.mark.parametrize("identity", ["../../precious", "/etc/hostname", "..", "a\0b"])
def test_a_worker_whose_id_is_a_path_leads_to_no_file(identity: str, tmp_path: Path) -> None:
    precious = socket_folder(liveness_lock.FOLDER, tmp_path).parent / "precious"
    precious.write_text("needed", encoding="utf-8")
    try:
        assert liveness_lock.is_dead(identity, tmp_path) is False
        liveness_lock.forget(identity, tmp_path)
        liveness_lock.forget("../precious", tmp_path)
        assert precious.exists()
    finally:
        precious.unlink()


@pytest.mark.parametrize("name", ["../../../../secret.txt", "/etc/hostname", "a/../../b", ""])
def test_the_artifacts_of_a_row_lead_to_no_file_outside_the_folder_of_the_job(
    sqlite_settings: Settings, registry: Registry, name: str
) -> None:
    with Dispatcher(sqlite_settings, registry=registry) as dispatcher:
        with Worker(sqlite_settings, registry=registry):
            handle = dispatcher.submit("add", {"a": 1})
            handle.get(PATIENCE)
        with dispatcher.store.write() as connection:
            query = sa.text("UPDATE pfd_job SET artifacts = :names").bindparams(names=json.dumps([[name, 7]]))
            connection.execute(query)
        assert dict(handle.artifacts) == {}
        assert handle.job.damage == {"artifacts": "a name that leads out of the job's folder"}
        with pytest.raises(ArtifactError):
            published(sqlite_settings.home, replace(handle.job, artifacts=(ArtifactFile(name, 7),)), name)

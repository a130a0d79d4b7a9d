"""Files of jobs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.tests.support.stores import make_settings
from pfd import ArtifactError, Dispatcher, artifact_path, replacing, write_json
from pfd.artifacts import ArtifactFolder
from pfd.plugins import Registry

JOB = "6b1c7e0a-6f0a-4f0e-9d55-2f1f4a7c9d11"


def test_an_artifact_lies_in_the_folder_of_its_run(tmp_path: Path) -> None:
    path = ArtifactFolder(tmp_path, JOB, 3).file("plots/roc.png")
    assert path == tmp_path / "artifacts" / JOB / "3" / "plots" / "roc.png"
    assert path.parent.is_dir()


@pytest.mark.parametrize("name", ["", ".", "..", "../other", "a/../../b", "/etc/passwd", "a/../.."])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArtifactError, match="outside the job's folder"):
        ArtifactFolder(tmp_path, JOB, 1).file(name)


def test_a_link_that_leads_out_of_the_folder_is_refused_and_not_published(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path, JOB, 1)
    inside = folder.file("real.txt")
    inside.write_text("here", encoding="utf-8")
    (tmp_path / "secret").write_text("there", encoding="utf-8")
    (folder.path / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ArtifactError):
        folder.file("link")
    assert [(item.name, item.size) for item in folder.listing()] == [("real.txt", 4)]


def test_the_listing_names_files_in_folders_and_is_sorted(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path, JOB, 1)
    for name in ("b.txt", "a/z.txt", "a/b/c.txt"):
        folder.file(name).write_bytes(b"12345")
    assert [item.name for item in folder.listing()] == ["a/b/c.txt", "a/z.txt", "b.txt"]
    assert ArtifactFolder(tmp_path, JOB.replace("6b", "6c"), 1).listing() == ()


def test_a_checkpoint_comes_from_the_newest_earlier_run_that_left_one(tmp_path: Path) -> None:
    for claim in (2, 9, 10, 11):
        ArtifactFolder(tmp_path, JOB, claim).file("state").write_text(str(claim), encoding="utf-8")
    ArtifactFolder(tmp_path, JOB, 12).file("other").touch()
    found = ArtifactFolder(tmp_path, JOB, 11).checkpoint("state")
    assert found is not None
    assert found.read_text(encoding="utf-8") == "10"
    assert ArtifactFolder(tmp_path, JOB, 2).checkpoint("state") is None
    assert ArtifactFolder(tmp_path, JOB.replace("6b", "6c"), 2).checkpoint("state") is None


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "model.bin"
    with replacing(path) as temporary:
        temporary.write_bytes(b"first")
        assert not path.exists()
    assert path.read_bytes() == b"first"

    def interrupted() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"half of the sec")
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="the power went"):
        interrupted()
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in path.parent.iterdir()] == ["model.bin"]


def test_a_replaced_file_has_the_rights_that_any_new_file_has_within_those_of_its_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    path, plain = tmp_path / "replaced", tmp_path / "plain"
    with replacing(path) as temporary:
        temporary.write_bytes(b"x")
    plain.write_bytes(b"x")
    assert path.stat().st_mode == plain.stat().st_mode
    tmp_path.chmod(0o700)
    with replacing(path) as temporary:
        temporary.write_bytes(b"x")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_is_an_artifact_error(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("a file where a folder is needed", encoding="utf-8")
    with pytest.raises(ArtifactError, match="cannot create"):
        ArtifactFolder(tmp_path, JOB, 1).file("x")


def test_published_artifacts_are_found_by_handle_and_by_job(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(tmp_path / "home", runtime="eager")
    with Dispatcher(settings, registry=registry) as dispatcher:
        handle = dispatcher.submit("write_artifact")
        assert handle.get() == {"text": "plots/a.txt"}
        path = handle.artifacts["plots/a.txt"]
        assert path.read_text(encoding="utf-8") == "drawn"
        assert artifact_path(handle.id, "plots/a.txt", settings) == path
        with pytest.raises(ArtifactError, match=r"no artifact 'b\.txt'; it has: plots/a\.txt"):
            artifact_path(handle.id, "b.txt", settings)
        path.unlink()
        with pytest.raises(ArtifactError, match="is gone"):
            _ = handle.artifacts


def test_json_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.json"
    write_json(path, {"class": "Wälzlager", "accuracy": 0.5})
    assert path.read_text(encoding="utf-8") == '{\n  "class": "W\\u00e4lzlager",\n  "accuracy": 0.5\n}\n'
    write_json(path, [1, 2], indent=None)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"accuracy": float("nan")})
    assert path.read_text(encoding="utf-8") == "[1, 2]\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["scores.json"]


def test_a_task_writes_json_and_names_its_files_below_the_home(tmp_path: Path, registry: Registry) -> None:
    settings = make_settings(tmp_path / "home", runtime="eager")
    with Dispatcher(settings, registry=registry) as dispatcher:
        handle = dispatcher.submit("write_json")
        found = handle.get()["text"]
        path = handle.artifacts["scores/all.json"]
        assert found == path.relative_to(settings.home).as_posix()
        assert json.loads(path.read_text(encoding="utf-8")) == {"accuracy": 0.5}

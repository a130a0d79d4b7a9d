"""What the image starts, started the same way: tini as the first process of a pid namespace, and a worker below it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pfd import Dispatcher, Settings
from pfd_contract.plugin.witness import read_notes
from pfd_contract.plugins import CONTRACT, write_plugins
from pfd_contract.processes import SERVER
from pfd_contract.waiting import until
from tests.support.brokers import free_port
from tests.support.workspace import ROOT

pytestmark = pytest.mark.slow("a worker starts in a container")

DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"


def _words(instruction: str) -> list[str]:
    [found] = re.findall(rf"^{instruction} (\[.*\])$", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    words: list[str] = json.loads(found)
    return words


class Container:
    """The program of the image in a pid namespace of its own, where it is number 1."""

    def __init__(self, settings: Settings, folder: Path, plugins: Path) -> None:
        names = ("home", "lease", "sweep", "metrics")
        given = {f"PFD_{name.upper()}": str(getattr(settings, name)) for name in names}
        path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
        unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
        if os.geteuid() != 0:
            unshare += ["--user", "--map-root-user"]
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [*unshare, *_words("ENTRYPOINT"), *_words("CMD")],
                env={
                    "PATH": path,
                    "PFD_PLUGINS": ",".join(settings.plugins),
                    "PYTHONPATH": str(plugins),
                    "TMPDIR": "/tmp",
                    **given,
                },
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._output = folder / "output"

    @property
    def printed(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def first(self) -> psutil.Process:
        """Its process number 1."""
        return until(lambda: psutil.Process(self._process.pid).children(), "there is a first process")[0]

    def all(self) -> list[psutil.Process]:
        return [self.first(), *self.first().children(recursive=True)]

    def stop(self) -> None:
        """What an engine does: SIGTERM to number 1."""
        self.first().send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """The exit code, once it has ended."""
        return self._process.wait(60)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        plugins=("contract", "observability"),
        lease=2.0,
        sweep=0.2,
        metrics=f"127.0.0.1:{free_port()}",
    )


@pytest.fixture
def container(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    missing = [tool for tool in (_words("ENTRYPOINT")[0], "unshare") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is missing: install tini and util-linux")
    write_plugins(tmp_path / "plugins", CONTRACT)
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    started = Container(settings, tmp_path, tmp_path / "plugins")
    yield started
    started.kill()


def test_a_stop_during_the_start_is_heard(container: Container) -> None:
    until(lambda: container.first().children(), "the first process has started the worker")
    container.stop()
    # On a busy machine the worker may have come so far that it ends by itself.
    assert container.wait() in (0, 128 + signal.SIGTERM)


def test_the_health_check_of_the_image_finds_the_worker_alive(container: Container, settings: Settings) -> None:
    until(lambda: "serving" in container.printed, "the worker serves")
    _, *words = _words(r"HEALTHCHECK (?:.|\n)*?CMD")
    port = settings.metrics.rpartition(":")[2]
    check = [sys.executable, *(word.replace("9109", port) for word in words)]
    subprocess.run(check, check=True, timeout=30)


def test_orphans_are_collected_and_a_stop_lets_jobs_end(container: Container, settings: Settings) -> None:
    until(lambda: "serving" in container.printed, "the worker serves")
    with Dispatcher(settings) as dispatcher:
        job = dispatcher.submit("contract_nap", {"gate": "open"})
        until(lambda: read_notes(settings.home, job.id), "the job runs")
        servers = [process for process in container.all() if any(SERVER in word for word in process.cmdline())]
        # Without its warm server the keeper of the job has no parent but number 1.
        min(servers, key=lambda process: process.create_time()).kill()
        until(lambda: len(read_notes(settings.home, job.id)) == 2, "the job runs again")
        until(
            lambda: not [process for process in container.all() if process.status() == psutil.STATUS_ZOMBIE],
            "nothing dead is left",
            seconds=10,
        )
        (settings.home / "witness").mkdir(exist_ok=True)
        container.stop()
        (settings.home / "witness" / "open").touch()
        assert container.wait() == 0
        assert job.state == "SUCCESS"

"""The units of `deploy/systemd` do what `docs/how-to/deploy.md` says, under a real systemd.

PFD is installed from wheels into /opt/pfd as the page says, the units are installed as they are, and the store is a
real PostgreSQL.  Memory is not limited here: a container on this machine is not given that control group.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pfd_contract.plugins import CONTRACT, write_plugins
from pfd_contract.waiting import until
from tests.support.environments import CONSTRAINTS
from tests.support.machine import Machine, why_no_machine
from tests.support.servers import PostgresServer
from tests.support.workspace import ROOT

pytestmark = pytest.mark.slow("a machine boots, and PFD is installed in it; stops take their time", first=True)

UNITS = ROOT / "deploy" / "systemd"
HOME, WORKER = "/var/lib/pfd", "pfd-worker@1"

SETTINGS = """
PFD_HOME=/var/lib/pfd
PFD_DATABASE_URL=postgresql://pfd@/{database}?host=/srv/postgres
PFD_WORKER=--concurrency 2
PFD_LEASE=3
PFD_SWEEP=0.5
PFD_METRICS=127.0.0.1:19109-19199
PYTHONPATH=/srv/plugins
"""
ADMIN = (
    *("systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--uid=pfd", "--gid=pfd"),
    *("--property=EnvironmentFile=/etc/pfd/pfd.env", "--property=WorkingDirectory=/var/lib/pfd"),
    *("--setenv=XDG_RUNTIME_DIR=/run/pfd", "/opt/pfd/bin/pfd"),
)
"""How the page says that an administrator asks."""


class Site:
    """PFD as it is installed on a machine.

    What is waited for is looked at in the store, from outside: a command of PFD in the machine takes half a second of
    the processor that the worker in it needs.  What a test says of it in the end is asked of such a command.

    Parameters
    ----------
    store : a connection to its PostgreSQL, where each statement is by itself.
    """

    def __init__(self, machine: Machine, store: psycopg.Connection[Any]) -> None:
        self.machine = machine
        self.store = store

    def pfd(self, *words: str) -> str:
        return self.machine.run(*ADMIN, *words)

    def submit(self, task: str, *assignments: str) -> str:
        """Submit one of the contract's tasks; the id of the job, whatever is said of its workers beside it."""
        printed = self.pfd("submit", f"contract_{task}", *assignments)
        [found] = re.findall(r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", printed, re.MULTILINE)
        return str(found)

    def job(self, job_id: str) -> dict[str, Any]:
        printed = self.pfd("job", job_id, "--json")
        # Beside it stands what is said on standard error, as that a job of a dead worker was taken back.
        found: dict[str, Any] = json.loads(printed[printed.index("{") :])
        return found

    def await_state(self, job_id: str, *states: str) -> dict[str, Any]:
        def state() -> Any:
            [(found,)] = self.store.execute("SELECT state FROM pfd_job WHERE id = %s", (job_id,))
            return found

        until(lambda: state() in states, f"the job is {' or '.join(states)}")
        return self.job(job_id)

    def open_gate(self, name: str) -> None:
        self.machine.shell('install -d -o pfd -g pfd "$1"; touch "$1/$2"', f"{HOME}/witness", name)

    def start(self, unit: str = WORKER) -> int:
        """Start a worker, and wait until it serves; its pid as seen in the machine."""
        self.machine.run("systemctl", "start", unit)
        pid = self.machine.show(unit, "MainPID")
        try:
            there = "SELECT 1 FROM pfd_worker WHERE name LIKE %s"
            until(lambda: self.store.execute(there, (f"%:{pid}",)).fetchone(), "the worker is there", seconds=60)
            until(lambda: f":{pid} " in self.pfd("workers"), "the worker serves", seconds=60)
        except AssertionError as error:
            log = self.machine.run("journalctl", f"--unit={unit}", "--lines=50", "--no-pager")
            raise AssertionError(f"{error}, pid {pid}\n{self.pfd('workers')}\n{log}") from None
        return int(pid)

    def stop(self, unit: str = WORKER) -> float:
        """Stop a worker; the seconds that it took."""
        began = time.monotonic()
        self.machine.run("systemctl", "stop", unit)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of the database of the machine."""
    name = f"systemd_{os.getpid()}"
    postgres_server.execute(f"CREATE DATABASE {name}")
    yield name
    postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def machine(wheels: Path, postgres_server: PostgresServer, database: str) -> Iterator[Machine]:
    """A machine with PFD in /opt/pfd, the units in place, and nothing started."""
    if reason := why_no_machine():
        pytest.skip(reason)
    # Not in the folder of the test run, which others than root cannot enter.
    with tempfile.TemporaryDirectory(prefix="pfd-systemd-") as folder:
        work, plugins = Path(folder) / "machine", Path(folder) / "plugins"
        work.mkdir()
        write_plugins(plugins, CONTRACT)
        socket = next(postgres_server.folder.glob(".s.PGSQL.*[0-9]"))
        binds = {
            Path(sys.base_prefix): "/opt/python",  # it may lie in the home of root, which the units do not see
            CONSTRAINTS: "/srv/constraints.txt",
            UNITS: "/srv/units",
            wheels: "/srv/wheels",
            plugins: "/srv/plugins",
            socket: f"/srv/postgres/{socket.name}",
        }
        found = Machine(work, binds)
        try:
            _install(found, database)
            yield found
        finally:
            found.stop()


def _install(machine: Machine, database: str) -> None:
    machine.shell("echo /opt/python/lib > /etc/ld.so.conf.d/0-python.conf; ldconfig")
    machine.run(f"/opt/python/bin/python3.{sys.version_info.minor}", "-m", "venv", "/opt/pfd")
    what = ("-c", "/srv/constraints.txt", "--find-links", "/srv/wheels", "pfd-core[postgres,metrics]", "pfd-contract")
    machine.run("/opt/pfd/bin/pip", "install", "--quiet", *what, environment=os.environ)
    machine.shell(
        """
        chmod go+rX /srv/plugins
        install -D -m 0644 /srv/units/pfd.sysusers /etc/sysusers.d/pfd.conf
        systemd-sysusers
        install -m 0644 /srv/units/*.service /etc/systemd/system/
        systemctl daemon-reload
        """
    )
    machine.write("/etc/pfd/pfd.env", SETTINGS.format(database=database), 0o600)
    machine.run("systemctl", "start", "pfd-db-upgrade")


@pytest.fixture
def site(machine: Machine, postgres_server: PostgresServer, database: str) -> Iterator[Site]:
    with psycopg.connect(postgres_server.url(database), autocommit=True) as store:
        yield Site(machine, store)
    machine.run("systemctl", "kill", "--signal=SIGKILL", "pfd-worker@*", check=False)
    machine.run("systemctl", "stop", "pfd-worker@*")
    machine.run("systemctl", "reset-failed")
    machine.shell("rm -rf /run/pfd/*")  # those that were killed have left theirs


def test_systemd_finds_no_fault_in_the_units(machine: Machine) -> None:
    assert machine.run("systemd-analyze", "verify", WORKER + ".service", "pfd-db-upgrade.service") == ""
    assert machine.run("systemd-analyze", "security", "--threshold=20", WORKER + ".service")  # of 100


def test_jobs_run_in_the_sandbox_with_worker_processes_of_their_own(site: Site) -> None:
    worker = site.start()
    crowd = site.submit("crowd", "size=4")
    assert site.await_state(crowd, "SUCCESS", "FAILURE")["state"] == "SUCCESS"

    nap = site.submit("nap", "gate=sandbox")
    site.await_state(nap, "STARTED", "PROGRESS")
    pids = site.machine.processes(WORKER)
    assert worker in pids
    assert len(pids) >= 4  # the worker, a warm server, a keeper, the job
    for pid in pids:
        status = site.machine.shell("cat /proc/$1/status", str(pid))
        words = {line.split()[0]: line.split()[1:] for line in status.splitlines() if line.split()[1:]}
        assert words["Uid:"][0] != "0"
        assert words["NoNewPrivs:"] == ["1"]
        assert words["Seccomp:"] == ["2"]
        assert set(words["CapBnd:"][0]) == {"0"}
    # Even root, within the mounts that the worker sees, can write to no other places.
    places = "/etc /opt/pfd /usr /var /var/lib /home /root /srv /var/lib/pfd /var/cache/pfd /run/pfd /tmp"
    asked = f'for place in {places}; do [ ! -w "$place" ] || echo "$place"; done'
    writable = site.machine.run("nsenter", "--mount", "--target", str(worker), "sh", "-euc", asked)
    assert writable.split() == ["/var/lib/pfd", "/var/cache/pfd", "/run/pfd", "/tmp"]
    site.open_gate("sandbox")
    assert site.await_state(nap, "SUCCESS", "FAILURE")["state"] == "SUCCESS"


def test_a_worker_that_is_stopped_lets_its_job_end_and_leaves_nothing(site: Site) -> None:
    site.start()
    job = site.submit("nap", "gate=stop")
    site.await_state(job, "STARTED", "PROGRESS")
    site.machine.run("systemctl", "stop", "--no-block", WORKER)
    until(lambda: site.machine.show(WORKER, "ActiveState") == "deactivating", "it is being stopped")
    time.sleep(1)  # a signal that went to the job as well would have ended it by now
    site.open_gate("stop")
    until(lambda: site.machine.show(WORKER, "ActiveState") == "inactive", "it has stopped")
    assert site.machine.show(WORKER, "Result") == "success"
    assert site.machine.processes(WORKER) == []
    assert site.job(job)["state"] == "SUCCESS"
    assert site.machine.shell("find /run/pfd ! -type d") == ""


def test_a_job_that_does_not_end_is_handed_back_before_time_is_up(site: Site) -> None:
    site.start()
    job = site.submit("stubborn", "gate=never")
    site.await_state(job, "STARTED", "PROGRESS")
    until(lambda: site.machine.run("grep", "-ls", "deaf", f"{HOME}/witness/{job}.notes", check=False), "it is deaf")
    took = site.stop()
    assert site.machine.show(WORKER, "Result") == "success"  # and not "timeout"
    assert 30 <= took < 80
    assert site.machine.processes(WORKER) == []
    handed_back = site.job(job)
    assert (handed_back["state"], handed_back["attempt"]) == ("RETRY", 0)
    site.pfd("cancel", job)


def test_a_worker_that_is_killed_is_started_again_and_its_job_runs_again(site: Site) -> None:
    first = site.start()
    job = site.submit("nap", "gate=killed")
    site.await_state(job, "STARTED", "PROGRESS")
    site.machine.run("kill", "-KILL", str(first))
    until(lambda: site.machine.show(WORKER, "MainPID") not in ("0", str(first)), "it is started again")
    site.open_gate("killed")
    assert site.await_state(job, "SUCCESS", "FAILURE")["state"] == "SUCCESS"
    assert site.machine.show(WORKER, "NRestarts") == "1"


def test_a_worker_whose_job_is_killed_goes_on(site: Site) -> None:
    worker = site.start()
    job = site.submit("leave", "how=SIGKILL", "times=1")
    assert site.await_state(job, "SUCCESS", "FAILURE")["state"] == "SUCCESS"
    assert site.machine.show(WORKER, "MainPID") == str(worker)


def test_a_setting_that_is_wrong_is_not_tried_for_ever(site: Site) -> None:
    site.machine.write("/etc/pfd/worker-wrong.env", "PFD_LEASE=-1\n", 0o600)
    site.machine.run("systemctl", "start", "pfd-worker@wrong", check=False)
    until(lambda: site.machine.show("pfd-worker@wrong", "ActiveState") == "failed", "it has given up")
    assert site.machine.show("pfd-worker@wrong", "NRestarts") == "0"
    assert "PFD_LEASE" in site.machine.run("journalctl", "--unit=pfd-worker@wrong")


def test_a_ring_reaches_a_worker_with_settings_of_its_own_also_when_another_has_stopped(site: Site) -> None:
    # Without the bell a job would be found after a minute.
    site.machine.write("/etc/pfd/worker-slow.env", "PFD_WORKER=--concurrency 1\nPFD_SWEEP=60\nPFD_LEASE=60\n", 0o600)
    site.start()
    site.start("pfd-worker@slow")
    site.stop()
    began = time.monotonic()
    job = site.submit("noop")
    site.await_state(job, "SUCCESS", "FAILURE")
    assert time.monotonic() - began < 30

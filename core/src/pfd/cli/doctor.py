"""`pfd doctor`: whether everything is in place, and how to mend what is not."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import importlib.util
import os
import pkgutil
import platform
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import click

from pfd import entrypoints, origin
from pfd.cli.output import counted, size
from pfd.cli.served import GPU_HINT, no_gpu, waiting_for_gpu, workers_for_all
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import echo, moment, print_json, print_table
from pfd.errors import PfdError, SettingsError
from pfd.hints import Hint
from pfd.modes import make_home
from pfd.ownership import open_to_others
from pfd.plugins import GROUP, PluginRecord, Registry
from pfd.settings import FILE, USE_BROKER, Settings
from pfd.stored import StoredFile
from pfd.task import Task
from pfd.urls import mask, purge

OLDEST_PYTHON = (3, 11)
LITTLE_SPACE = 2**30
RECENT = 7 * 86400.0
"""Seconds for which a message that was refused is worth a word."""

MOST_REFUSED = 10
NETWORK = frozenset({"9p", "afs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"})
"""Kinds of file system on which the locks of SQLite cannot be relied on."""


@dataclasses.dataclass(frozen=True)
class Check:
    """What was found, and what to do about it."""

    status: Literal["ok", "warn", "fail"]
    name: str
    found: str
    mend: str = ""


Checks = Iterator[Check]


@click.command()
@click.option(
    "--deep", is_flag=True, help="Also check all that plugins name, and ask PyTorch for its devices; takes a while."
)
@click.option("--files", "all_files", is_flag=True, help="Also read all files that rows name, and compare digests.")
@click.option("--repair", is_flag=True, help="Reclaim jobs from workers of this machine that are dead.")
@json_option
@pass_session
def doctor(session: Session, deep: bool, all_files: bool, repair: bool, as_json: bool) -> int:
    """Check that everything is in place, and say how to mend what is not.

    Exits 1 where something fails.  A warning is something that works now and may not later.
    """
    found = _checks(session, deep=deep, all_files=all_files, repair=repair)
    checks = [dataclasses.replace(check, mend=Hint(check.mend).in_shell()) for check in found]
    if as_json:
        print_json([dataclasses.asdict(check) for check in checks])
    else:
        _print(checks)
    return 1 if any(check.status == "fail" for check in checks) else 0


def _print(checks: list[Check]) -> None:
    rows: list[tuple[str, str, str]] = []
    for check in checks:
        rows.append((check.status, check.name, check.found))
        if check.mend:
            rows.append(("", "", f"→ {check.mend}"))
    print_table(("", "what", "found"), rows)
    counts = Counter(check.status for check in checks)
    parts = [
        f"{counts['fail']} failed" if counts["fail"] else "",
        f"{counts['warn']} to look at" if counts["warn"] else "",
    ]
    echo(", ".join(filter(None, parts)) or "everything is in place")


def _checks(session: Session, *, deep: bool, all_files: bool, repair: bool) -> Checks:
    yield _python()
    yield from _namesakes()
    importlib.metadata.entry_points()  # which of them cannot be read is known only once all have been read
    for file, reason in set(entrypoints.unreadable()) - set(entrypoints.unreadable(GROUP)):  # those are plugins
        yield Check("warn", "distribution", f"{file} cannot be read: {reason}", "reinstall what it belongs to")
    try:
        settings = session.settings
    except SettingsError as error:
        yield Check("fail", "settings", str(error), error.hint or "")
        yield from _plugins(session.registry_whatever_is_broken()[0])
        return
    for ignored in session.loaded_settings.ignored:
        yield Check("warn", FILE, str(ignored), ignored.hint)
    for unknown in session.loaded_settings.unknown:
        yield Check("warn", "settings", str(unknown), unknown.hint)
    if idle := session.loaded_settings.idle_broker:
        yield Check("warn", "broker", idle, USE_BROKER)
    registry, refused = session.registry_whatever_is_broken()
    if refused is None and settings.metrics and not registry.listens("pfd_worker_start"):
        refused = registry.unserved("metrics")
    if refused is not None:
        yield Check("fail", "settings", str(refused), refused.hint or "")
    for variable in registry.unread_variables(settings):
        yield Check("warn", "settings", str(variable), variable.hint)
    for table in registry.unread_tables(settings):
        yield Check("warn", "settings", str(table), table.hint)
    yield from _plugins(registry)
    yield from _guarded("tasks", lambda: _deep(settings, registry) if deep else _tasks(registry))
    yield from _guarded("home", lambda: _home(settings))
    yield _gpus(settings, registry)
    yield from _guarded("runtime", lambda: _runtime(settings))
    yield from _guarded("store", lambda: _store(session), "see that its server runs and PFD_DATABASE_URL names it")
    yield from _guarded("left jobs", lambda: _left(session, repair=repair))
    if all_files:
        yield from _guarded("files", lambda: _files(session))
    if deep:
        yield from _torch()


def _guarded(name: str, check: Callable[[], Checks], mend: str = "") -> Checks:
    """The findings of a check, of which an error is one; `mend` is what to do where that does not say it."""
    try:
        yield from check()
    except PfdError as error:
        yield Check("fail", name, str(error), _onward(error) or mend)
    except Exception as error:  # the code of a runtime, a driver or a plugin may raise anything
        purge(error)
        where = origin.place(error)
        yield Check(
            "fail", name, origin.reason(error), mend or (f"mend {where}" if where else "this is a fault in pfd")
        )


def _onward(error: PfdError) -> str:
    """The hint of an error without those parts of it that only lead here."""
    parts = re.split(r"(?<=\?) |; ", error.hint or "")
    return "; ".join(part for part in parts if "pfd doctor" not in part)


def _python() -> Check:
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, "
    found += f"pfd-core {importlib.metadata.version('pfd-core')}"
    if sys.version_info < OLDEST_PYTHON:
        return Check("fail", "versions", found, "use Python {}.{} or newer".format(*OLDEST_PYTHON))
    return Check("ok", "versions", found)


def _namesakes() -> Checks:
    """Distributions of others that bring a package `pfd`: on the package index that name is another project's."""
    owners: set[str] = set()
    with contextlib.suppress(Exception):  # one damaged installation is enough, and none of its errors is promised
        owners.update(name.lower() for name in importlib.metadata.packages_distributions().get("pfd", ()))
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        owners.add(importlib.metadata.distribution("pfd").name.lower())
    for owner in sorted(owners - {"pfd-core", "pfd_core"}):
        yield Check(
            "fail",
            "distribution",
            f"{owner} is installed, another project that brings a package 'pfd' of its own or has its name",
            f"pip uninstall {owner}; then pip install --force-reinstall --no-deps pfd-core",
        )


# -- plugins and tasks --------------------------------------------------------------------------------------------


def _plugins(registry: Registry) -> Checks:
    if not registry.records:
        yield Check("warn", "plugins", "none are installed, so there are no tasks", "pip install pfd-all")
    for record in registry.records:
        name, label = f"plugin {record.name}", f"{record.distribution} {record.version}"
        if record.status == "disabled":
            yield Check("ok", name, f"{label} is disabled: {record.cause}")
        elif record.status != "loaded" or record.cause:
            kept, lost = len(record.tasks), len(record.lost)
            status = f"{record.status}, {kept} of {counted(kept + lost, 'task')}" if lost else record.status
            yield Check("fail", name, f"{label} is {status}: {record.cause}", record.hint)
        elif wanted := _other_core(record):
            yield Check(
                "warn",
                name,
                f"{label} was made for pfd-core {wanted}",
                f"install the {record.distribution} that goes with this core",
            )
        else:
            yield Check("ok", name, label)


def _other_core(record: PluginRecord) -> str | None:
    """The version of the core that a plugin is pinned to, where it is another one."""
    try:
        required = importlib.metadata.requires(record.distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    pins = (re.match(r"pfd[-_.]core\s*==\s*([^\s;,]+)", line, re.IGNORECASE) for line in required)
    return next((pin[1] for pin in pins if pin and pin[1] != importlib.metadata.version("pfd-core")), None)


def _tasks(registry: Registry) -> Checks:
    problems = [check for task in registry.tasks.values() for check in _spec(task, registry)]
    yield from problems
    if registry.tasks:
        number = f"{len(registry.tasks) - len(problems)} of {len(registry.tasks)}"
        yield Check("ok", "tasks", f"the code of {number} is there ('--deep' loads it)")


def _spec(task: Task, registry: Registry) -> Checks:
    """Whether the module of a task is there; its package is imported, which a plugin keeps light."""
    module = task.run.partition(":")[0]
    try:
        if importlib.util.find_spec(module) is not None:
            return
        reason = f"there is no module {module}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the code of a plugin may even call sys.exit()
        reason = origin.reason(error)
    owner = registry.owner(task.name)
    mend = f"reinstall its plugin; 'pfd plugins check {owner.name}' tells its author more" if owner else ""
    yield Check("fail", f"task {task.name}", f"{task.run} cannot be found: {reason}", mend)


def _deep(settings: Settings, registry: Registry) -> Checks:
    """What `pfd plugins check` finds in all plugins."""
    from pfd import check
    from pfd.cli.app import COMMANDS

    findings = check.check(check.named((), settings), settings, COMMANDS)
    for one in findings:
        name = f"{one.subject} of {one.plugin}" if one.subject.startswith(("manifest", "hook")) else one.subject
        found = ": ".join(filter(None, [one.field, one.problem]))
        mend = f"'pfd plugins check {one.plugin} --debug' shows where" if one.hint == check.TRACEBACK else one.hint
        yield Check(one.level, name, f"{found} ({one.path})" if one.path else found, mend)
    bad = {one.subject for one in findings if one.field == "run"}
    if registry.tasks:
        good = [name for name in registry.tasks if f"task {name}" not in bad]
        yield Check("ok", "tasks", f"the code of {len(good)} of {len(registry.tasks)} loads")


def _torch() -> Checks:
    if importlib.util.find_spec("torch") is None:
        return
    try:
        torch = importlib.import_module("torch")
        devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        found = f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, {', '.join(devices) or 'CPU only'}"
    except Exception as error:  # a half-installed CUDA raises anything
        yield Check("fail", "torch", f"{type(error).__name__}: {error}", "reinstall torch")
    else:
        yield Check("ok", "torch", found)


# -- home, runtime and store --------------------------------------------------------------------------------------


def _home(settings: Settings) -> Checks:
    home = settings.home
    try:
        make_home(home, settings.share)
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"!")
            file.flush()
    except OSError as error:
        found = f"PFD_HOME {home} is not writable: {error.strerror or error}"
        yield Check("fail", "home", found, "set PFD_HOME to a folder you can write to")
        return
    free = shutil.disk_usage(home).free
    found = f"{home} is writable, {size(free)} free"
    if free < LITTLE_SPACE:
        yield Check("warn", "home", found, "free some space, or set PFD_HOME to a folder on a larger disk")
    else:
        yield Check("ok", "home", found)
    yield from _open_to_others(settings)


def _open_to_others(settings: Settings) -> Checks:
    """What others on this machine may read or write of the home, and of a store that lies elsewhere."""
    places = [settings.home]
    if settings.store_url.startswith("sqlite"):
        from pfd.store.engine import file_of

        file = file_of(settings.store_url, None, settings.share)
        if file is not None and not file.path.is_relative_to(settings.home):
            places.append(file.path)
    for path in places:
        if path.exists() and (reason := open_to_others(path, settings.share)):
            which = "-R go-rwx" if settings.share == "private" else "-R o-rwx"
            mend = f"chmod {which} {shlex.quote(str(path))}; PFD_SHARE=group is for a home that a group shares"
            yield Check("warn", "rights", f"{path} {reason}: parameters, results, logs", mend)


def _gpus(settings: Settings, registry: Registry) -> Check:
    from pfd.worker.gpu.devices import gpu_places

    found = gpu_places(settings, registry.tasks.values())
    named = ", ".join(
        device if number == 1 else f"{device} ({number} jobs at once)" for device, number in found.items()
    )
    if not any(task.gpu for task in registry.tasks.values()):
        named = "no installed task needs one"
    return Check("ok", "gpus", f"{named or 'none'} (PFD_GPUS={settings.gpus})")


def _runtime(settings: Settings) -> Checks:
    from pfd.runtimes.base import load_runtime, runtime_names

    with contextlib.closing(load_runtime(settings)) as runtime:
        yield Check("ok", "runtime", f"{settings.runtime} (installed: {', '.join(runtime_names())})")
        if probe := getattr(runtime, "probe", None):
            yield from _guarded(
                "broker", lambda: iter([Check("ok", "broker", f"{mask(settings.broker_url)}: {probe()}")])
            )


def _store(session: Session) -> Checks:
    from pfd.store.engine import driver_version, is_sqlite

    store = session.dispatcher.store  # raises what is wrong with it
    where = f"{driver_version(store.engine)} at {mask(store.url)}"
    if is_sqlite(store.engine) and (kind := _file_system(Path(store.engine.url.database or ""))) in NETWORK:
        mend = "put PFD_HOME on a local disk, or use PostgreSQL: PFD_DATABASE_URL=postgresql://…"
        yield Check("fail", "store", f"{where} lies on a network file system ({kind})", mend)
    else:
        yield Check("ok", "store", where)
    yield Check(
        "ok", "tables", ", ".join(f"{name} {current or '-'}" for name, (current, _) in store.versions().items())
    )
    for name, reason in store.problems.items():
        yield Check("fail", f"tables of {name}", reason, "install another version of the plugin; then 'pfd db upgrade'")
    store.bind_home()
    yield from _refused(session)
    yield from _workers(session)


def _refused(session: Session) -> Checks:
    from pfd.store import refused

    with session.dispatcher.store.read() as connection:
        found = refused.newest(connection)
    recent = [one for one in found if time.time() - one.last_at < RECENT]
    for one in recent[:MOST_REFUSED]:
        many = "1 message was refused" if one.number == 1 else f"{one.number} messages were refused"
        yield Check(
            "warn",
            f"{one.runtime} queue {one.queue}",
            f"{many}, the last at {moment(one.last_at)}: {one.reason}",
            f"find its sender; it began with {one.sample[:120]}" if one.sample else "",
        )
    if len(recent) > MOST_REFUSED:
        yield Check("warn", "refused messages", f"{len(recent) - MOST_REFUSED} more kinds of them")


def _files(session: Session) -> Checks:
    """Whether the files that rows of plugins name are what was written; each is read as a whole."""
    store, number = session.dispatcher.store, Counter[str]()
    for tables in session.registry.tables():
        if tables.files is None or tables.name in store.problems:
            continue
        try:
            found = _stored(session, tables.files)
        except Exception as error:  # the code of a plugin, and rows that something else has written, may raise anything
            reason = f"{type(error).__name__}: {error}"
            yield Check(
                "fail", f"files of {tables.name}", f"its rows cannot be gone through: {reason}", "update the plugin"
            )
            continue
        for file in found:
            number["all"] += 1
            try:
                known = file.verify()
            except PfdError as error:
                yield Check("fail", file.what, str(error), _onward(error))
                continue
            number["good" if known else "unknown"] += 1
            if not known:
                yield Check("warn", file.what, f"{file.path} can be read; its row keeps no digest to compare with")
    unknown = f"; of {number['unknown']} nobody can say" if number["unknown"] else ""
    yield Check("ok", "files", f"{number['good']} of {number['all']} that rows name are as they were written{unknown}")


def _stored(session: Session, function: str) -> list[StoredFile]:
    with session.dispatcher.store.session() as rows:
        return list(pkgutil.resolve_name(function)(rows, session.settings.home))


def _file_system(path: Path) -> str:
    """The kind of file system that a path lies on, as the system names it."""
    import psutil

    real = os.path.realpath(path)
    mounts = [part for part in psutil.disk_partitions(all=True) if Path(real).is_relative_to(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else ""


def _left(session: Session, *, repair: bool) -> Checks:
    """Jobs of workers of this machine that are dead, which nobody runs."""
    from pfd.worker.sweeper import dead_workers

    if repair and (back := session.dispatcher.reclaim()):
        yield Check("ok", "left jobs", f"reclaimed from dead workers: {', '.join(one[:8] for one in back)}")
        return
    number = sum(
        len(session.dispatcher.running(owner)) for owner in dead_workers(session.dispatcher.store, session.settings)
    )
    if number:
        jobs = "1 job is" if number == 1 else f"{number} jobs are"
        mend = "'pfd doctor --repair', or a worker's next sweep, takes them back"
        yield Check("warn", "left jobs", f"{jobs} left by workers of this machine that are dead", mend)


def _workers(session: Session) -> Checks:
    from pfd.job import QUEUED

    workers = workers_for_all(session)
    served = {queue for worker in workers for queue in worker.queues}
    waiting: Counter[str] = Counter()
    for (queue, state), number in session.dispatcher.counts().items():
        if state in QUEUED and queue not in served:
            waiting[queue] += number
    names = ", ".join(worker.name for worker in workers)
    found = f"{len(workers)} live: {names}" if workers else "none; 'submit --wait' and 'run' bring their own"
    yield Check("ok", "workers", found)
    for queue, number in sorted(waiting.items()):
        jobs = "1 job waits" if number == 1 else f"{number} jobs wait"
        yield Check("warn", f"queue {queue}", f"{jobs} and no worker serves it", f"pfd worker --queues {queue}")
    for queue, number in sorted(waiting_for_gpu(session).items()):
        jobs = "1 job waits" if number == 1 else f"{number} jobs wait"
        found = f"{jobs} for a gpu slot, and {no_gpu(queue)}"
        yield Check("warn", f"gpu slots of {queue}", found, GPU_HINT.format(queue))

"""Discovery: plugins found through entry points, each loaded on its own.

A plugin that is broken, incompatible or disabled becomes a record with a cause and a hint, and never takes the rest
down.  Nothing heavy is imported: a manifest names its code as strings.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib.metadata
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import pluggy

from pfd import entrypoints
from pfd.errors import PluginError, SettingsError, UnknownTask, shown
from pfd.hooks import API_VERSION, Command, Records, ResultView, Specs
from pfd.settings import Settings
from pfd.task import MAX_NAME, Task

GROUP = "pfd.plugins"

log = logging.getLogger("pfd.plugins")

_T = TypeVar("_T")


@dataclass(frozen=True)
class PluginRecord:
    """What became of one plugin."""

    name: str
    distribution: str
    version: str
    status: Literal["loaded", "broken", "incompatible", "disabled"]
    cause: str = ""
    hint: str = ""
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Loaded:
    """What a plugin that could be loaded has registered."""

    record: PluginRecord
    module: Any
    tasks: tuple[Task, ...] = ()
    records: tuple[Records, ...] = ()
    commands: tuple[Command, ...] = ()
    views: tuple[ResultView, ...] = ()


@dataclass(frozen=True)
class Conflict:
    """Plugins that claim one and the same task."""

    owners: tuple[_Loaded, ...]

    @property
    def hint(self) -> str:
        """What to do about it."""
        if self._namesakes:
            commands = (f"'pip uninstall {owner.record.distribution}'" for owner in self.owners)
            return f"uninstall one of them: {' or '.join(commands)}"
        return "disable one of them with PFD_DISABLE_PLUGINS"

    @property
    def _namesakes(self) -> bool:
        return len({owner.record.name for owner in self.owners}) < len(self.owners)

    def __str__(self) -> str:
        labels = (_label(owner) if self._namesakes else owner.record.name for owner in self.owners)
        return f"is claimed by {' and '.join(labels)}"


def _label(item: _Loaded) -> str:
    """What tells a plugin from another of its name."""
    record, file = item.record, getattr(item.module, "__file__", None)
    return f"{record.name} ({record.distribution} {record.version}{f' in {Path(file).parent}' if file else ''})"


@dataclass
class Registry:
    """All plugins of this environment and what they offer."""

    records: list[PluginRecord] = field(default_factory=list)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    conflicts: Mapping[str, Conflict] = field(default_factory=dict)
    _loaded: list[_Loaded] = field(default_factory=list)
    _listeners: list[tuple[str, Any]] = field(default_factory=list)

    def task(self, name: str) -> Task:
        """The task of that name.

        Raises
        ------
        PluginError : two plugins claim the name; both are named.
        UnknownTask : no plugin declares it; the nearest names are given.
        """
        asked: object = name  # as a client may give it
        if not isinstance(asked, str) or len(asked) > MAX_NAME:
            raise UnknownTask(f"unknown task {shown(name)}", hint="'pfd tasks' lists those that are installed")
        if name in self.conflicts:
            claim = self.conflicts[name]
            raise PluginError(f"task {name!r} {claim}", hint=claim.hint)
        if task := self.tasks.get(name):
            return task
        near = difflib.get_close_matches(name, self.tasks, n=3)
        absent = [record.name for record in self.records if record.status != "loaded"]
        if near:
            hint = f"did you mean {', '.join(near)}?"
        elif absent:
            hint = f"not loaded: {', '.join(absent)}; 'pfd plugins' says why"
        else:
            hint = "'pfd tasks' lists those that are installed"
        raise UnknownTask(f"unknown task {name!r}", hint=hint)

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues of all tasks, and the default one."""
        return tuple(sorted({"default", *(task.queue for task in self.tasks.values())}))

    def owner(self, task: str) -> PluginRecord | None:
        """The plugin that declares a task."""
        return next((record for record in self.records if task in record.tasks), None)

    def tables(self) -> list[Records]:
        """Tables of the loaded plugins, in floor order."""
        found = [table for item in self._loaded for table in item.records]
        return sorted(found, key=lambda table: (table.floor, table.name))

    def commands(self) -> dict[str, Command]:
        """Command-line nouns; of two of the same name the first plugin's stands."""
        nouns: dict[str, Command] = {}
        for item in self._loaded:
            for command in item.commands:
                nouns.setdefault(command.name, command)
        return nouns

    def result_views(self) -> dict[str, ResultView]:
        """How to show the results of each task."""
        return {view.task: view for item in self._loaded for view in item.views}

    def listen(self, name: str, listener: Any) -> None:
        """Have the hooks of an object called beside those of the plugins, under a name for the log.

        Metrics, traces and the tools of a runtime are such objects: they see what any plugin could see.
        """
        _check_hooks(listener)
        self._listeners.append((name, listener))

    def unlisten(self, listener: Any) -> None:
        """Call its hooks no more."""
        self._listeners = [(name, one) for name, one in self._listeners if one is not listener]

    def listens(self, hook: str) -> bool:
        """Whether anything implements a hook."""
        return any(_implementation(one, hook) for _, one in self._hearing())

    def _hearing(self) -> Iterator[tuple[str, Any]]:
        yield from ((item.record.name, item.module) for item in self._loaded)
        yield from self._listeners

    def notify(self, hook: str, **context: Any) -> None:
        """Call a hook of every plugin, one by one; one that raises is logged and skipped."""
        for name, one in self._hearing():
            if implementation := _implementation(one, hook):
                try:
                    implementation(**context)
                except KeyboardInterrupt:
                    raise
                except BaseException:  # sys.exit() in a hook is its own end, not the worker's
                    log.exception("plugin %s: %s raised", name, hook)


def load_registry(settings: Settings) -> Registry:
    """Find and load all plugins.  Never raises because of a plugin.

    Raises
    ------
    SettingsError : the setting `otel` is on, and OpenTelemetry is not installed.
    """
    loaded: list[_Loaded] = []
    # An installed and an editable copy both name it, of which Python takes the first.
    found = {
        (entry.name, entry.value): entry for entry in reversed(tuple(importlib.metadata.entry_points(group=GROUP)))
    }
    failed = [_unreadable(*item) for item in entrypoints.unreadable(GROUP)]
    for _, entry in sorted(found.items()):
        outcome = _load(entry, settings)
        if not isinstance(outcome, _Loaded):
            failed.append(outcome)
        elif all(outcome.module is not item.module for item in loaded):
            loaded.append(outcome)
    registry = _assemble(loaded, failed)
    if settings.otel:
        registry.listen("opentelemetry", _tracing())
    return registry


def _tracing() -> Any:
    try:
        from pfd.tracing import Tracing
    except ImportError as error:
        raise SettingsError(
            f"otel is on, and OpenTelemetry cannot be loaded: {error}",
            hint="pip install 'pfd-core[otel]', or set PFD_OTEL=0",
        ) from error
    return Tracing()


def _assemble(loaded: list[_Loaded], failed: list[PluginRecord]) -> Registry:
    claims: dict[str, list[_Loaded]] = {}
    for item in loaded:
        for task in item.tasks:
            claims.setdefault(task.name, []).append(item)
    conflicts = {name: Conflict(tuple(owners)) for name, owners in claims.items() if owners[1:]}
    tasks = {task.name: task for item in loaded for task in item.tasks if task.name not in conflicts}
    records = []
    for item in loaded:
        lost = sorted(name for name, conflict in conflicts.items() if item in conflict.owners)
        cause = f"task {', '.join(lost)} {conflicts[lost[0]]}" if lost else ""
        hint = conflicts[lost[0]].hint if lost else ""
        kept = tuple(task.name for task in item.tasks if task.name not in conflicts)
        records.append(replace(item.record, tasks=kept, cause=cause, hint=hint))
    records = sorted(records + failed, key=lambda record: record.name)
    return Registry(records, MappingProxyType(dict(sorted(tasks.items()))), MappingProxyType(conflicts), loaded)


def _load(entry: importlib.metadata.EntryPoint, settings: Settings) -> _Loaded | PluginRecord:
    base = PluginRecord(entry.name, *_distribution(entry), "loaded")
    if entry.name in settings.disable_plugins:
        return replace(base, status="disabled", cause="named in PFD_DISABLE_PLUGINS")
    if settings.plugins and entry.name not in settings.plugins:
        return replace(base, status="disabled", cause="not named in PFD_PLUGINS")
    try:
        module = entry.load()
        wanted = getattr(module, "pfd_api", API_VERSION)
        if wanted != API_VERSION:
            return replace(
                base,
                status="incompatible",
                cause=f"wants plugin API {wanted}, this core has {API_VERSION}",
                hint=f"install a version of {base.distribution} made for this core",
            )
        _check_hooks(module)
        tasks = tuple(_registered(module, "pfd_register_tasks", Task))
        return _Loaded(
            replace(base, tasks=tuple(task.name for task in tasks)),
            module,
            tasks,
            tuple(_registered(module, "pfd_register_records", Records)),
            tuple(_registered(module, "pfd_register_commands", Command)),
            tuple(_registered(module, "pfd_register_result_views", ResultView)),
        )
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a manifest may even call sys.exit(); that is its own end, not ours
        log.debug("plugin %s could not be loaded", entry.name, exc_info=True)
        return replace(base, status="broken", cause=_cause(error), hint=_hint(error, base))


def _distribution(entry: importlib.metadata.EntryPoint) -> tuple[str, str]:
    """Name and version; what of them a damaged installation does not say is guessed."""
    name = version = None
    with contextlib.suppress(Exception):  # whatever the reader of its metadata makes of that
        name, version = (entry.dist.name, entry.dist.version) if entry.dist else (None, None)
    return name or entry.value.partition(".")[0], version or "?"


def _unreadable(file: Path, reason: str) -> PluginRecord:
    name = file.parent.name.partition("-")[0]
    return PluginRecord(name, name, "?", "broken", f"{file} cannot be read: {reason}", f"reinstall {name}")


def _registered(module: Any, hook: str, kind: type[_T]) -> Iterator[_T]:
    implementation = _implementation(module, hook)
    if implementation is None:
        return
    found: Iterable[Any] = implementation()
    for item in found:
        if not isinstance(item, kind):
            raise PluginError(f"{hook} returned {item!r}, which is no {kind.__name__}")
        yield item


def _implementation(module: Any, hook: str) -> Any:
    function = getattr(module, hook, None)
    return function if getattr(function, "pfd_impl", None) is not None else None


def _check_hooks(module: Any) -> None:
    """Refuse a hook with a wrong name or wrong arguments now, rather than when a job first reaches it."""
    manager = pluggy.PluginManager("pfd")
    manager.add_hookspecs(Specs)
    try:
        manager.register(module)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError("; ".join(str(error).splitlines())) from error
    for hook in vars(Specs):
        if hook.startswith("pfd_") and callable(getattr(module, hook, None)) and not _implementation(module, hook):
            raise PluginError(f"{hook} is not marked with @hookimpl, so nobody would call it")


def _cause(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _hint(error: BaseException, record: PluginRecord) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"install what provides {error.name!r}, or reinstall {record.distribution}"
    return f"PFD_DISABLE_PLUGINS={record.name} leaves it out; a newer {record.distribution} may mend it"

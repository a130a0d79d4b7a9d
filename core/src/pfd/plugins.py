"""Discovery: plugins found through entry points, each loaded on its own.

A plugin that is broken, incompatible or disabled becomes a record with a cause and a hint, and never takes the rest
down.  Nothing heavy is imported: a manifest names its code as strings.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pfd import entrypoints, reserved
from pfd.errors import PluginError, PluginSettingsError, SettingsError, UnknownTask, shown
from pfd.hints import Hint
from pfd.hooks import API_VERSION, Command, Reference, ResultView, Tables
from pfd.manifest import ManifestError, implementation, problems, registered, registered_settings
from pfd.origin import first_line, is_own, own_trace, place, reason
from pfd.settings import Settings, UnknownVariable
from pfd.task import MAX_NAME, Task

if TYPE_CHECKING:
    from pfd.plugin_settings import PluginSettings
    from pfd.setting_tables import UnreadTable

GROUP = "pfd.plugins"

log = logging.getLogger("pfd.plugins")


@dataclass(frozen=True)
class PluginRecord:
    """What became of one plugin.

    It is `partial` where some or all of its tasks are not taken: `lost` names them.  It is `misconfigured` where one of
    its settings cannot be used: its jobs are refused, and what does not read them goes on.  `place` is `file:line` of
    what is wrong in its code, and `trace` the part of the traceback that is its own.
    """

    name: str
    distribution: str
    version: str
    status: Literal["loaded", "partial", "misconfigured", "broken", "incompatible", "disabled"]
    cause: str = ""
    hint: str = ""
    tasks: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    place: str = field(default="", compare=False)
    trace: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True)
class _Loaded:
    """What a plugin that could be loaded has registered."""

    record: PluginRecord
    module: Any
    tasks: tuple[Task, ...] = ()
    records: tuple[Tables, ...] = ()
    commands: tuple[Command, ...] = ()
    views: tuple[ResultView, ...] = ()
    references: tuple[Reference, ...] = ()
    settings: type[PluginSettings] | None = None
    clash: str = ""
    """What of its settings another plugin claims as well."""

    def check_settings(self, settings: Settings) -> None:
        """Raise `PluginSettingsError` where its settings cannot be used."""
        if self.clash:
            raise PluginSettingsError(self.clash, hint="disable one of them with PFD_DISABLE_PLUGINS")
        if self.settings is not None:
            settings.check(self.settings)

    def wrong_settings(self, settings: Settings) -> PluginSettingsError | None:
        """Why its settings cannot be used, where they cannot."""
        try:
            self.check_settings(settings)
        except PluginSettingsError as error:
            return error
        return None


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
    _called: dict[str, tuple[object, tuple[tuple[str, Any], ...]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _misconfigured: set[tuple[str, str]] = field(default_factory=set, init=False, repr=False, compare=False)

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
        if refused := next((record for record in self.records if name in record.lost), None):
            raise UnknownTask(f"task {name!r} is not taken from {refused.name}: {refused.cause}", hint=refused.hint)
        if self.absent:
            otherwise = f"not loaded: {', '.join(self.absent)}; 'pfd plugins' says why"
        else:
            otherwise = "'pfd tasks' lists those that are installed"
        hint = Hint.did_you_mean(name, self.tasks, otherwise)
        raise UnknownTask(f"unknown task {name!r}", hint=hint)

    def usable_task(self, name: str, settings: Settings) -> Task:
        """The task of that name, for a job that is to be stored or run.

        Raises
        ------
        PluginError, UnknownTask : as of `task`.
        PluginSettingsError : the settings of its plugin cannot be used.
        """
        task = self.task(name)
        self.require_settings(name, settings)
        return task

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues of all tasks, and the default one."""
        return tuple(sorted({"default", *(task.queue for task in self.tasks.values())}))

    @property
    def absent(self) -> tuple[str, ...]:
        """The plugins that offer nothing here: disabled, incompatible or broken ones."""
        there = ("loaded", "partial", "misconfigured")
        return tuple(record.name for record in self.records if record.status not in there)

    def owner(self, task: str) -> PluginRecord | None:
        """The plugin that declares a task."""
        return next((record for record in self.records if task in record.tasks), None)

    def tables(self) -> list[Tables]:
        """Tables of the loaded plugins, in floor order."""
        found = [table for item in self._loaded for table in item.records]
        return sorted(found, key=lambda table: (table.upgrade_order, table.name))

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

    def references(self) -> dict[str, Reference]:
        """The kinds of things that parameters name; of two of the same name the first plugin's stands."""
        found: dict[str, Reference] = {}
        for item in self._loaded:
            for one in item.references:
                found.setdefault(one.name, one)
        return found

    def settings_models(self) -> dict[str, type[PluginSettings]]:
        """The settings of plugins that have some, by plugin."""
        return {item.record.name: item.settings for item in self._loaded if item.settings is not None}

    def require_settings(self, task: str, settings: Settings) -> None:
        """Raise `PluginSettingsError` where the settings of the plugin that declares a task cannot be used."""
        for item in self._loaded:
            if task in item.record.tasks:
                item.check_settings(settings)

    def unread_variables(self, settings: Settings) -> tuple[UnknownVariable, ...]:
        """Variables that are named as those of loaded plugins are, and are no settings."""
        if not settings.given:
            return ()
        from pfd.setting_tables import unread_variables

        models = self.settings_models().values()
        return unread_variables(settings.given, models, (item.record.name for item in self._loaded))

    def unread_tables(self, settings: Settings) -> tuple[UnreadTable, ...]:
        """Tables of `pfd.toml` that no loaded plugin reads."""
        if not settings.given:
            return ()
        from pfd.setting_tables import unread_tables

        became = {record.name: record.status for record in self.records}
        return tuple(unread_tables(settings.given, self.settings_models().values(), became))

    def listen(self, name: str, listener: Any) -> None:
        """Have the hooks of an object called beside those of the plugins, under a name for the log.

        Metrics, traces and the tools of a runtime are such objects: they see what any plugin could see.
        """
        for problem in problems(listener):
            raise problem
        self._listeners = [*self._listeners, (name, listener)]

    def unlisten(self, listener: Any) -> None:
        """Call its hooks no more."""
        self._listeners = [(name, one) for name, one in self._listeners if one is not listener]

    def listens(self, hook: str) -> bool:
        """Whether anything implements a hook."""
        return bool(self._implementations(hook))

    def _implementations(self, hook: str) -> tuple[tuple[str, Any], ...]:
        """The functions that implement a hook, each with a name for the log: looked for once, as each job asks."""
        listeners = self._listeners  # another list with each change, so that what was found for an earlier one shows
        of, found = self._called.get(hook, (None, ()))
        if of is not listeners:
            hearing = ((item.record.name, item.module) for item in self._loaded)
            named = ((name, implementation(one, hook)) for name, one in (*hearing, *listeners))
            found = tuple((name, function) for name, function in named if function)
            self._called[hook] = (listeners, found)
        return found

    def notify(self, hook: str, *, patience: float | None = None, **context: Any) -> None:
        """Call a hook of every plugin, one by one; one that raises is logged and skipped.

        So is one that takes longer than `patience` seconds, where that is given: it is called in a thread, and left.
        """
        self._call(hook, context, (KeyboardInterrupt,), patience)

    def consult(self, hook: str, *, patience: float | None = None, **context: Any) -> None:
        """The same, but that each may refuse: a `SettingsError` is raised, and the rest are not called."""
        self._call(hook, context, (KeyboardInterrupt, SettingsError), patience)

    def _call(
        self, hook: str, context: Mapping[str, Any], raised: tuple[type[BaseException], ...], patience: float | None
    ) -> None:
        for name, function in self._implementations(hook):
            try:
                if patience is None:
                    function(**context)
                elif not _within(patience, functools.partial(function, **context)):
                    log.error("plugin %s: %s has not returned for %g s, and is left alone", name, hook, patience)
            except PluginSettingsError as error:  # no other plugin suffers; 'pfd plugins' says it as well
                if (name, hook) not in self._misconfigured:
                    self._misconfigured.add((name, hook))
                    log.error("plugin %s: %s does nothing: %s; %s", name, hook, error, error.hint)
            except raised:
                raise
            except BaseException:  # sys.exit() in a hook is its own end, not the worker's
                log.exception("plugin %s: %s raised", name, hook)

    def unserved(self, setting: str) -> SettingsError:
        """What to raise where a setting asks for what no plugin does: it is not to be dropped in silence."""
        asked, without = _BY_PLUGINS[setting]
        absent = f"; not loaded: {', '.join(self.absent)}" if self.absent else ""
        look = ", or see 'pfd plugins'" if self.absent else ""
        return SettingsError(
            f"{asked}, and no plugin does that{absent}",
            hint=f"pip install 'pfd-core[{setting}]'{look}, or {without}",
        )


def _within(patience: float, call: Callable[[], object]) -> bool:
    from pfd.threads import within  # no client calls a hook that may hang

    return within(patience, call)


_BY_PLUGINS = {
    "metrics": ("metrics says where workers are to serve metrics", "leave PFD_METRICS empty"),
    "otel": ("otel is on, which asks for traces", "set PFD_OTEL=0"),
}
"""Settings of the core that plugins serve: what each asks for, and how to do without.  Each is the name of an extra."""


def load_registry(settings: Settings, *, only_list: bool = False) -> Registry:
    """Find and load all plugins.  A plugin that is broken is a record.

    Parameters
    ----------
    only_list : tell no plugin that all are loaded, so that none can refuse: for saying what there is.

    Raises
    ------
    SettingsError : a plugin refuses, or none serves a setting.
    """
    from pfd.lifecycle import PluginsLoaded  # a program that only names a client does not load this

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
    registry = _assemble(_with_clashes(loaded), failed, settings)
    registry.unread_variables(settings)  # which says so
    if not only_list:
        told = PluginsLoaded(settings, registry)
        registry.consult("pfd_loaded", loaded=told)
        if settings.otel and "otel" not in told.served:
            raise registry.unserved("otel")
    return registry


def _with_clashes(loaded: list[_Loaded]) -> list[_Loaded]:
    having = [item for item in loaded if item.settings is not None]
    if not having[1:]:
        return loaded
    from pfd.setting_tables import clashes

    found = clashes([(_label(item), item.settings) for item in having if item.settings is not None])
    clash = dict(zip(map(id, having), found, strict=True))
    return [replace(item, clash=clash.get(id(item), "")) for item in loaded]


def _assemble(loaded: list[_Loaded], failed: list[PluginRecord], settings: Settings) -> Registry:
    refused = {id(item): _refused(item) for item in loaded}
    claims: dict[str, list[_Loaded]] = {}
    for item in loaded:
        for task in item.tasks:
            if task.name not in refused[id(item)]:
                claims.setdefault(task.name, []).append(item)
    conflicts = {name: Conflict(tuple(owners)) for name, owners in claims.items() if owners[1:]}
    tasks: dict[str, Task] = {}
    records = []
    for item in loaded:
        disputed = {task.name: str(conflicts[task.name]) for task in item.tasks if task.name in conflicts}
        lost = refused[id(item)] | {name: why for name, why in disputed.items() if name not in refused[id(item)]}
        kept = [task for task in item.tasks if task.name not in lost]
        tasks |= {task.name: task for task in kept}
        record = replace(item.record, tasks=tuple(task.name for task in kept))
        if lost:
            hints = [reserved.HINT if name in refused[id(item)] else conflicts[name].hint for name in sorted(lost)]
            cause, hint = "; ".join(_told(lost)), "; ".join(dict.fromkeys(hints))
            record = replace(record, status="partial", cause=cause, hint=hint, lost=tuple(sorted(lost)))
        if (wrong := item.wrong_settings(settings)) is not None:
            status = record.status if lost else "misconfigured"
            cause, hint = (
                "; ".join(filter(None, both)) for both in ((record.cause, str(wrong)), (record.hint, wrong.hint))
            )
            record = replace(record, status=status, cause=cause, hint=hint)
        records.append(record)
    records = sorted(records + failed, key=lambda record: record.name)
    return Registry(records, MappingProxyType(dict(sorted(tasks.items()))), MappingProxyType(conflicts), loaded)


def _refused(item: _Loaded) -> dict[str, str]:
    """The tasks of a plugin whose names are reserved for another distribution, each with why."""
    found = {task.name: reserved.refusal(task.name, item.record.distribution) for task in item.tasks}
    return {name: why for name, why in found.items() if why}


def _told(lost: Mapping[str, str]) -> Iterator[str]:
    """Names and reasons, the names of one reason together."""
    for why in dict.fromkeys(lost[name] for name in sorted(lost)):
        yield f"task {', '.join(name for name in sorted(lost) if lost[name] == why)} {why}"


def _load(entry: importlib.metadata.EntryPoint, settings: Settings) -> _Loaded | PluginRecord:
    base = PluginRecord(entry.name, *distribution(entry), "loaded")
    if entry.name in settings.disable_plugins:
        return replace(base, status="disabled", cause="named in PFD_DISABLE_PLUGINS")
    if settings.plugins and entry.name not in settings.plugins:
        return replace(base, status="disabled", cause="not named in PFD_PLUGINS")
    try:
        module = entry.load()
        if wanted := incompatible(module):
            mend = f"install a version of {base.distribution} made for this core"
            if is_local(entry):
                mend = f"leave 'pfd_api' out, or set it to {API_VERSION}, once the plugin fits this core"
            return replace(base, status="incompatible", cause=wanted, hint=mend)
        for problem in problems(module):
            raise problem
        tasks = registered(module, "pfd_register_tasks", Task)
        return _Loaded(
            replace(base, tasks=tuple(task.name for task in tasks)),
            module,
            tasks,
            registered(module, "pfd_register_records", Tables),
            registered(module, "pfd_register_commands", Command),
            registered(module, "pfd_register_result_views", ResultView),
            registered(module, "pfd_register_references", Reference),
            registered_settings(module, entry.name),
        )
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a manifest may even call sys.exit(); that is its own end, not ours
        log.debug("plugin %s could not be loaded", entry.name, exc_info=True)
        folder = folder_of(entry)
        where = error.place if isinstance(error, ManifestError) else place(error, folder)
        return replace(
            base,
            status="broken",
            cause=cause_of(error),
            hint=_hint(error, entry, base, where, folder),
            place=where,
            trace=own_trace(error, folder),
        )


def cause_of(error: BaseException) -> str:
    """What is wrong, in one line; our own errors say it without their type."""
    return first_line(error) if isinstance(error, PluginError) else reason(error)


def incompatible(module: Any) -> str:
    """Why a manifest is not for this core; empty where it is."""
    wanted = getattr(module, "pfd_api", API_VERSION)
    return "" if wanted == API_VERSION else f"wants plugin API {shown(wanted)}, this core has {API_VERSION}"


def folder_of(entry: importlib.metadata.EntryPoint) -> Path | None:
    """The folder of a plugin's package, or its one file; None where there is none."""
    with contextlib.suppress(Exception):  # whatever the finders on somebody's path make of a name
        spec = importlib.util.find_spec(entry.value.partition(":")[0].partition(".")[0].strip())
        if spec is not None:
            places = list(spec.submodule_search_locations or [spec.origin or ""])
            return Path(places[0]) if places and places[0] else None
    return None


def is_local(entry: importlib.metadata.EntryPoint) -> bool:
    """Whether a plugin was installed from a folder or file of this machine (PEP 610): its author's, mostly."""
    with contextlib.suppress(Exception):  # whatever a damaged installation says of itself
        told = json.loads((entry.dist and entry.dist.read_text("direct_url.json")) or "{}")
        return str(told.get("url", "")).startswith("file:")
    return False


def distribution(entry: importlib.metadata.EntryPoint) -> tuple[str, str]:
    """Name and version; what of them a damaged installation does not say is guessed."""
    name = version = None
    with contextlib.suppress(Exception):  # whatever the reader of its metadata makes of that
        name, version = (entry.dist.name, entry.dist.version) if entry.dist else (None, None)
    return name or entry.value.partition(".")[0], version or "?"


def _unreadable(file: Path, reason: str) -> PluginRecord:
    name = file.parent.name.partition("-")[0]
    return PluginRecord(name, name, "?", "broken", f"{file} cannot be read: {reason}", f"reinstall {name}")


def _hint(
    error: BaseException, entry: importlib.metadata.EntryPoint, record: PluginRecord, where: str, folder: Path | None
) -> str:
    """What to do about a plugin that does not load: for its author, where its own code is at fault."""
    without = f"PFD_DISABLE_PLUGINS={record.name} leaves it out"
    local = is_local(entry)
    if isinstance(error, ModuleNotFoundError) and error.name and not is_inside(error.name, entry):
        then = "and name it in its dependencies" if local else f"or reinstall {record.distribution}"
        return f"install what provides {error.name!r}, {then}"
    if local or isinstance(error, PluginError) or is_own(error, folder):
        advice = error.hint or "" if isinstance(error, PluginError) else ""
        advice += " " if advice.endswith("?") else "; " if advice else ""
        mend = f"mend {where or record.distribution}"
        return f"{advice}{mend} ('pfd plugins check {record.name}' tells all that is wrong), or {without}"
    return f"{without}; a newer {record.distribution} may mend it"


def is_inside(module: str, entry: importlib.metadata.EntryPoint) -> bool:
    """Whether a module would be one of the plugin's own package."""
    return module.partition(".")[0] == entry.value.partition(":")[0].partition(".")[0].strip()

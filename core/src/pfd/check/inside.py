"""The program that looks at one plugin, in its own interpreter: `python -P -m pfd.check.inside DESCRIPTOR CRASH`.

It is given on standard input which plugin, as JSON.  What it finds is written to DESCRIPTOR, and to CRASH where it
stands when it is ended by a signal.  The plugin may do what it likes to this interpreter.
"""

from __future__ import annotations

import faulthandler
import importlib.metadata
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pfd.check import commands, functions, marks, settings, tables, targets
from pfd.check.finding import Declared
from pfd.check.heavy import Watch
from pfd.check.lookup import TRACEBACK
from pfd.check.report import Report
from pfd.check.source import written
from pfd.errors import PluginError
from pfd.hooks import API_VERSION
from pfd.manifest import (
    HOOKS,
    REGISTERS,
    SETTINGS,
    ManifestError,
    implementation,
    problems,
    registered,
    registered_settings,
    suspicions,
)
from pfd.origin import code_place, is_own, own_trace, place, reason
from pfd.plugins import GROUP, cause_of, distribution, folder_of, incompatible, is_inside
from pfd.schema import fields_of, listed
from pfd.setting_tables import variables
from pfd.task import Task

SLOW = 2.0
"""Seconds that the code of a manifest itself may take."""


def main() -> None:
    """Look at a plugin, and end this process."""
    report_to, crash = int(sys.argv[1]), int(sys.argv[2])
    asked: dict[str, Any] = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable(crash)
    sys.path[:] = asked["path"]
    report = Report(report_to, asked["name"], asked["skip"])
    entry = next(
        (
            one
            for one in importlib.metadata.entry_points(group=GROUP, name=asked["name"])
            if one.value == asked["value"]
        ),
        importlib.metadata.EntryPoint(asked["name"], asked["value"], GROUP),
    )
    try:
        Look(entry, report, deep=asked["deep"]).all()
        report.done()
    except Exception as error:  # objects of a plugin may do anything when they are looked at
        report.fault(reason(error), own_trace(error, Path(__file__).parent))
    os._exit(0)  # whatever the plugin has left to be done at the end


class Look:
    """Looks at one plugin: its manifest, and where `deep` also what that names."""

    def __init__(self, entry: importlib.metadata.EntryPoint, report: Report, *, deep: bool) -> None:
        self._entry, self._report, self._deep = entry, report, deep
        self._distribution = distribution(entry)[0]
        self._folder = folder_of(entry)
        self._module: Any = None
        report.folder(self._folder)

    def all(self) -> None:
        """Look at everything."""
        if not self._load():
            return
        if wrong := incompatible(self._module):
            hint = f"leave it out, or set it to {API_VERSION}, once the plugin fits this core"
            self._report.add("manifest", "pfd_api", wrong, hint=hint, path=self._written(""))
            return
        wrong_hooks = [*problems(self._module), *suspicions(self._module)]
        if not wrong_hooks and not any(implementation(self._module, hook) for hook in HOOKS):
            hint = "write a function pfd_register_tasks with @hookimpl above it"
            self._report.add(
                "manifest", "", "implements no hook, so it adds nothing", hint=hint, path=self._written("")
            )
        for problem in wrong_hooks:
            self._wrong_hook(problem)
        asked = {hook: self._registered(hook) for hook in (*REGISTERS, SETTINGS)}
        found = {hook: given or () for hook, given in asked.items()}
        for task in found["pfd_register_tasks"]:
            self._task(task)
        for command in found["pfd_register_commands"]:
            path = self._written("Command", command.name, command.load)
            self._declare("command", command.name, path)
            if self._deep:
                commands.look_at(command, self._report, self._folder, path)
        for view in found["pfd_register_result_views"]:
            self._declare("view", view.task, self._written("ResultView", view.task), tuple(view.fields))
        for reference in found["pfd_register_references"]:
            path = self._written("Reference", reference.name, reference.find)
            self._declare("reference", reference.name, path)
            if self._deep:
                targets.look_at(reference, self._report, self._folder, path)
        for model in found[SETTINGS]:
            path = code_place(model)
            self._declare("settings", model.pfd_table, path, tuple(variables(model)))
            if self._deep:
                settings.look_at(model, self._report, path)
        for records in found["pfd_register_records"]:
            path = self._written("Records", records.head, records.module)
            self._declare("tables", records.name, path)
            if self._deep:
                tables.look_at(records, self._report, self._folder, path)
        if None not in asked.values():
            self._report.whole()

    def _task(self, task: Task) -> None:
        path = self._written("Task", task.name, task.run)
        self._declare("task", task.name, path, _fields(task.result))
        if self._report.begin(f"task {task.name}", "params", f"reading the parameters of {task.name}", path):
            for field in listed(fields_of(task.params)):
                if field.reference:
                    self._declare("refers", field.reference, path, (task.name, field.path))
        if self._deep:
            marks.look_at(task, self._report, path)
            functions.look_at(task, self._report, self._folder, path)

    def _load(self) -> bool:
        """Import the manifest; whether that could be done."""
        value = self._entry.value
        if not self._report.begin("manifest", "", f"importing {value}"):
            return False
        began = time.perf_counter()
        try:
            with Watch(self._folder) as watch:
                self._module = self._entry.load()
        except BaseException as error:  # a manifest may even call sys.exit()
            self._report.add(
                "manifest",
                "",
                f"{value} cannot be imported: {cause_of(error)}",
                hint=self._hint(error),
                path=place(error, self._folder),
                trace=own_trace(error, self._folder),
            )
            return False
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                problem = f"starts a thread ({thread.name}) that is not a daemon, for whose end each command waits"
                hint = "start it where a job runs, or with daemon=True"
                self._report.add("manifest", "", problem, hint=hint, path=self._written(""))
        seconds = time.perf_counter() - began - sum(one.seconds for one in watch.found)
        for heavy in watch.found:
            through = f" (through {heavy.through})" if heavy.through else ""
            self._report.add(
                "manifest",
                "",
                f"imports {heavy.library}{through}, which takes {1000 * heavy.seconds:.0f} ms of every command",
                hint="import it in the module that 'run' names, and name it in 'preload'",
                path=heavy.path,
                level="warn",
            )
        if seconds > SLOW:
            problem = f"takes {seconds:.1f} s to import, at every command"
            hint = "a manifest declares, and does nothing else"
            self._report.add("manifest", "", problem, hint=hint, path=self._written(""), level="warn")
        return True

    def _hint(self, error: BaseException) -> str:
        """What to do about a manifest that cannot be imported."""
        where = place(error, self._folder)
        advice: str | None = error.hint if isinstance(error, PluginError) else None
        if isinstance(error, ModuleNotFoundError) and error.name and not is_inside(error.name, self._entry):
            advice = f"install what provides {error.name!r}, and name it in the dependencies of the plugin"
        elif not where:
            advice = f"correct the entry point {self._entry.name} = {self._entry.value!r} in pyproject.toml"
        elif is_own(error, self._folder):
            advice = advice or TRACEBACK
        return advice or ""

    def _registered(self, hook: str) -> tuple[Any, ...] | None:
        """What a hook returns; None where it cannot be called."""
        function = implementation(self._module, hook)
        if function is None:
            return ()
        if any(problem.hook == hook for problem in problems(self._module)):
            return None
        if not self._report.begin(f"hook {hook}", "", f"calling {hook}", code_place(function)):
            return None
        try:
            found = self._returned(hook)
        except ManifestError as error:
            self._wrong_hook(error)
            return None
        except BaseException as error:  # a hook may even call sys.exit()
            where = place(error, self._folder)
            self._report.add(
                f"hook {hook}",
                "",
                cause_of(error) if isinstance(error, PluginError) else f"raises {reason(error)}",
                hint=(error.hint if isinstance(error, PluginError) else None) or TRACEBACK,
                path=where or code_place(function),
                trace=own_trace(error, self._folder),
            )
            return None
        if hook == "pfd_register_tasks" and not found:
            problem, hint = "returns no task", "leave the hook out where there are none"
            self._report.add(f"hook {hook}", "", problem, hint=hint, path=code_place(function), level="warn")
        return found

    def _returned(self, hook: str) -> tuple[Any, ...]:
        if hook != SETTINGS:
            return registered(self._module, hook, REGISTERS[hook])
        model = registered_settings(self._module, self._entry.name)
        return () if model is None else (model,)

    def _wrong_hook(self, error: ManifestError) -> None:
        self._report.add(f"hook {error.hook}", "", error.message, hint=error.hint or "", path=error.place)

    def _declare(self, kind: Any, name: str, path: str, fields: tuple[str, ...] | None = ()) -> None:
        self._report.declare(Declared(self._report.plugin, self._distribution, kind, name, path, fields))

    def _written(self, call: str, *texts: str) -> str:
        return written(self._module, self._folder, call, *texts)


def _fields(result: type[BaseModel]) -> tuple[str, ...] | None:
    """The fields that a result of a task may have; None where it may have any."""
    if result.model_config.get("extra") == "allow":
        return None
    return (*result.model_fields, *result.model_computed_fields)


if __name__ == "__main__":
    main()

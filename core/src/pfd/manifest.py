"""What a manifest offers through its hooks, and what is wrong with how it offers that.

Hooks are called by name and one by one, so a wrong name or wrong arguments are found here, when a plugin is loaded,
rather than when a job first reaches them.
"""

from __future__ import annotations

import difflib
import inspect
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pfd.errors import PluginError, shown
from pfd.hooks import Command, Reference, ResultView, Specs, Tables
from pfd.origin import code_place
from pfd.task import Task

if TYPE_CHECKING:
    from pfd.plugin_settings import PluginSettings

HOOKS: Mapping[str, tuple[str, ...]] = {
    name: tuple(inspect.signature(spec).parameters)[1:] for name, spec in vars(Specs).items() if name.startswith("pfd_")
}
"""The arguments of each hook."""

REGISTERS: Mapping[str, type[Any]] = {
    "pfd_register_tasks": Task,
    "pfd_register_records": Tables,
    "pfd_register_commands": Command,
    "pfd_register_references": Reference,
    "pfd_register_result_views": ResultView,
}
"""What the hooks that register something return lists of."""

SETTINGS = "pfd_register_settings"
"""The hook that returns one class."""

MOST = 10_000
"""Of so many things that a hook returns nobody means more: it would never end."""

_ALIKE = 0.85
"""How like a hook a function without the mark is called, that counts as one misspelt."""

_T = TypeVar("_T")


class ManifestError(PluginError):
    """A hook that is not as it has to be.  `place` is `file:line` of it, where that can be told."""

    def __init__(self, hook: str, message: str, *, hint: str = "", place: str = "") -> None:
        super().__init__(message, hint=hint or None)
        self.hook = hook
        self.place = place

    def __str__(self) -> str:
        return f"{self.hook} {self.message}"


def implementation(module: Any, hook: str) -> Any:
    """The function of a module that implements a hook, or None."""
    function = getattr(module, hook, None)
    return function if isinstance(getattr(function, "pfd_impl", None), Mapping) else None


def problems(module: Any) -> Iterator[ManifestError]:
    """What would keep hooks of a module from being called: a wrong name, no mark, other arguments."""
    for name, function in _named(module):
        marks = getattr(function, "pfd_impl", None)
        if isinstance(marks, Mapping):
            for message, hint in _marked(name, function, marks):
                yield ManifestError(name, message, hint=hint, place=code_place(function))
        elif name in HOOKS:
            message = "is not marked with @hookimpl, so nobody would call it"
            yield ManifestError(name, message, hint="write @hookimpl above it", place=code_place(function))


def suspicions(module: Any) -> Iterator[ManifestError]:
    """Functions that are called almost like a hook, and are none."""
    for name, function in _named(module):
        own = inspect.isfunction(function) and function.__module__ == getattr(module, "__name__", None)
        if own and name not in HOOKS and not hasattr(function, "pfd_impl") and _near(name, _ALIKE):
            message = "is not a hook, so nobody would call it"
            yield ManifestError(name, message, hint=_meant(name, _ALIKE), place=code_place(function))


def registered(module: Any, hook: str, kind: type[_T]) -> tuple[_T, ...]:
    """What a hook of a module returns.  Raises `ManifestError` where that is not a list of what it is to be."""
    function = implementation(module, hook)
    if function is None:
        return ()
    found: object = function()
    if found is None or not isinstance(found, Iterable) or isinstance(found, str | bytes | Mapping):
        what = "nothing" if found is None else f"one {kind.__name__}" if isinstance(found, kind) else shown(found)
        hint = "put it in brackets: return [...]" if isinstance(found, kind) else f"return a list of {kind.__name__}"
        raise ManifestError(
            hook, f"returned {what}, and not a list of {kind.__name__}", hint=hint, place=code_place(function)
        )
    items = tuple(itertools.islice(found, MOST + 1))
    if len(items) > MOST:
        raise ManifestError(hook, f"returned more than {MOST} of {kind.__name__}", place=code_place(function))
    for item in items:
        if not isinstance(item, kind):
            inside = isinstance(item, Iterable) and not isinstance(item, str)
            hint = "return one flat list" if inside else f"return a list of {kind.__name__}"
            if kind is Command and hasattr(item, "callback"):  # of click
                hint = 'a command is named, and not imported: Command("noun", load="package.module:command", help="…")'
            raise ManifestError(
                hook, f"returned {shown(item)}, which is not a {kind.__name__}", hint=hint, place=code_place(function)
            )
    _check_once(hook, items, code_place(function))
    return items


def registered_settings(module: Any, plugin: str) -> type[PluginSettings] | None:
    """The settings of a plugin of that name, where it has any.  Raises `ManifestError` where they cannot be taken."""
    function = implementation(module, SETTINGS)
    if function is None:
        return None
    from pfd.plugin_settings import PluginSettings  # few plugins have any
    from pfd.setting_tables import misnamed

    found: object = function()
    if not (inspect.isclass(found) and issubclass(found, PluginSettings)) or found is PluginSettings:
        what = "nothing" if found is None else shown(found)
        hint = f"return a class: class {plugin.title()}Settings(PluginSettings, table={plugin!r})"
        if isinstance(found, PluginSettings):
            hint = f"return the class itself: {type(found).__name__}"
        raise ManifestError(
            SETTINGS, f"returned {what}, which is not a class of PluginSettings", hint=hint, place=code_place(function)
        )
    if (wrong := misnamed(found, plugin)) is not None:
        raise ManifestError(SETTINGS, f"{found.__name__} {wrong[0]}", hint=wrong[1], place=code_place(found))
    return found


def _check_once(hook: str, items: tuple[Any, ...], place: str) -> None:
    names = [str(getattr(item, "task" if isinstance(item, ResultView) else "name")) for item in items]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ManifestError(hook, f"returned {', '.join(twice)} more than once", hint="leave one of them", place=place)


def _named(module: Any) -> Iterator[tuple[str, Any]]:
    """What of a module is a hook by its name or by its mark."""
    own: Mapping[str, Any] = getattr(module, "__dict__", {})
    for name in dir(module):
        if name.startswith("pfd_"):
            value = getattr(module, name, None)
            if callable(value) and not inspect.isclass(value):
                yield name, value
        elif inspect.isroutine(own.get(name)) and hasattr(own[name], "pfd_impl"):
            yield name, own[name]


def _marked(name: str, function: Any, marks: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with a function that is marked as a hook, each with what to do."""
    if (meant := marks.get("specname")) and meant != name:
        yield "is called by its own name: 'specname' is not followed", f"call the function {meant}"
        return
    if name not in HOOKS:
        if not marks.get("optionalhook"):
            yield "is not a hook", _meant(name)
        return
    wanted = ", ".join(HOOKS[name])
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield "is async, and hooks are not awaited", f"def {name}({wanted}), without async"
    elif marks.get("wrapper") or marks.get("hookwrapper"):
        yield "is a wrapper, and each hook is called by itself", "write @hookimpl without arguments"
    elif not _takes(function, HOOKS[name]):
        yield (
            f"takes ({', '.join(_arguments(function))}), and is called with ({wanted})",
            f"def {name}({wanted})",
        )


def _takes(function: Any, names: tuple[str, ...]) -> bool:
    try:
        inspect.signature(function, follow_wrapped=False).bind(**dict.fromkeys(names))
    except TypeError:
        return False
    except ValueError:  # of a function that is written in C nothing is known
        return True
    return True


def _arguments(function: Any) -> list[str]:
    return [str(parameter) for parameter in inspect.signature(function, follow_wrapped=False).parameters.values()]


def _near(name: str, cutoff: float = 0.6) -> list[str]:
    return difflib.get_close_matches(name, HOOKS, n=1, cutoff=cutoff)


def _meant(name: str, cutoff: float = 0.6) -> str:
    near = _near(name, cutoff)
    return f"did you mean {near[0]}?" if near else f"the hooks are {', '.join(HOOKS)}"

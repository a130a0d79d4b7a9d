"""What a runtime is: a way to wake the workers of a queue, and to be one."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from pfd.errors import PfdError, SettingsError, shown
from pfd.notify import Notifier, RingingRuntime, as_notifier
from pfd.origin import place, reason
from pfd.plugins import Registry
from pfd.settings import Settings
from pfd.urls import mask_any, purge

GROUP = "pfd.runtimes"

SHUTDOWN_PATIENCE = 30.0
"""Seconds that running jobs may take to end once a worker has been told to stop."""

EXTRAS = ("celery", "dramatiq")
"""Runtimes that an extra of the core of that name installs."""


@runtime_checkable
class Runtime(Notifier, Protocol):
    """A runtime, named under the entry-point group `pfd.runtimes`.  Constructed with the settings."""

    def __init__(self, settings: Settings) -> None: ...

    def serve(self, registry: Registry, slots: Mapping[str, int], ready: Callable[[], None]) -> None:
        """Be a worker, until SIGINT or SIGTERM: `pfd worker`.

        `slots` says for each queue (or several, comma-separated) how many jobs may run at once; `ready` is called once
        jobs are claimed.  Raises `SettingsError` where this runtime has no workers.
        """

    def close(self) -> None:
        """Let go of connections."""


_METHODS: Mapping[str, tuple[str, ...]] = {
    name: tuple(inspect.signature(vars(kind)[name]).parameters)[1:]
    for kind, name in ((Notifier, "notify"), (Runtime, "serve"), (Runtime, "close"))
}
"""What is called of a runtime, and with what."""

_PROTOCOL = "a runtime is a class that is made with the settings, as the page 'Add a runtime' says; or set PFD_RUNTIME"


def runtime_names() -> list[str]:
    """Names of the installed runtimes."""
    return sorted({entry.name for entry in importlib.metadata.entry_points(group=GROUP)})


def load_runtime(settings: Settings) -> Runtime:
    """The runtime that the settings name.  Raises `SettingsError` where it is not installed or cannot be loaded."""
    found = [e for e in importlib.metadata.entry_points(group=GROUP) if e.name == settings.runtime]
    if not found:
        bring = _brings(settings.runtime) or "install the distribution that brings it"
        raise SettingsError(
            f"runtime {mask_any(settings.runtime)!r} is not installed; there are: {', '.join(runtime_names())}",
            hint=f"{bring}, or set PFD_RUNTIME to one of them",
        )
    said = f"runtime {settings.runtime!r} ({found[0].value})"
    kind = _loaded(found[0], said, settings.runtime)
    try:
        runtime = as_notifier(kind(settings))
    except PfdError:
        raise
    except ImportError as error:
        raise _without_its_library(error, said, settings.runtime) from error
    except Exception as error:  # the code of a third party may raise anything, with the broker's URL in it
        purge(error)
        raise SettingsError(f"{said} cannot be made: {reason(error)}", hint=_mend(error)) from error
    for problem in _odd(runtime):
        raise SettingsError(f"{said} does not speak the runtime protocol: {problem}", hint=_PROTOCOL)
    checked: Runtime = runtime
    return checked


def load_program(name: str) -> Any:
    """The module that a runtime's own command line is to load: of a distribution above this one, named and not known.

    Raises
    ------
    ModuleNotFoundError : it is not installed; the message says what to install.
    """
    module = f"pfd_runtime_{name}"
    if importlib.util.find_spec(module) is None:
        raise ModuleNotFoundError(f"No module named {module!r}: {_brings(name)}", name=module)
    return importlib.import_module(f"{module}.program")


def _loaded(entry: importlib.metadata.EntryPoint, said: str, name: str) -> type[Any]:
    try:
        kind: object = entry.load()
    except ImportError as error:
        raise _without_its_library(error, said, name) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may even call sys.exit()
        raise SettingsError(f"{said} cannot be loaded: {reason(error)}", hint=_mend(error)) from error
    if not isinstance(kind, type):
        what = "a module" if inspect.ismodule(kind) else "a function" if inspect.isroutine(kind) else shown(kind)
        raise SettingsError(
            f"{said} does not speak the runtime protocol: it is {what}, and not a class", hint=_PROTOCOL
        )
    return kind


def _without_its_library(error: ImportError, said: str, name: str) -> SettingsError:
    return SettingsError(f"{said} cannot be loaded: {error}", hint=_brings(name) or _mend(error))


def _brings(name: str) -> str | None:
    return f"pip install 'pfd-core[{name}]'" if name in EXTRAS else None


def _mend(error: BaseException) -> str:
    where = place(error)
    return f"mend {where}, or set PFD_RUNTIME to another" if where else "set PFD_RUNTIME to another"


def _odd(runtime: Any) -> Iterator[str]:
    """What of the protocol a runtime lacks."""
    if not isinstance(getattr(runtime, "name", None), str):
        yield "it has no text 'name'"
    for name, arguments in _METHODS.items():
        if name == "notify" and isinstance(runtime, RingingRuntime):
            name, arguments = "ring", ("ring",)
        method = getattr(runtime, name, None)
        called = f"{name}({', '.join(arguments)})"
        if not callable(method):
            yield f"it has no method {called}"
        elif inspect.iscoroutinefunction(method):
            yield f"its {called} is async, and nobody awaits it"
        else:
            try:
                inspect.signature(method, follow_wrapped=False).bind(*arguments)
            except TypeError:
                yield f"its method {name}{inspect.signature(method, follow_wrapped=False)} is called as {called}"
            except ValueError:  # of a function that is written in C nothing is known
                continue

"""What a declaration names as text, `"module:attribute"`, looked for where it is said to be."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from typing import Any

from pfd.hints import Hint
from pfd.origin import own_trace, place, reason

TRACEBACK = "--debug shows the traceback"


class Missing(Exception):
    """What is named cannot be had.  `hint`, `place` and `trace` are as in a finding."""

    def __init__(self, problem: str, hint: str = "", place: str = "", trace: str = "") -> None:
        super().__init__(problem)
        self.problem, self.hint, self.place, self.trace = problem, hint, place, trace


def module(name: str, folder: Path | None) -> Any:
    """Import a module.  Raises `Missing` where it is not there, or its code raises."""
    try:
        return importlib.import_module(name)
    except BaseException as error:  # the code of a plugin may even call sys.exit()
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise Missing(f"there is no module {error.name}", _near_modules(error.name)) from None
        where = place(error, folder)
        if isinstance(error, ModuleNotFoundError) and error.name:
            hint = f"install what provides {error.name!r}, and name it in the dependencies of the plugin"
        else:
            hint = TRACEBACK
        raise Missing(f"{name} raises {reason(error)}", hint, where, own_trace(error, folder)) from error


def attribute(target: str, folder: Path | None, what: str) -> Any:
    """Import what `"module:attribute"` names.  Raises `Missing`."""
    name, _, wanted = target.partition(":")
    found = module(name, folder)
    try:
        return getattr(found, wanted)
    except AttributeError:
        own = [one for one in dir(found) if not one.startswith("__")]
        raise Missing(
            f"there is no {what} {wanted} in {name}",
            Hint.did_you_mean(wanted, own),
            str(getattr(found, "__file__", "") or ""),
        ) from None
    except BaseException as error:  # a module may look its names up by code of its own
        where = place(error, folder)
        raise Missing(f"{target} raises {reason(error)}", "", where, own_trace(error, folder)) from error


def _near_modules(name: str) -> str:
    parent, _, last = name.rpartition(".")
    if not parent:
        tops = [one.name for one in pkgutil.iter_modules()]
        return Hint.did_you_mean(last, tops, f"install what provides {last!r}")
    found = sys.modules.get(parent)
    beside = [one.name for one in pkgutil.iter_modules(getattr(found, "__path__", None) or [])]
    return Hint.did_you_mean(last, beside, f"{parent} has {', '.join(beside) or 'no modules'}")

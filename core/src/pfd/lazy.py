"""Names of a package that load on first use, and earlier names that still lead to the present ones.

A package whose names need heavy libraries stays light: it lists them by module, and imports a module when one of its
names is asked for (PEP 562).  Type checkers see the same names by imports under `TYPE_CHECKING`.

    __getattr__ = lazy_names(__name__, {"store": ("Entry", "find_entry")}, renamed={"lookup": "find_entry"})
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy_names(
    package: str, modules: Mapping[str, Sequence[str]], *, renamed: Mapping[str, str] | None = None
) -> Callable[[str], Any]:
    """The `__getattr__` of a package: names by the submodule that holds them, such as `"store"` or `"runtimes.local"`.

    `renamed` gives the present name for each earlier one, which is read with a `DeprecationWarning`.

    Raises
    ------
    ValueError : two submodules list one name.
    """
    module_of: dict[str, str] = {}
    for module, names in modules.items():
        for name in names:
            if name in module_of:
                raise ValueError(f"{package}: {name} is listed for {module_of[name]} and for {module}")
            module_of[name] = module

    def getattribute(name: str) -> Any:
        if name in module_of:
            return getattr(importlib.import_module(f"{package}.{module_of[name]}"), name)
        if renamed and name in renamed:
            warn_renamed(f"{package}.{name}", renamed[name])
            return getattr(sys.modules[package], renamed[name])
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return getattribute


class RenamedAttribute:
    """The earlier name of an attribute, a field of a dataclass for example: `stamp = RenamedAttribute("provenance")`.

    Reading it gives the present attribute, with a `DeprecationWarning`.
    """

    def __init__(self, present: str) -> None:
        self._present = present

    def __set_name__(self, owner: type, name: str) -> None:
        self._earlier = f"{owner.__qualname__}.{name}"

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:
            return self
        warn_renamed(self._earlier, self._present)
        return getattr(instance, self._present)


def warn_renamed(earlier: str, present: str, *, above: int = 2) -> None:
    """Say, so many callers above, that something is called otherwise now."""
    text = f"{earlier} is called {present} now; the earlier name goes with the next version"
    warnings.warn(text, DeprecationWarning, stacklevel=above + 1)


def renamed_argument(earlier: str, present: str, given: dict[str, Any], value: Any) -> Any:
    """The value of an argument, which may be given under its earlier name among `given`.

    Raises
    ------
    TypeError : `given` holds anything else, or it is given by both names.
    """
    unknown = given.keys() - {earlier}
    if unknown or (given and value is not None):
        name = min(unknown, default=earlier)
        raise TypeError(f"got an unexpected keyword argument {name!r}")
    if earlier in given:
        warn_renamed(earlier, present, above=3)
        return given[earlier]
    return value

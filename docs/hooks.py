"""The reference of hooks, from their specifications and from the classes of what they are given."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pfd
from pfd.hooks import Specs
from pfd.manifest import HOOKS, REGISTERS, SETTINGS

HEAD = """\
# Hooks

Written from the code by `make docs`; a test holds it current. A plugin implements any of these in its manifest, as
functions marked with `@hookimpl`; [write a plugin](../how-to/write-a-plugin.md) shows how. Each takes at most one
object, by name, so that it can grow. They are called one by one. One that raises is logged and skipped, but for a
`SettingsError` where the hook may refuse: then the program ends with it.

"""


def page(comments: Callable[[type[Any]], dict[str, str]]) -> Iterator[str]:
    """The parts of the page; `comments` gives the texts below the fields of a class."""
    yield HEAD
    yield "| hook | what it is for |\n|---|---|\n"
    for hook in HOOKS:
        yield f"| `{_call(hook)}` | {_line(getattr(Specs, hook).__doc__)} |\n"
    for hook, [name] in ((hook, names) for hook, names in HOOKS.items() if names):
        kind = getattr(pfd, inspect.signature(getattr(Specs, hook)).parameters[name].annotation)
        text, described = _parts(inspect.getdoc(kind) or "")
        yield f"\n## {kind.__name__}\n\n{text}\n\n| field | type | meaning |\n|---|---|---|\n"
        described |= {field: _line(comment) for field, comment in comments(kind).items() if comment}
        for field in dataclasses.fields(kind):
            yield f"| `{field.name}` | `{_line(str(field.type))}` | {described.get(field.name, '')} |\n"


def _call(hook: str) -> str:
    if hook in REGISTERS:
        return f"{hook}() -> Iterable[{REGISTERS[hook].__name__}]"
    if hook == SETTINGS:
        return f"{hook}() -> type[PluginSettings]"
    return f"{hook}({', '.join(HOOKS[hook])})"


def _parts(text: str) -> tuple[str, dict[str, str]]:
    """A docstring without its parameters, and the parameters by name."""
    before, _, parameters = text.partition("\nParameters\n----------\n")
    found = re.findall(r"^(\w+) : (.*(?:\n    .*)*)", parameters, flags=re.MULTILINE)
    return before.strip().replace(".  ", ". "), {name: _line(meaning) for name, meaning in found}


def _line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")

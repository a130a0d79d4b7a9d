"""The reference of `pfd.console`, from its functions and what they say of themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator

from pfd import console

HEAD = """\
# Printing

Written from the code by `make docs`; a test holds it current. Commands of plugins print with `pfd.console`, and with
nothing else: texts of recordings, jobs and files are foreign, and could steer a terminal. [Write a
plugin](../how-to/write-a-plugin.md) shows a command.

"""


def page() -> Iterator[str]:
    """The parts of the page."""
    yield HEAD
    yield f"{_text(console.__doc__)}\n"
    for name in console.__all__:
        thing = getattr(console, name)
        yield f"\n## {name}\n\n"
        if inspect.isclass(thing):
            yield f"{_text(thing.__doc__)}\n"
            for method, function in vars(thing).items():
                if inspect.isfunction(function) and not method.startswith("_"):
                    yield f"\n    {method}{_signature(function)}\n\n{_text(function.__doc__)}\n"
        else:
            yield f"    {name}{_signature(thing)}\n\n{_text(thing.__doc__)}\n"


def _signature(function: Callable[..., object]) -> str:
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(function))).replace("(self, ", "(")


def _text(doc: str | None) -> str:
    """A docstring as Markdown: its parameters and errors as a list."""
    lines: list[str] = []
    for line in inspect.cleandoc(doc or "").replace(".  ", ". ").splitlines():
        if re.fullmatch(r"(Parameters|Raises)", line) or re.fullmatch(r"-+", line):
            continue
        lines.append(re.sub(r"^(\w+) : ", r"- `\1`: ", re.sub(r"^    ", "  ", line)))
    return "\n".join(lines)

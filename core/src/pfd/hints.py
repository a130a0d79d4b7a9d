"""What to do next, written once, and shown as whoever reads it would write it: in a shell, in Python, in a pipeline.

A parameter within a hint stands between backquotes, as its path and its value in JSON: `` `split.seed=1` ``.  That is
how a hint is stored; whoever shows it says for which surface.
"""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Callable, Iterable
from typing import Any

_MARK = re.compile(r"`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)=([^`]*)`")


MOST_COMPARED = 200
"""Characters of a name that is compared with others: no name is longer, and the time grows with the square."""


class Hint(str):
    """A hint as it is stored; the methods give it as it is shown."""

    __slots__ = ()

    @staticmethod
    def parameter(path: str, value: Any) -> str:
        """A parameter with its value, to be put into a hint."""
        text = json.dumps(value, ensure_ascii=False).replace("`", "\\u0060")
        return f"`{path}={text}`"

    @staticmethod
    def did_you_mean(name: object, known: Iterable[str], otherwise: str = "") -> str:
        """A question after the names that are most like one that is not there; `otherwise` where none is like it.

        `name` may be anything: what is not a text, or longer than any name, is like none.
        """
        if not isinstance(name, str) or len(name) > MOST_COMPARED:
            return otherwise
        near = difflib.get_close_matches(name, list(known), n=3)
        return f"did you mean {', '.join(near)}?" if near else otherwise

    def under(self, group: str) -> Hint:
        """The same for parameters that lie in a group: `leave_out` of a split is the `split.leave_out` of a task."""
        return Hint(_MARK.sub(lambda found: f"`{group}.{found[1]}={found[2]}`", self))

    def in_shell(self) -> str:
        """Parameters as `pfd submit` takes them: `split.leave_out=normal`."""
        return self._shown(lambda path, value: shlex.quote(f"{path}={_as_text(value)}"))

    def in_options(self) -> str:
        """Parameters as a command with such options takes them: `--leave-out normal`."""
        return self._shown(_as_options)

    def in_python(self) -> str:
        """Parameters as `Dispatcher.submit` takes them: `{'split': {'leave_out': ['normal']}}`."""
        return self._shown(lambda path, value: repr(_nested(path, value)))

    def in_pipeline(self) -> str:
        """Parameters as a pipeline file has them: `split.leave_out = ["normal"]`."""
        return self._shown(_as_toml)

    def _shown(self, show: Callable[[str, Any], str]) -> str:
        def shown(found: re.Match[str]) -> str:
            try:
                value = json.loads(found[2])
            except (ValueError, RecursionError):  # a foreign text that looks like one
                return found[0]
            return show(found[1], value)

        return _MARK.sub(shown, self)


def _nested(path: str, value: Any) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: _nested(rest, value) if rest else value}


def _as_text(value: Any) -> str:
    """A value as the command line reads it: a list of plain words by commas, text as it is, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) and _is_plain(item) for item in value):
        return ",".join(value)
    return json.dumps(value, ensure_ascii=False)


def _is_plain(item: str) -> bool:
    return bool(item) and item == item.strip() and "," not in item and item[0] not in "[{"


def _as_toml(path: str, value: Any) -> str:
    """TOML takes what JSON writes, but for one sign and nothing at all."""
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"no {path}" if value is None else f"{path} = {text}"


def _as_options(path: str, value: Any) -> str:
    name = "--" + path.rpartition(".")[2].replace("_", "-")
    if value is None or isinstance(value, bool):
        return name if value else f"no {name}"
    values = value if isinstance(value, list) else [value]
    return " ".join(f"{name} {shlex.quote(item if isinstance(item, str) else json.dumps(item))}" for item in values)

"""`key=value` and parameter files: text turned into what the model of a task's parameters asks for."""

from __future__ import annotations

import contextlib
import difflib
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pfd.errors import DataError, ParameterError
from pfd.files import decoded, read_text
from pfd.schema import Shape, fields_of, listed, shape_of, value_of
from pfd.schema.node import type_of
from pfd.settings import Settings
from pfd.task import PathPolicy, Ref, Task

MAX_BYTES = 16 * 2**20
"""Of a parameter file; what a job may have in the end is the setting `max_params_bytes`."""


def gather(
    task: Task, pairs: Sequence[str], source: str | None, settings: Settings
) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """Parameters of a job from `key=value` pairs and a file, validated; and the paths that they open.

    A pair wins over the file.  A path typed as a pair may lie anywhere, for this job; one out of a file has to lie in
    the allowed folders, since whoever wrote the file need not be who runs it.

    Raises
    ------
    ParameterError : names each parameter that is unknown, with the nearest names, or wrong, with what is allowed.
    """
    given, typed = read(task, pairs, source)
    return admit(task, given, typed, settings)


def read(task: Task, pairs: Sequence[str], source: str | None) -> tuple[dict[str, Any], list[Path]]:
    """Parameters as they are given, of the types that the task asks for; and what may be a typed path among them.

    Raises
    ------
    ParameterError : names each parameter that is unknown, with the nearest names.
    """
    names = Assignments(task)
    typed = names.read(pairs)
    given = _merged(read_file(source), typed) if source else typed
    names.require_known(given)
    return given, _paths(typed)


def admit(
    task: Task, given: Mapping[str, Any], typed: Sequence[Path], settings: Settings
) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """Validate parameters, of which those in `typed` are trusted as paths; and the paths among them that need it."""
    from pfd.submission.params import validated_params

    policy = PathPolicy((*settings.allowed_roots, *typed))
    params = validated_params(task, given, policy, settings.max_params_bytes)
    allowed = PathPolicy(settings.allowed_roots).roots
    return params, tuple(dict.fromkeys(root for root in policy.used if root not in allowed))


def read_file(source: str) -> dict[str, Any]:
    """A parameter file: TOML by its suffix, else JSON; `-` is JSON from standard input.  Raises `ParameterError`."""
    where = "standard input" if source == "-" else source
    try:
        text = _standard_input() if source == "-" else read_text(source, MAX_BYTES)
        found = tomllib.loads(text) if source.lower().endswith(".toml") else json.loads(text)
    except DataError as error:
        raise ParameterError(f"--params {error}", hint=error.hint) from error
    except (OSError, ValueError) as error:  # both decoders' errors are a ValueError
        reason = error.strerror if isinstance(error, OSError) else error
        raise ParameterError(f"--params {where}: {reason}") from error
    except RecursionError:
        raise ParameterError(f"--params {where}: is nested too deep") from None
    if not isinstance(found, dict):
        raise ParameterError(f"--params {where}: an object of parameters is needed, this is a {type_of(found)}")
    return found


def _standard_input() -> str:
    if sys.stdin is None:
        raise ValueError("is closed")
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES // 1024} KiB")
    return decoded(content, "standard input")


class Assignments:
    """`key=value` pairs and the names in a file, read by what the model of a task's parameters asks for."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._shape = shape_of(task.params)
        self._hint = f"'pfd tasks show {task.name}' lists the parameters"

    def read(self, pairs: Sequence[str]) -> dict[str, Any]:
        """Values by name, of the types that the model asks for.  Raises `ParameterError`."""
        values: dict[str, Any] = {}
        for pair in pairs:
            key, equals, text = pair.partition("=")
            if not equals or not key:
                raise ParameterError(f"{pair!r} is not of the form key=value", hint=self._hint)
            path = key.split(".")
            self._put(values, key, path, value_of(self._find(key, path), text, key))
        return values

    def _put(self, values: dict[str, Any], key: str, path: Sequence[str], value: Any) -> None:
        *groups, name = path
        for group in groups:
            values = values.setdefault(group, {})
            if not isinstance(values, dict):
                raise ParameterError(f"{key}: {group} is already given as a whole")
        if name in values:
            raise ParameterError(f"{key} is given twice")
        values[name] = value

    def _find(self, key: str, path: Sequence[str]) -> Shape:
        """What may stand under a name.  Raises `ParameterError` with the nearest names."""
        found = self._shape
        for depth, name in enumerate(path):
            inner = found.member(name)
            if inner is None:
                raise ParameterError(self._unknown(key, ".".join(path[: depth + 1]), found.names), hint=self._hint)
            found = inner
        return found

    def _unknown(self, key: str, wrong: str, known: Sequence[str]) -> str:
        prefix, _, name = wrong.rpartition(".")
        prefix += "." if prefix else ""
        near = [prefix + other for other in difflib.get_close_matches(name, known, n=3)]
        paths = [field.path for field in listed(fields_of(self._task.params)) if "[]" not in field.path]
        # A name of a group typed without its group.
        near = near or [other for other in paths if other.endswith(f".{name}")]
        near = near or difflib.get_close_matches(key, paths, n=3)
        text = f"{self._task.name}: there is no parameter {wrong!r}"
        if not known and prefix:
            return f"{text}: {prefix[:-1]} holds a single value"
        return text + (f"; did you mean {', '.join(near)}?" if near else "")

    def require_known(self, given: Mapping[str, Any]) -> None:
        """Refuse unknown names of a file with the nearest ones, as `read` does with those of pairs."""
        self._require_known(given, ())

    def _require_known(self, given: Mapping[str, Any], path: tuple[str, ...]) -> None:
        for name, value in given.items():
            self._find(".".join((*path, name)), (*path, name))
            if isinstance(value, Mapping) and Ref.from_json(value) is None:
                self._require_known(value, (*path, name))


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`below` overlaid by `above`, groups name by name."""
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _paths(value: Any) -> list[Path]:
    """Every text among typed values, as the path that it would be."""
    if isinstance(value, str):
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            return [Path(value).expanduser().resolve()]
        return []
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [path for item in inner for path in _paths(item)]

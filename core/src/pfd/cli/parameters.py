"""`key=value` and parameter files: text turned into what the model of a task's parameters asks for."""

from __future__ import annotations

import contextlib
import difflib
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pfd.errors import DataError, ParameterError
from pfd.files import decoded, read_text
from pfd.settings import Settings
from pfd.task import PathPolicy, Ref, Task

YES, NO = ("true", "yes", "on"), ("false", "no", "off")

MAX_BYTES = 16 * 2**20
"""Of a parameter file; what a job may have in the end is the setting `max_params_bytes`."""

Schema = Mapping[str, Any]


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
    shape = Shape(task)
    typed = shape.read(pairs)
    given = _merged(read_file(source), typed) if source else typed
    shape.require_known(given)
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
        raise ParameterError(f"--params {where}: an object of parameters is needed, this is a {_json_name(found)}")
    return found


def _standard_input() -> str:
    if sys.stdin is None:
        raise ValueError("is closed")
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES // 1024} KiB")
    return decoded(content, "standard input")


class Shape:
    """What the parameters of a task look like, from the JSON schema of their model."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._schema: Schema = task.params.model_json_schema(mode="validation")
        self._hint = f"'pfd tasks show {task.name}' lists the parameters"

    def _names(self, schema: Schema, prefix: str = "") -> Iterator[str]:
        """The name of each parameter, those of a group as `group.name`."""
        for name, inner in schema.get("properties", {}).items():
            groups = [arm for arm in self._arms(inner) if "properties" in arm]
            if groups and not prefix:
                yield from self._names(groups[0], f"{name}.")
            else:
                yield prefix + name

    def read(self, pairs: Sequence[str]) -> dict[str, Any]:
        """Values by name, of the types that the schema asks for.  Raises `ParameterError`."""
        values: dict[str, Any] = {}
        for pair in pairs:
            key, equals, text = pair.partition("=")
            if not equals or not key:
                raise ParameterError(f"{pair!r} is not of the form key=value", hint=self._hint)
            path = key.split(".")
            self._put(values, key, path, self._value(key, text, self._find(key, path)))
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

    def _find(self, key: str, path: Sequence[str]) -> Schema:
        """The schema of a name.  Raises `ParameterError` with the nearest names."""
        schema = self._schema
        for depth, name in enumerate(path):
            known: dict[str, Schema] = {}
            anything: Any = False
            for arm in self._arms(schema):
                known |= arm.get("properties", {})
                anything = anything or arm.get("additionalProperties", not arm)
            if name in known:
                schema = known[name]
            elif anything:
                schema = anything if isinstance(anything, dict) else {}
            else:
                raise ParameterError(self._unknown(key, ".".join(path[: depth + 1]), known), hint=self._hint)
        return schema

    def _unknown(self, key: str, wrong: str, known: Mapping[str, Schema]) -> str:
        prefix, _, name = wrong.rpartition(".")
        prefix += "." if prefix else ""
        near = [prefix + other for other in difflib.get_close_matches(name, known, n=3)]
        # A name of a group typed without its group.
        near = near or [other for other in self._names(self._schema) if other.endswith(f".{name}")]
        near = near or difflib.get_close_matches(key, list(self._names(self._schema)), n=3)
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

    # -- values ---------------------------------------------------------------------------------------------------

    def _arms(self, schema: Schema) -> list[Schema]:
        """The alternatives of a schema, references followed."""
        while "$ref" in schema:
            schema = self._schema["$defs"][schema["$ref"].rpartition("/")[2]]
        if "properties" in schema:  # what a whole model adds to itself, such as "one of these is required"
            return [schema]
        for word in ("anyOf", "oneOf", "allOf"):
            if word in schema:
                return [arm for inner in schema[word] for arm in self._arms(inner)]
        return [schema]

    def _value(self, key: str, text: str, schema: Schema) -> Any:
        """`text` as the first of: null, a choice, yes or no, a number, a list, a text.

        What fits nothing is handed on as it is, for the model to say what it wants.
        """
        arms = self._arms(schema)
        kinds = {kind for arm in arms for kind in _kinds(arm)}
        if not kinds and any("enum" not in arm and "const" not in arm for arm in arms):
            with contextlib.suppress(ValueError):
                return json.loads(text)
            return text
        if text[:1] in "[{" and text and kinds & {"array", "object"}:
            return self._json(key, text)
        if "array" in kinds and ("," in text or not kinds & {"string", "integer", "number", "boolean"}):
            if text == "null" and "null" in kinds:
                return None
            return self._list(key, text, next(arm for arm in arms if "array" in _kinds(arm)))
        if kinds <= {"object", "null"} and "object" in kinds and text != "null":
            first = next(iter(self._group(arms)), "name")
            raise ParameterError(f"{key} is a group of parameters", hint=f"give {key}.{first}=… or JSON in braces")
        return _scalar(text, arms, kinds)

    def _group(self, arms: Sequence[Schema]) -> list[str]:
        return [name for arm in arms for name in arm.get("properties", {})]

    def _json(self, key: str, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            problem = f"{key}={text!r} is not valid JSON: {error}"
            raise ParameterError(problem, hint="quote it for your shell") from error

    def _list(self, key: str, text: str, schema: Schema) -> list[Any]:
        parts = [part.strip() for part in text.split(",")] if text else []
        first: list[Schema] = schema.get("prefixItems", [])
        rest = schema.get("items", {})
        kinds = [*first[: len(parts)], *[rest if isinstance(rest, dict) else {}] * (len(parts) - len(first))]
        return [self._value(key, part, kind) for part, kind in zip(parts, kinds, strict=True)]


def _scalar(text: str, arms: Sequence[Schema], kinds: set[str]) -> Any:
    if text.lower() in ("null", "none") and "null" in kinds and (text == "null" or "string" not in kinds):
        return None
    choices = [value for arm in arms for value in (*arm.get("enum", ()), *([arm["const"]] if "const" in arm else ()))]
    for choice in choices:
        if text == str(choice):
            return choice
    if "boolean" in kinds:
        if text.lower() in (*YES, *NO):
            return text.lower() in YES
        if text in ("1", "0") and not kinds & {"integer", "number"}:
            return text == "1"
    if kinds & {"integer", "number"}:
        with contextlib.suppress(ValueError):
            return int(text)
        with contextlib.suppress(ValueError):
            number = float(text)
            return int(number) if "number" not in kinds and number.is_integer() else number
    return text


def _kinds(arm: Schema) -> set[str]:
    kind = arm.get("type")
    if kind is None:
        return {_json_name(value) for value in (*arm.get("enum", ()), *([arm["const"]] if "const" in arm else ()))}
    return {kind} if isinstance(kind, str) else set(kind)


def _json_name(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


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

"""Parameters that may refer to results of jobs yet to run: checked as far as they are known, and filled in later."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError, create_model

from pfd.errors import ParameterError, PfdError, few, shown
from pfd.store.values import dump, jsonable
from pfd.submission.limits import FILLED, check_size, check_stored
from pfd.task import PathPolicy, Ref, Task, causes


def validated_params(
    task: Task, params: Mapping[str, Any] | BaseModel, policy: PathPolicy, most: int
) -> dict[str, Any]:
    """Parameters as JSON of at most `most` bytes, defaults filled in.

    A field that refers to the result of a job yet to run cannot be checked now; all that stands beside it is.

    Raises
    ------
    ParameterError : whatever was given, and whatever a validator of the task makes of it.
    """
    if not isinstance(params, Mapping | BaseModel):
        raise ParameterError(f"{task.name}: parameters are a mapping of names to values, not {type(params).__name__}")
    check_size(task.name, params if isinstance(params, Mapping) else vars(params), most)
    try:
        found = _validated(task, params, policy)
    except PfdError:
        raise
    except Exception as error:  # validators are code of a plugin, and can raise anything
        raise ParameterError(
            f"{task.name}: these parameters cannot be checked: {shown(error, 300)}",
            hint="a validator of the task raised something else than ValueError: a bug of its plugin",
        ) from error
    check_stored(task.name, found, most)
    return found


def _validated(task: Task, params: Mapping[str, Any] | BaseModel, policy: PathPolicy) -> dict[str, Any]:
    data = params.model_dump() if isinstance(params, BaseModel) else dict(params)
    later = {name: value for name, value in data.items() if next(_refs(value), None) is not None}
    if not later:
        return _dumped(task, task.validate(data, policy), policy)
    _refuse_what_is_wrong_already(task, {name: _as_refs(value) for name, value in data.items()}, policy)
    present = {name: value for name, value in data.items() if name not in later}
    references: dict[str, Any] = _ref_json(task, "", later)
    return _as_json(task, present, frozenset(later), policy) | references


def _dumped(task: Task, model: BaseModel, policy: PathPolicy) -> dict[str, Any]:
    """Validated parameters as JSON.  Raises `ParameterError` that names each that is none."""
    with named(task):
        return dump(model, exactly=True, context=policy)


@contextlib.contextmanager
def named(task: Task) -> Iterator[None]:
    """Have an error about values say whose they are, and name no more of them than anybody reads."""
    try:
        yield
    except ParameterError as error:
        problems = few(error.problems)
        raise ParameterError(f"{task.name}: " + "; ".join(problems), problems=problems, hint=error.hint) from error


def _as_json(task: Task, present: Mapping[str, Any], later: frozenset[str], policy: PathPolicy) -> dict[str, Any]:
    """Parameters that are there already, as JSON: paths made absolute, and defaults filled in where possible."""
    with contextlib.suppress(ParameterError):  # where a field is required that is yet to come
        return _dumped(task, task.validate(present, policy), policy)
    with contextlib.suppress(ParameterError):  # where the model rewrites them as a whole
        partial = replace(task, params=_without(task.params, later), gpu=False)
        return _dumped(task, partial.validate(present, policy), policy)
    plain: dict[str, Any] = _ref_json(task, "", present)
    return plain


def _refuse_what_is_wrong_already(task: Task, data: Mapping[str, Any], policy: PathPolicy) -> None:
    """Raise `ParameterError` for what is wrong whatever the references in `data` turn out to be."""
    try:
        task.validate(data, policy)
    except ParameterError as error:
        if not isinstance(error.__cause__, ValidationError):
            raise
        found = causes(error.__cause__)
        if wrong := [item for item in found if not _may_be_mended(item["type"], item["loc"], data)]:
            raise task.refusal(wrong) from error
    except (TypeError, ValueError, AttributeError):
        pass  # a validator of the plugin, which did not expect a reference; it sees the value where the job runs


def _may_be_mended(kind: str, where: Sequence[int | str], data: Any) -> bool:
    """Whether what pydantic found at `where` may be no error once the references in `data` are filled in."""
    found = data
    for depth, part in enumerate(where):
        try:
            found = found[part]
        except (KeyError, IndexError, TypeError):
            # A name that is missing, which ends the path, or one alternative of several.
            return isinstance(found, Ref) or (depth < len(where) - 1 and next(_refs(found), None) is not None)
    if kind == "extra_forbidden":
        return False
    # What holds a reference may be of the wrong type or too long by itself; all else that is said of it may be mended.
    # (It may seem too short, since items that are wrong do not count.)
    by_itself = kind.endswith(("_type", "too_long")) and not isinstance(found, Ref)
    return next(_refs(found), None) is not None and not by_itself


@functools.lru_cache(maxsize=256)
def _without(model: type[BaseModel], absent: frozenset[str]) -> type[BaseModel]:
    """A model of the fields of another that are not in `absent`."""
    kept: dict[str, Any] = {
        name: (field.annotation, field) for name, field in model.model_fields.items() if name not in absent
    }
    partial: type[BaseModel] = create_model(model.__name__, __config__=model.model_config, **kept)
    return partial


def fill(task: str, params: Mapping[str, Any], results: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Parameters with each reference replaced by the field of the result it names.

    Raises
    ------
    ParameterError : there is no such field; or they become larger by that than `FILLED` times `most` bytes of JSON.
    """
    filled: dict[str, Any] = _filled(params, results)
    check_size(task, filled, FILLED * most)
    return filled


def _filled(value: Any, results: Mapping[str, Any]) -> Any:
    if ref := Ref.from_json(value):
        return _field(ref, results.get(ref.job_id))
    if isinstance(value, Mapping):
        return {name: _filled(inner, results) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, results) for inner in value]
    return value


def referred(value: Any) -> set[str]:
    """Ids of the jobs whose results `value` refers to."""
    return {ref.job_id for ref in _refs(value)}


def _field(ref: Ref, result: Any) -> Any:
    found = result
    for part in ref.field.split("."):
        try:
            found = found[int(part)] if isinstance(found, list) else found[part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise ParameterError(f"the result of job {ref.job_id} has no field {shown(ref.field)}") from None
    return found


def _refs(value: Any) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        if ref := Ref.from_json(value):
            yield ref
        else:
            for inner in value.values():
                yield from _refs(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value:
            yield from _refs(inner)


def _as_refs(value: Any) -> Any:
    """`value` with each reference as a `Ref`, which no model takes for one of its values."""
    if isinstance(value, Mapping):
        return Ref.from_json(value) or {name: _as_refs(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_as_refs(inner) for inner in value]
    return value


def _ref_json(task: Task, where: str, value: Any) -> Any:
    if isinstance(value, Ref):
        return value.to_json()
    if next(_refs(value), None) is not None:
        if isinstance(value, Mapping):
            _plain_json(task, where, dict.fromkeys(value))  # its names
            return {name: _ref_json(task, f"{where}.{name}", inner) for name, inner in value.items()}
        return [_ref_json(task, f"{where}.{place}", inner) for place, inner in enumerate(value)]
    return _plain_json(task, where, value)


def _plain_json(task: Task, where: str, value: Any) -> Any:
    with named(task):
        return jsonable(value, where.lstrip("."))  # a time, say, or a path

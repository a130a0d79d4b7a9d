"""What a task declares.

A `Task` is a frozen description: a name, the models of its parameters and result, and how it wants to be run.  The code
itself is named as `"module:function"` and is loaded where it runs, so that listing tasks imports nothing heavy.
Everything that can be wrong with a declaration is refused here, when the plugin is loaded.
"""

from __future__ import annotations

import functools
import math
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, cast, get_args, get_origin

import annotated_types
from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError, ValidationInfo
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.types import AllowInfNan

from pfd.errors import ParameterError, PluginError, shown
from pfd.patterns import in_words

if TYPE_CHECKING:
    from pfd.handles import Handle

__all__ = ["Params", "PathPolicy", "Ref", "Result", "Task", "UserPath"]

MAX_INLINE_SECONDS = 15.0
"""An inline task runs in the worker's own interpreter, so its limit may not exceed the default lease."""

MAX_NAME, MAX_QUEUE = 200, 100
"""Characters of the names of a task and of a queue."""

MAX_PROBLEMS = 20
"""Of so many wrong parameters each has its line; nobody reads more."""

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_RUN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")

_KINDS: tuple[tuple[tuple[str, ...], tuple[type, ...], str], ...] = (
    (("name", "run", "summary", "queue", "isolation"), (str,), "a text"),
    (("max_attempts", "priority"), (int,), "a whole number"),
    (("backoff", "backoff_max"), (int, float), "a number of seconds"),
    (("soft_time_limit", "time_limit", "memory_limit"), (int, float, type(None)), "a number or None"),
    (("coordinator",), (bool,), "True or False"),
    (("row",), (str, type(None)), "a text or None"),
)
"""Fields of a task, the types that they may have, and these in words."""


class Params(BaseModel):
    """Base of parameter models: unknown fields are refused, instances are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)


class Result(BaseModel):
    """Base of result models.  Numbers that may be NaN or infinite are declared `float | None`."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class PathPolicy:
    """Where user paths may lie.  Handed to pydantic as the validation context of a `Params` model.

    `trusted` is for a path typed at the local command line: it is accepted, and noted in `added` so that the job may
    use it as well.  `used` holds the roots that the checked paths lie in.
    """

    def __init__(self, roots: Iterable[Path], *, trusted: bool = False) -> None:
        self._given = roots
        self.trusted = trusted
        self.added: list[Path] = []
        self.used: list[Path] = []

    @functools.cached_property
    def roots(self) -> tuple[Path, ...]:
        return tuple(root.resolve() for root in self._given)

    def check(self, path: Path) -> Path:
        try:
            resolved = path.expanduser().resolve()
        except (OSError, RuntimeError) as error:  # an unknown ~user, a circle of links
            raise ValueError(f"cannot be resolved: {error}") from error
        if root := next((root for root in self.roots if resolved.is_relative_to(root)), None):
            self.used.append(root)
            return resolved
        if self.trusted:
            self.added.append(resolved)
            return resolved
        roots = ", ".join(str(root) for root in self.roots)
        raise ValueError(f"{resolved} is outside the allowed folders ({roots}); add its folder to PFD_ROOTS")


def _confine(path: Path, info: ValidationInfo) -> Path:
    return info.context.check(path) if isinstance(info.context, PathPolicy) else path


UserPath = Annotated[Path, AfterValidator(_confine)]
"""A path given by a user: made absolute and confined to the allowed roots where the job is submitted."""


@dataclass(frozen=True)
class Ref:
    """Stands in a parameter for a field of another job's result, filled in when that job has succeeded."""

    job_id: str
    field: str

    def to_json(self) -> dict[str, dict[str, str]]:
        return {"$result": {"job": self.job_id, "field": self.field}}

    @staticmethod
    def from_json(value: object) -> Ref | None:
        if isinstance(value, dict) and set(value) == {"$result"} and isinstance(value["$result"], dict):
            inner = value["$result"]
            if set(inner) == {"job", "field"}:
                return Ref(str(inner["job"]), str(inner["field"]))
        return None


@dataclass(frozen=True, eq=False)
class Task:
    """A kind of job.

    Parameters
    ----------
    name : the name on the wire, in the command line, in Celery and in Dramatiq.
    run : `"module:function"`; called as `function(params, ctx)` where the job runs.
    params, result : pydantic models.
    summary : one line for lists: what the task does.
    queue : the queue whose slots run it.
    isolation : `"process"` (its own process) or `"inline"` (short pure-Python work in the worker).
    max_attempts : how often it may be run in all when it raises one of `retry_on`.
    retry_on : exceptions worth another attempt, as classes or `"module:Class"` strings.
    backoff : seconds before the second attempt; doubled for each further one, with jitter, up to `backoff_max`.
    soft_time_limit, time_limit : seconds until the task is asked to stop, and until its processes are ended.
    memory_limit : bytes of proportional set size of its whole process tree.
    preload : heavy modules that a warm process should have imported before the job starts.
    priority : larger is sooner.
    gpu : whether its jobs need a gpu slot, which is bound to one device; or the parameters with which they do, as
        `{"device": "cuda"}` (all of them, where there are several).
    coordinator : whether it waits for children; it then holds no slot that they need.
    row : `"module:function"`, called as `function(session, job)` with a `pfd.tracked.SubmittedJob` in the transaction
        that stores a job: writes the row that stands for it from then on.
    """

    name: str
    run: str
    params: type[BaseModel]
    result: type[BaseModel]
    summary: str = ""
    queue: str = "default"
    isolation: Literal["process", "inline"] = "process"
    max_attempts: int = 1
    retry_on: tuple[type[Exception] | str, ...] = ()
    backoff: float = 1.0
    backoff_max: float = 300.0
    soft_time_limit: float | None = None
    time_limit: float | None = None
    memory_limit: int | None = None
    preload: tuple[str, ...] = ()
    priority: int = 0
    gpu: bool | Mapping[str, Any] = False
    coordinator: bool = False
    row: str | None = None

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise PluginError(f"task {self.name!r}: {problem}")

    def _problems(self) -> Iterator[str]:
        yield from self._odd_kinds()
        if not _NAME.match(self.name) or len(self.name) > MAX_NAME:
            yield f"a name is up to {MAX_NAME} lower-case letters, digits and underscores"
        yield from self._odd_targets()
        if not _NAME.match(self.queue) or len(self.queue) > MAX_QUEUE:
            yield f"queue={self.queue!r}: a name is up to {MAX_QUEUE} lower-case letters, digits and underscores"
        if self.isolation not in ("process", "inline"):
            yield f"isolation={self.isolation!r}: choose 'process' or 'inline'"
        for role, model in (("params", self.params), ("result", self.result)):
            if not _is_model(model):
                yield f"{role}={model!r} is not a pydantic model"
                return
            if model.__pydantic_root_model__:  # loading RootModel itself takes longer than the rest of this module
                yield f"{role}={model.__name__} is a RootModel: declare an object of names and values"
                return
        yield from (f"result field {where}: {why}" for where, why in _unstorable(self.result))
        yield from self._odd_lists()
        yield from self._odd_gpu()
        if self.max_attempts < 1:
            yield f"max_attempts={self.max_attempts} is less than 1"
        if self.max_attempts > 1 and not self.retry_on:
            yield "max_attempts without retry_on has no effect; name the exceptions worth another attempt"
        for name in ("backoff", "backoff_max"):
            if not 0 <= getattr(self, name) < math.inf:
                yield f"{name}={getattr(self, name)} is not a number of seconds"
        for name in ("soft_time_limit", "time_limit", "memory_limit"):
            limit = getattr(self, name)
            if limit is not None and not 0 < limit < math.inf:
                yield f"{name}={limit} is not a positive number"
        if self.soft_time_limit and self.time_limit and self.soft_time_limit > self.time_limit:
            yield "soft_time_limit is larger than time_limit"
        if self.isolation == "inline":
            if self.time_limit is None or self.time_limit > MAX_INLINE_SECONDS:
                yield f"an inline task declares time_limit of at most {MAX_INLINE_SECONDS:g} s"
            if self.memory_limit or self.preload or self.gpu or self.coordinator:
                yield "memory_limit, preload, gpu and coordinator need isolation='process'"

    def _odd_kinds(self) -> Iterator[str]:
        """Fields of another type than declared: the first of them, before anything is made of its value."""
        if callable(run := cast("Any", self.run)):
            of = f"{getattr(run, '__module__', 'module')}:{getattr(run, '__qualname__', 'function')}"
            named = f"run={of!r}" if _RUN.match(of) else "run='package.module:function', of a function with a name"
            yield f"run is the function {of} itself, and is to be named: {named}"
        for names, kinds, called in _KINDS:
            for name in names:
                value = getattr(self, name)
                if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                    yield f"{name}={shown(value)} is not {called}"

    def _odd_targets(self) -> Iterator[str]:
        for field, target in (("run", self.run), ("row", self.row)):
            if target is not None and not _RUN.match(target):
                yield f"{field}={target!r} is not of the form 'package.module:function'"

    def _odd_lists(self) -> Iterator[str]:
        declared: dict[str, Any] = {"preload": self.preload, "retry_on": self.retry_on}
        for name, kinds, called in (("preload", str, "names"), ("retry_on", (str, type), "exceptions or names")):
            listed = declared[name]
            if not isinstance(listed, tuple) or not all(isinstance(item, kinds) for item in listed):
                yield f"{name}={listed!r} is not a tuple of {called}"
                return
        for kind in declared["retry_on"]:
            if isinstance(kind, str):
                if not _RUN.match(kind):
                    yield f"retry_on: {kind!r} is not of the form 'package.module:Class'"
            elif not issubclass(kind, Exception):
                yield f"retry_on: {kind.__name__} is not an exception"

    def _odd_gpu(self) -> Iterator[str]:
        if self.gpu and self.coordinator:
            yield "a coordinator holds no slot, and so no gpu; its children may"
        given: Any = self.gpu
        if isinstance(given, bool):
            return
        if not isinstance(given, Mapping) or not given:
            yield f"gpu={given!r} is neither True nor False, nor a mapping of parameters to values"
            return
        for name, value in given.items():
            if (field := self.params.model_fields.get(name)) is None:
                yield f"gpu={given!r}: there is no parameter {name!r}"
                return
            kind: Any = field.annotation
            try:
                TypeAdapter(kind).validate_python(value)
            except ValidationError:
                yield f"gpu={given!r}: the parameter {name!r} never has this value"

    def wants_gpu(self, params: Mapping[str, Any]) -> bool:
        """Whether a job with these validated parameters needs a gpu slot."""
        if isinstance(self.gpu, Mapping):
            return all(params.get(name) == value for name, value in self.gpu.items())
        return self.gpu

    def load(self) -> Callable[[Any, Any], Any]:
        """Import and return the function.  Raises `PluginError` where it does not exist."""
        try:
            function = pkgutil.resolve_name(self.run)
        except (ImportError, AttributeError) as error:
            raise PluginError(
                f"task {self.name!r}: {self.run!r} cannot be loaded: {error}",
                hint="install what the plugin needs; 'pfd plugins check' says what is wrong with its code",
            ) from error
        if not callable(function):
            raise PluginError(f"task {self.name!r}: {self.run!r} is not callable")
        return cast("Callable[[Any, Any], Any]", function)

    def validate(self, params: Mapping[str, Any] | BaseModel, policy: PathPolicy | None = None) -> BaseModel:
        """Return validated parameters.

        Raises
        ------
        ParameterError : names each field, its value and what is allowed.
        """
        data = params.model_dump() if isinstance(params, BaseModel) else dict(params)
        try:
            return self.params.model_validate(data, context=policy)
        except ValidationError as error:
            raise self.refusal(causes(error)) from error

    def refusal(self, found: Sequence[Any]) -> ParameterError:
        """The error for some of the `causes` that pydantic has found."""
        problems = tuple(map(_explain, found[:MAX_PROBLEMS]))
        if left := len(found) - len(problems):
            problems = (*problems, f"and {left} more")
        return ParameterError(
            f"{self.name}: " + "; ".join(problems),
            problems=problems,
            hint=f"'pfd tasks show {self.name}' lists the parameters",
        )

    def bind(self, /, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Turn the arguments of `delay` into a mapping: one mapping, or values in declared order and by name."""
        if len(args) == 1 and not kwargs and isinstance(args[0], Mapping | BaseModel):
            given = args[0]
            return given.model_dump() if isinstance(given, BaseModel) else dict(given)
        names = list(self.params.model_fields)
        if len(args) > len(names):
            raise ParameterError(f"{self.name}: takes at most {len(names)} parameters, was given {len(args)}")
        bound = dict(zip(names, args, strict=False))
        if twice := set(bound) & set(kwargs):
            raise ParameterError(f"{self.name}: {', '.join(sorted(twice))} given twice")
        return bound | kwargs

    def delay(self, /, *args: Any, **kwargs: Any) -> Handle:
        """Submit a job: `delay({...})`, or the parameters in declared order or by name."""
        return _submit(self.name, self.bind(*args, **kwargs))

    def apply_async(
        self, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Handle:
        """Submit a job with options: `key`, `priority`, `countdown`, `queue`, `tags`, `after`, `time_limit` …"""
        return _submit(self.name, self.bind(*args, **(kwargs or {})), **options)


def _submit(name: str, params: Mapping[str, Any], /, **options: Any) -> Handle:
    if _submitter is None:
        raise PluginError(f"{name} cannot be submitted before pfd is imported")
    return _submitter(name, params, **options)


_submitter: Callable[..., Handle] | None = None


def set_submitter(submit: Callable[..., Handle]) -> None:
    """Say what `Task.delay` calls.  Set once by the package itself, since a dispatcher stands above a task."""
    global _submitter
    _submitter = submit


def causes(error: ValidationError) -> list[Any]:
    """What pydantic found, each as one of its `errors()`, without what only follows.

    Items that are refused do not count, so that their list may seem too short as well.
    """
    items = error.errors(include_url=False)
    within = {item["loc"][:depth] for item in items for depth in range(1, len(item["loc"]))}
    return [item for item in items if item["type"] != "too_short" or item["loc"] not in within]


def _is_model(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)


def _explain(item: Any) -> str:
    """A problem that pydantic found in words that do not take knowing pydantic."""
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "missing":
        return f"{where}: is required"
    if item["type"] == "extra_forbidden":
        first, dot, rest = where.partition(".") if len(item["loc"]) == 1 else (where, "", "")
        nested = f"; a parameter of a group stands within it: {{{first!r}: {{{rest!r}: …}}}}" if dot else ""
        return f"{where}: is not a parameter of this task{nested}"
    said = _said(item)
    message = f"{said[0].lower()}{said[1:]}"
    if not where:  # of several parameters: the message names them
        return said
    return f"{where}={shown(item['input'])}: {message}"


def _said(item: Any) -> str:
    about: Mapping[str, Any] = item.get("ctx", {})
    match item["type"]:
        case "tuple_type" | "list_type" | "set_type" | "frozen_set_type":
            return "should be a list"
        case "dict_type" | "mapping_type" | "model_type" | "model_attributes_type":
            return "should be an object of names and values"
        case "too_short" if "min_length" in about:
            return f"should have {about['min_length']} or more items, has {about['actual_length']}"
        case "too_long" if isinstance(about.get("actual_length"), int):
            return f"should have at most {about['max_length']} items, has {about['actual_length']}"
        case "string_pattern_mismatch":
            words = in_words(about["pattern"])
            return f"should be {words}" if words else f"should match {about['pattern']}"
    return str(item["msg"]).removeprefix("Value error, ")


def _unstorable(model: type[BaseModel], prefix: str = "", seen: frozenset[type] = frozenset()) -> Iterator[Any]:
    """Fields of a result that could not be stored as JSON: a bare float (NaN has no JSON), bytes, any object."""
    for name, field in model.model_fields.items():
        finite = any(isinstance(m, AllowInfNan) and not m.allow_inf_nan for m in field.metadata)
        yield from _unstorable_type(field.annotation, prefix + name, seen | {model}, finite=finite, optional=False)
        if model.model_config.get("arbitrary_types_allowed") and not _has_json(model, name):
            yield prefix + name, f"{field.annotation} is not JSON; keep it as an artifact"


def _has_json(model: type[BaseModel], name: str) -> bool:
    """Whether pydantic knows the type of a field; what a serializer makes of it is for that to say."""
    field = model.model_fields[name]
    kind: Any = field.annotation
    own = {
        one for serializer in model.__pydantic_decorators__.field_serializers.values() for one in serializer.info.fields
    }
    if field.metadata or own & {name, "*"}:
        return True
    try:
        TypeAdapter(kind, config=ConfigDict(arbitrary_types_allowed=True)).json_schema(mode="serialization")
    except PydanticInvalidForJsonSchema:
        return False
    except PydanticUserError:  # names that are only known later, or a model, which has its own configuration
        return True
    return True


def _unstorable_type(kind: Any, where: str, seen: frozenset[type], *, finite: bool, optional: bool) -> Iterator[Any]:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        bounds = any(isinstance(m, AllowInfNan | annotated_types.Interval) for m in args[1:])
        yield from _unstorable_type(args[0], where, seen, finite=finite or bounds, optional=optional)
    elif origin in (Union, UnionType):
        for arm in args:
            yield from _unstorable_type(arm, where, seen, finite=finite, optional=type(None) in args or optional)
    elif origin is not None and origin is not Literal:
        for arm in args:
            yield from _unstorable_type(arm, where, seen, finite=False, optional=False)
    elif kind is float and not (finite or optional):
        yield where, "a float may be NaN, which JSON cannot hold: declare it 'float | None'"
    elif kind in (bytes, bytearray, complex):
        yield where, f"{kind.__name__} is not JSON; keep it as an artifact"
    elif isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
        yield from _unstorable(kind, f"{where}.", seen)

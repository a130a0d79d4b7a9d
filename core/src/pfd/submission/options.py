"""How a job is to be queued."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pfd.errors import ParameterError, few, shown
from pfd.job import LAST_TIME
from pfd.store.encoding import clean_text
from pfd.task import MAX_PROBLEMS, MAX_QUEUE, Task

MAX_KEY = 200
MAX_TAG = 100
MAX_ID = 64
MAX_PATH = 4096
MAX_MANY = {"tags": 32, "after": 1000, "roots": 32}
"""How many a job may have; tags that a pipeline or a schedule adds count as well, and jobs that parameters refer to."""

MAX_PRIORITY = 2**31 - 1

_QUEUE = re.compile(rf"[a-z][a-z0-9_]{{0,{MAX_QUEUE - 1}}}\Z")


@dataclass(frozen=True)
class Options:
    """How a job is to be queued.

    Parameters
    ----------
    key : makes the submission idempotent while a job of that key is live.
    priority, queue : instead of the task's own.
    countdown : seconds from now before which it does not start.
    not_before : the same as a time, in seconds since the epoch.
    tags : words to find it by.
    after : ids of jobs that must succeed first.
    soft_time_limit, time_limit : seconds, instead of the task's own.
    roots : folders where this job's user paths may lie, beside the allowed ones.
    """

    key: str | None = None
    priority: int | None = None
    queue: str | None = None
    countdown: float | None = None
    not_before: float | None = None
    tags: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    soft_time_limit: float | None = None
    time_limit: float | None = None
    roots: tuple[Path, ...] = ()
    retry_of: str | None = None


def make_options(task: Task, given: Mapping[str, Any]) -> Options:
    """Options by name.

    Raises
    ------
    ParameterError : for one that does not exist, or a value of another type than an option has, whatever it is.  Which
        values of the right type will do is for `prepare` to say.
    """
    known = {item.name for item in fields(Options)}
    if unknown := sorted({str(name)[:MAX_TAG] for name in given} - known):
        names = ", ".join(few(unknown, 5))
        raise ParameterError(f"{task.name}: no such option: {names}; there are {', '.join(sorted(known))}")
    # Before pydantic makes an error of each of a million.
    problems = tuple(problem for name, most in MAX_MANY.items() for problem in _many_problems(name, given, most))
    if not problems:
        try:
            return _OPTIONS.validate_python(dict(given))
        except ValidationError as error:
            problems = tuple(map(_said, error.errors(include_url=False)))
        except (ValueError, TypeError, OverflowError, RecursionError) as error:  # a number of hundreds of digits, say
            problems = (f"options: {shown(error)}",)
    problems = few(problems, MAX_PROBLEMS)
    raise ParameterError(f"{task.name}: " + "; ".join(problems), problems=problems)


_OPTIONS = TypeAdapter(Options)


def _said(item: Any) -> str:
    where = ".".join(map(str, item["loc"]))
    return f"{where}={shown(item['input'])}: {item['msg'][0].lower()}{item['msg'][1:]}"


def _many_problems(name: str, given: Mapping[str, Any], most: int) -> Iterator[str]:
    value = given.get(name)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Path):
        if not isinstance(value, Sized):
            yield f"{name}={shown(value)}: can be read only once; give a list"
        elif len(value) > most:
            yield f"{name}: at most {most}, was given {len(value)}"


def option_problems(task: Task, options: Options) -> Iterator[str]:
    """What is wrong with the options of a job of a task."""
    if options.key is not None:
        yield from _word_problems("key", options.key, MAX_KEY)
    for name, most in MAX_MANY.items():
        yield from _many_problems(name, vars(options), most)
    for tag in options.tags:
        yield from _word_problems("tag", tag, MAX_TAG)
    for root in options.roots:
        yield from _word_problems("root", str(root), MAX_PATH)
    if options.queue is not None and not _QUEUE.match(options.queue):
        yield f"queue={shown(options.queue)}: a name is up to {MAX_QUEUE} lower-case letters, digits and underscores"
    if options.priority is not None and abs(options.priority) > MAX_PRIORITY:
        yield f"priority={shown(options.priority)} is beyond ±{MAX_PRIORITY}"
    if options.retry_of is not None:
        yield from _word_problems("retry_of", options.retry_of, MAX_ID)
    yield from _time_problems(options)
    yield from _limit_problems(task, options)


def _time_problems(options: Options) -> Iterator[str]:
    countdown, not_before = options.countdown, options.not_before
    if countdown is not None and not_before is not None:
        yield "countdown and not_before say the same thing; give one of them"
    if countdown is not None and not math.isfinite(countdown):
        yield f"countdown={countdown} is not a finite number of seconds"
    elif countdown is not None and countdown < 0:
        yield f"countdown={countdown} is negative"
    elif countdown is not None and time.time() + countdown > LAST_TIME:
        yield f"countdown={countdown:g} leads beyond the year 9999"
    if not_before is not None and not math.isfinite(not_before):
        yield f"not_before={not_before} is not a finite number of seconds"
    elif not_before is not None and not 0 < not_before <= LAST_TIME:
        yield f"not_before={not_before:g} is no time between 1970 and 9999, in seconds since the beginning of 1970"


def _limit_problems(task: Task, options: Options) -> Iterator[str]:
    soft, hard = options.soft_time_limit, options.time_limit
    wrong = False
    for name, limit in (("soft_time_limit", soft), ("time_limit", hard)):
        if limit is not None and not math.isfinite(limit):
            yield f"{name}={limit} is not a finite number of seconds"
            wrong = True
        elif limit is not None and limit <= 0:
            yield f"{name}={limit} is not positive"
            wrong = True
    if wrong:
        return
    if soft is not None and hard is not None:
        if soft > hard:
            yield f"soft_time_limit={soft:g} is larger than time_limit={hard:g}"
    elif soft is not None and task.time_limit is not None and soft > task.time_limit:
        yield f"soft_time_limit={soft:g} is larger than the time_limit of {task.name}, {task.time_limit:g}"
    elif hard is not None and task.soft_time_limit is not None and task.soft_time_limit > hard:
        yield (
            f"time_limit={hard:g} is smaller than the soft_time_limit of {task.name}, {task.soft_time_limit:g}; "
            "give a soft_time_limit as well"
        )
    if task.isolation == "inline" and hard is not None and task.time_limit is not None and hard > task.time_limit:
        yield f"time_limit={hard:g}: an inline task may not run longer than it declares, {task.time_limit:g}"


def after_problems(ids: Sequence[str]) -> Iterator[str]:
    """What is wrong with the ids of the jobs that a job waits for, named or referred to."""
    yield from _many_problems("after", {"after": ids}, MAX_MANY["after"])
    for one in ids[: MAX_MANY["after"]]:
        yield from _word_problems("after", one, MAX_ID)


def _word_problems(what: str, word: str, most: int) -> Iterator[str]:
    if not 0 < len(word) <= most:
        yield f"{what}: 1 to {most} characters, was given {len(word)}"
    elif clean_text(word) != word:
        yield f"{what} {shown(word)} holds a character that cannot be stored"

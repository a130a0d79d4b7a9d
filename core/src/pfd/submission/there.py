"""Whether what parameters name is there: what is not is refused where it is submitted, and not hours later."""

from __future__ import annotations

import itertools
import logging
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from pfd.characters import one_line
from pfd.errors import ParameterError, PfdError, QueueError
from pfd.hints import Hint
from pfd.origin import first_line
from pfd.plugins import Registry
from pfd.references import Choices, named
from pfd.store import Store
from pfd.task import Task

log = logging.getLogger("pfd.submission")

COUNTED = 1000
"""Things that are counted beside those that are told: how many more there may be is no news to anybody."""


def require_there(store: Store, registry: Registry, task: Task, params: Mapping[str, Any]) -> None:
    """Make sure that all that parameters name is there.

    Raises
    ------
    ParameterError : it is not; all that is missing is named.
    StoreError : that cannot be seen.
    """
    missing = list(missing_things(store, registry, task, params))
    if missing:
        problems = tuple(problem for problem, _ in missing)
        later = "where a job makes it that has not ended, wait for that: --after, or after=[…] in Python"
        hints = [*dict.fromkeys(hint for _, hint in missing if hint), later]
        raise ParameterError(f"{task.name}: {'; '.join(problems)}", problems=problems, hint="; ".join(hints))


def missing_things(
    store: Store, registry: Registry, task: Task, params: Mapping[str, Any]
) -> Iterator[tuple[str, Hint | None]]:
    """What parameters name and is not there, each with its hint.  Raises `StoreError` where that cannot be seen."""
    known = registry.references()
    asked = [(path, known[kind].find, value) for path, kind, value in named(task.params, params) if kind in known]
    if not asked:
        return
    with store.session() as session:
        for path, find, value in asked:
            try:
                pkgutil.resolve_name(find)(session, value)
            except QueueError:
                raise  # the store does not answer
            except PfdError as error:
                yield f"{path}: {error}", error.hint
            except Exception:  # the code of a plugin, or its tables are of another version: the job says it
                log.debug("whether %s=%r is there cannot be told", path, value, exc_info=True)


def choices(store: Store, registry: Registry, kind: str, limit: int) -> Choices:
    """What there is of a kind that parameters name, the newest first: at most `limit`, and how many more.

    Nothing where no plugin keeps such things, or its code raises: the log says so.  Raises `StoreError`.
    """
    found = registry.references().get(kind)
    if found is None:
        return Choices()
    there: dict[str, str] = {}
    with store.session() as session:
        try:
            names = pkgutil.resolve_name(found.names)(session)
            pairs = names.items() if isinstance(names, Mapping) else names
            counted = itertools.islice(pairs, limit + COUNTED + 1)
            there = {str(one): str(about) for one, about in counted}
        except QueueError:
            raise  # the store does not answer
        except Exception as error:  # the code of a plugin, or its tables are of another version
            why = one_line(first_line(error, type(error).__name__))
            log.warning("what there is of %s cannot be told: %s", one_line(kind), why)
            log.debug("by %s", found.names, exc_info=True)
    more = max(0, len(there) - limit)
    return Choices(dict(itertools.islice(there.items(), limit)), min(more, COUNTED), whole=more <= COUNTED)

"""From a row of the job table to a `Job`.

A page of a listing makes a thousand of them, and a claim makes one while it holds the write lock.  The constructor of a
frozen dataclass sets each of its thirty fields by a call of its own, which takes longer than the database does.
"""

from __future__ import annotations

import functools
from typing import Any

from pfd.job import ArtifactFile, Job, JobFailure, State
from pfd.store.encoding import decode
from pfd.store.schema import jobs

FULL = [c for c in jobs.c if c.name not in ("followers", "coordinator")]
FULL_NAMES = tuple(c.name for c in FULL)

LIGHT = [c for c in FULL if c.name not in ("params", "result", "options")]
LIGHT_NAMES = tuple(c.name for c in LIGHT)

_STATES = {state.value: state for state in State}


def to_job(found: dict[str, Any]) -> Job:
    """A `Job` from columns of the job table by name, which are changed in place.

    The names are `FULL_NAMES` or `LIGHT_NAMES`; parameters, options and result that were not read are empty.
    """
    found["state"] = _STATES[found["state"]]
    found["cancel_requested"] = found["cancel_requested"] != 0
    found["gpu"] = found["gpu"] != 0
    found["meta"] = decode(found["meta"])
    found["tags"] = _tags(found["tags"])
    found["artifacts"] = _artifacts(found["artifacts"])
    if found["failure"] is not None:
        found["failure"] = JobFailure(**decode(found["failure"]))
    found["params"] = decode(found["params"]) if "params" in found else {}
    found["options"] = decode(found["options"]) if "options" in found else {}
    result = found.get("result")
    found["result"] = None if result is None else decode(result)
    job = object.__new__(Job)
    job.__dict__.update(found)
    return job


# Few texts recur in very many rows, and what is made of them cannot be changed.
@functools.lru_cache(maxsize=1024)
def _tags(text: str) -> tuple[str, ...]:
    return tuple(decode(text))


@functools.lru_cache(maxsize=1024)
def _artifacts(text: str) -> tuple[ArtifactFile, ...]:
    return tuple(ArtifactFile(*item) for item in decode(text))

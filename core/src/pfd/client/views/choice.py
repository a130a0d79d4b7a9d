"""Which blocks a job is shown as: those of its task's plugin, else the generic ones."""

from __future__ import annotations

import logging
import pkgutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pfd.characters import one_line
from pfd.client.views import generic
from pfd.client.views.job_view import JobView
from pfd.job import Job, State
from pfd.origin import place
from pfd.plugins import Registry
from pfd.views import (
    BLOCKS,
    Block,
    Warning,  # noqa: A004
)

log = logging.getLogger("pfd.client")


def blocks(job: Job, home: Path, registry: Registry) -> tuple[Block, ...]:
    """What a job is shown as, at whatever point of its life.

    A view of a plugin that raises, or gives anything but blocks, becomes a warning above the generic view.
    """
    view = JobView(job, home, registry)
    named = view.declared.blocks if job.state is State.SUCCESS else view.declared.live
    problem: tuple[Block, ...] = ()
    if named:
        try:
            return _called(named, view)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin's code, with whatever it makes of a damaged file; sys.exit() and all
            log.debug("the view %s of job %s raised", named, job.id, exc_info=True)
            problem = (Warning(text=f"the view of {job.task} cannot be made: {_reason(error, named)}"),)
    return (*problem, *generic.blocks(view))


def _called(named: str, view: JobView) -> tuple[Block, ...]:
    made: Any = pkgutil.resolve_name(named)(view)
    if not isinstance(made, Iterable):
        raise TypeError(f"{named} returned {type(made).__name__}, and no blocks")
    found = tuple(made)
    try:
        return BLOCKS.validate_python(found)
    except ValidationError as error:
        raise TypeError(f"{named} gave something that is no block: block {_first(error)}") from None


def _reason(error: BaseException, named: str) -> str:
    """What went wrong and, for the author of the view, in which line; no folder, since reports are sent around."""
    said = f"{error.title}: {_first(error)}" if isinstance(error, ValidationError) else str(error)
    module = sys.modules.get(named.partition(":")[0])
    folder = Path(file).parent if (file := getattr(module, "__file__", None)) else None
    line = Path(place(error, folder)).name
    return one_line(f"{type(error).__name__}: {said}{f' ({line})' if line else ''}")


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"

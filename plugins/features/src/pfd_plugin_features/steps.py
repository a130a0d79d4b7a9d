"""Progress within a part of a task."""

from __future__ import annotations

from typing import Any

from pfd import TaskContext
from pfd_plugin_features.learning import OnStep


def telling(ctx: TaskContext, start: float, end: float, doing: str, **meta: Any) -> OnStep:
    """What tells of the steps of a part of a task, which goes from one fraction of its progress to another."""

    def on_step(done: int, total: int) -> None:
        ctx.check_cancelled()
        ctx.progress(start + (end - start) * done / total, f"{doing} {done}/{total}", **meta)

    return on_step

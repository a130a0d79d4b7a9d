"""A schedule: jobs of a task at the times of a cron expression, and what became of each of these times."""

from __future__ import annotations

import enum
import itertools
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from pfd.job import State

Overlap = Literal["skip", "allow"]


class SlotOutcome(enum.StrEnum):
    """What became of a slot: a job; none, since that was not wanted; or none, since that was not possible."""

    FIRED = "fired"
    SKIPPED = "skipped"
    MISSED = "missed"


@dataclass(frozen=True)
class ScheduleSlot:
    """One slot of a schedule that has been dealt with.  Times are seconds since the epoch, of the store's clock.

    Parameters
    ----------
    at : when it was due.
    settled_at : when a worker saw to it.
    reason : why there is no job.
    passed_over : slots before this one that no worker was there for; 1000 stands for so many or more.
    job_state : None where there is no job, or it has been pruned.
    """

    at: int
    settled_at: float
    outcome: SlotOutcome
    reason: str = ""
    passed_over: int = 0
    job_id: str | None = None
    job_state: State | None = None


@dataclass(frozen=True)
class Schedule:
    """A schedule, as read.  Times are seconds since the epoch, of the store's clock.

    Parameters
    ----------
    params : those that were given, validated; the defaults are the task's own when a slot comes.
    options : how its jobs are queued, as far as that was given: `queue`, `priority`, `tags`, `key`, `soft_time_limit`,
        `time_limit`, `roots`.
    overlap : whether a slot fires where the job of the one before is still live.
    catch_up : whether the last of the slots that no worker was there for fires once one is.
    next_at : the slot that comes next, or is due; None where the schedule is paused, or none will come.
    last : the slot that was dealt with last.
    damage : why columns of its row cannot be read, of which the fields are empty; such a schedule does not fire.
    ahead : seconds by which slots are settled ahead of the clock, which was set back since; until it is there again
        none fires, unless the schedule is resumed from now.
    """

    name: str
    cron: str
    zone: str
    task: str
    params: dict[str, Any]
    overlap: Overlap
    catch_up: bool
    enabled: bool
    next_at: int | None
    created_at: float
    changed_at: float
    options: dict[str, Any] = field(default_factory=dict)
    last: ScheduleSlot | None = None
    damage: dict[str, str] = field(default_factory=dict)
    ahead: float = 0.0

    @property
    def tag(self) -> str:
        """What all its jobs are tagged with."""
        return schedule_tag(self.name)

    def upcoming(self, number: int = 5) -> list[int]:
        """The next slots, in seconds since the epoch, of those still to come; none where it is paused or damaged."""
        if self.next_at is None or self.damage:
            return []
        from pfd.schedules.cron import Cron  # only those who look ahead need it

        later = Cron(self.cron, self.zone).after(max(self.next_at - 1, time.time()))
        return list(itertools.islice(later, number))


def schedule_tag(name: str) -> str:
    """The tag of the jobs of a schedule."""
    return f"schedule:{name}"

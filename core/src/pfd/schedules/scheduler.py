"""Firing schedules: every worker looks, and of all of them one settles a slot.

A slot, its job and how far the schedule has come are written in one transaction.  Whoever comes second finds the
schedule further on than it was when read, and writes nothing.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy.engine import Connection

from pfd.app import App
from pfd.errors import KeyConflict, PfdError, StoreError
from pfd.schedules import slots
from pfd.schedules.cron import Cron, Last
from pfd.schedules.define import job_of
from pfd.schedules.schedule import SlotOutcome
from pfd.schedules.slots import Due
from pfd.store import NewJob, Submitted, jobs
from pfd.submission.submit import accompanied, publish_submitted

log = logging.getLogger("pfd.worker")

LATE = 60.0
"""Seconds after which a slot counts as missed by a schedule that does not catch up: many sweeps, or the restart of a
worker."""

LOOK_AHEAD = 60.0
"""Seconds between looks for schedules that wait for a clock which was set back."""


@dataclass(frozen=True)
class _Plan:
    """What is to become of the slots that are due: of the last one a job, or none and why."""

    last: Last
    following: int | None
    job: NewJob | None = None
    reason: str = ""


@dataclass(frozen=True)
class _Settled:
    """What has become of a slot."""

    outcome: SlotOutcome
    reason: str = ""
    submitted: Submitted | None = None

    @property
    def job_id(self) -> str | None:
        return None if self.submitted is None else self.submitted.id


class Scheduler:
    """Fires schedules on behalf of a worker.

    Parameters
    ----------
    notify : tells workers, this one and others, of a job that is stored.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._left_to_others: dict[tuple[int, int, int], float] = {}
        self._warned: set[str] = set()
        self._look_ahead_at = -math.inf

    def tick(self) -> None:
        """Settle what is due, for hardly more than a part of a lease, which the worker has to renew meanwhile.

        Raises `StoreError` where the store cannot be read or written.
        """
        began = time.monotonic()
        with self._app.store.read() as connection:
            due, now = slots.due(connection)
            if began >= self._look_ahead_at:
                self._look_ahead_at = began + LOOK_AHEAD
                self._warn(slots.ahead(connection, now))
        keys = {_key(one) for one in due}
        self._left_to_others = {key: since for key, since in self._left_to_others.items() if key in keys}
        for one in due:
            try:
                if (plan := self._plan(one, now)) is not None:
                    self._settle(one, plan)
            except StoreError:
                raise
            except Exception:  # one that is odd keeps no other from firing
                log.exception("schedule %s could not be fired", one.definition.name)
            if time.monotonic() - began > self._app.settings.lease / 8:
                return  # the rest at the next sweep, or by others

    def _warn(self, ahead: Mapping[str, float]) -> None:
        """Say, once a schedule, that it waits for a clock which was set back."""
        for name in ahead.keys() - self._warned:
            log.warning(
                "the clock was set back, and schedule %s has settled all slots of the next %.0f s: none of them fires; "
                "once the clock is right, 'pfd schedules resume %s --from-now' has it go on",
                name, ahead[name], name,
            )  # fmt: skip
        self._warned = set(ahead)

    def _plan(self, due: Due, now: float) -> _Plan | None:
        """What is to be done about a schedule; None where that is nothing, or for others to do."""
        definition = due.definition
        if due.damage:
            with self._app.store.write() as connection:
                slots.stop(connection, due)
            problems = "; ".join(f"{column}: {problem}" for column, problem in due.damage.items())
            log.error("schedule %s is paused, since its row cannot be read: %s", definition.name, problems)
            return None
        try:
            cron = Cron(definition.cron, definition.zone)
        except PfdError as error:  # a zone that this machine does not know
            return self._give_up(due, _Plan(Last(due.next_at, 0), None, reason=error.message))
        last = cron.last(due.settled_until, now)
        if last is None:  # the rules of its zone have changed since that slot was worked out
            with self._app.store.write() as connection:
                slots.put_off(connection, due, cron.next(due.settled_until))
            return None
        plan = _Plan(last, cron.next(last.slot))
        if not definition.catch_up and (late := now - last.slot) > LATE:
            return replace(plan, reason=f"no worker was there until {late:.0f} s later, and it does not catch up")
        try:
            job = job_of(definition, self._app.registry, self._app.settings)
            return replace(plan, job=accompanied(self._app.registry, job))
        except PfdError as error:
            reason = error.message
        except Exception as error:  # a validator is code of a plugin, and can raise anything
            reason = f"{type(error).__name__}: {error}"
        return self._give_up(due, replace(plan, reason=reason))

    def _give_up(self, due: Due, plan: _Plan) -> _Plan | None:
        """A plan without a job, once others have had time enough: they may have the plugin, or the version, for it."""
        since = self._left_to_others.setdefault(_key(due), time.monotonic())
        return plan if time.monotonic() - since > 2 * self._app.settings.lease else None

    def _settle(self, due: Due, plan: _Plan) -> None:
        slot = plan.last.slot
        with self._app.store.write() as connection:
            if not slots.take(connection, due, slot, plan.following, plan.last.before):
                return
            settled = self._fire(connection, due, plan)
            slots.note(connection, due, slot, settled.outcome, settled.reason, settled.job_id)
        name, when = due.definition.name, datetime.fromtimestamp(slot, UTC).isoformat()
        if plan.job is None or settled.submitted is None:
            level = logging.INFO if settled.outcome is SlotOutcome.SKIPPED else logging.WARNING
            log.log(level, "schedule %s: no job for %s: %s", name, when, settled.reason)
        else:
            log.info("schedule %s: job %s for %s", name, settled.submitted.id[:8], when)
            publish_submitted(self._app, [(plan.job, settled.submitted)])

    def _fire(self, connection: Connection, due: Due, plan: _Plan) -> _Settled:
        if plan.job is None:
            return _Settled(SlotOutcome.MISSED, plan.reason)
        if due.definition.overlap == "skip" and due.job_id is not None and slots.is_live(connection, due.job_id):
            return _Settled(SlotOutcome.SKIPPED, f"job {due.job_id[:8]} of an earlier slot has not ended")
        try:
            with connection.begin_nested():
                submitted = jobs.insert(connection, plan.job)
        except KeyConflict as error:
            return _Settled(SlotOutcome.SKIPPED, error.message)
        except StoreError:
            raise
        except PfdError as error:  # its row cannot be made
            return _Settled(SlotOutcome.MISSED, error.message)
        if not submitted.fresh:
            return _Settled(SlotOutcome.SKIPPED, f"job {submitted.id[:8]} of key {plan.job.key!r} has not ended")
        return _Settled(SlotOutcome.FIRED, submitted=submitted)


def _key(due: Due) -> tuple[int, int, int]:
    return due.seq, due.revision, due.settled_until

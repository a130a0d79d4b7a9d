"""When a schedule falls due: a cron expression, read by the wall clock of a time zone.

The expression is that of Debian's cron, with five fields (minute, hour, day of the month, month, day of the week), or
with six where seconds stand first.

Where the clock of a zone is set back or forward, an expression that picks hours follows the wall clock: each time of
it comes once.  Of a time that the clock shows twice the first is meant; times that the clock leaves out come together,
once, at the first moment after the gap.  An expression for every hour keeps its pace: nothing is left out, and nothing
waits, where a clock is set.
"""

from __future__ import annotations

import functools
import itertools
import math
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pfd.errors import ParameterError
from pfd.hints import Hint

MAX_EXPRESSION, MAX_ZONE = 200, 64
"""Characters of an expression, and of the name of a zone."""

DAY = 86400

MOST = 1000
"""Slots that are gone through one by one, however many were missed: some milliseconds of work."""

_FIELDS = "five fields: minute, hour, day of the month, month, day of the week; or six, with seconds before them"


@dataclass(frozen=True)
class Last:
    """The last slot of a span of time, and how many there are before it: `MOST` stands for so many or more."""

    slot: int
    before: int


@dataclass(frozen=True)
class Cron:
    """The slots of an expression in a zone.  A slot is a moment in whole seconds since the epoch.

    Raises `ParameterError` for an expression or a zone that there is not.
    """

    expression: str
    zone: str

    def __post_init__(self) -> None:
        if problems := tuple(cron_problems(self.expression, self.zone)):
            raise ParameterError("; ".join(problems), problems=problems)

    def after(self, moment: float) -> Iterator[int]:
        """The slots later than a moment, in order.  It ends where none comes within fifty years."""
        from cronsim import CronSim

        zone = _zone(self.zone)
        since = math.floor(moment)
        every_hour = len(CronSim(self.expression, _wall(since, zone)).hours) == 24
        return _as_shown(self.expression, since, zone) if every_hour else _each_once(self.expression, since, zone)

    def next(self, moment: float) -> int | None:
        """The first slot later than a moment, or None where none comes within fifty years."""
        return next(self.after(moment), None)

    def last(self, after: int, until: float) -> Last | None:
        """The last slot later than `after` and not later than `until`, or None where there is none."""
        found = list(itertools.islice(self._between(after, until), MOST + 1))
        if len(found) <= MOST:
            return Last(found[-1], len(found) - 1) if found else None
        span = 60
        while True:  # there are more than a few: looked for near the end, ever further back
            slot = None
            for slot in self._between(max(after, until - span), until):  # noqa: B007  (the last one)
                pass
            if slot is not None:
                return Last(slot, MOST)
            span *= 4

    def _between(self, after: float, until: float) -> Iterator[int]:
        return itertools.takewhile(lambda slot: slot <= until, self.after(after))


def explain(expression: str) -> str:
    """An expression in words."""
    from cronsim import CronSim

    return CronSim(expression, datetime.now(UTC)).explain()


def cron_problems(expression: object, zone: object) -> Iterator[str]:
    """What is wrong with an expression and a zone."""
    yield from _expression_problems(expression)
    if not isinstance(zone, str) or not 0 < len(zone) <= MAX_ZONE:
        yield f"zone: the name of a time zone is needed, such as Europe/Berlin, of 1 to {MAX_ZONE} characters"
        return
    try:
        _zone(zone)
    except (KeyError, ValueError, OSError):  # not there; not a name; the name of a folder of zones
        near = Hint.did_you_mean(zone, sorted(zoneinfo.available_timezones()))
        yield f"zone={zone!r}: there is no such time zone" + (f"; {near}" if near else "")


def _expression_problems(expression: object) -> Iterator[str]:
    from cronsim import CronSim, CronSimError

    if not isinstance(expression, str) or not 0 < len(expression) <= MAX_EXPRESSION:
        yield f"cron: a text of 1 to {MAX_EXPRESSION} characters is needed"
        return
    try:
        if next(CronSim(expression, datetime.now(UTC)), None) is None:
            yield f"cron={expression!r}: never comes"
    except CronSimError as error:
        reason = str(error)
        yield f"cron={expression!r}: {reason[:1].lower()}{reason[1:]}; it has {_FIELDS}"


@functools.lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _each_once(expression: str, moment: int, zone: ZoneInfo) -> Iterator[int]:
    """Slots later than a moment, one for each time of the wall clock that matches."""
    from cronsim import CronSim

    for wall in CronSim(expression, _wall(moment, zone)):
        slot = _first(wall, zone)
        if slot > moment:  # and not one that has come before, for another time of the same gap
            yield slot
            moment = slot


def _as_shown(expression: str, moment: int, zone: ZoneInfo) -> Iterator[int]:
    """Slots later than a moment, one whenever the wall clock shows a time that matches."""
    from cronsim import CronSim

    while True:
        offset = _offset(moment + 1, zone)
        set_at = None
        for wall in CronSim(expression, datetime.fromtimestamp(moment + offset, UTC).replace(tzinfo=None)):
            slot = int(wall.replace(tzinfo=UTC).timestamp()) - offset
            if (set_at := _next_change(moment + 1, slot, zone)) is not None:
                break
            yield slot
            moment = slot
        if set_at is None:
            return
        moment = set_at - 1  # from there on the clock shows something else


def _wall(moment: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None)


def _first(wall: datetime, zone: ZoneInfo) -> int:
    """When the wall clock of a zone shows a time first; or passes it, where it leaves it out."""
    aware = wall.replace(tzinfo=zone)
    moment = int(aware.timestamp())
    if _wall(moment, zone) == wall:
        return moment
    # Read with the offset from after the gap a time in it lies before it, and with that from before it behind it.
    passed = _next_change(int(aware.replace(fold=1).timestamp()), moment, zone)
    assert passed is not None
    return passed


def _offset(moment: int, zone: ZoneInfo) -> int:
    """Seconds by which the clock of a zone is ahead of UTC."""
    offset = datetime.fromtimestamp(moment, zone).utcoffset() or timedelta()
    return int(offset.total_seconds())


def _next_change(start: int, end: int, zone: ZoneInfo) -> int | None:
    """The first moment later than `start`, and up to `end`, at which the clock of a zone has been set; or None."""
    offset = _offset(start, zone)
    while start < end:
        late = min(start + DAY, end)
        if _offset(late, zone) != offset:
            while late - start > 1:
                middle = (start + late) // 2
                start, late = (middle, late) if _offset(middle, zone) == offset else (start, middle)
            return late
        start = late
    return None

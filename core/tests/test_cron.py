"""When a schedule falls due, by the wall clock of a zone: also where that is set back or forward."""

from __future__ import annotations

import itertools
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pfd import ParameterError
from pfd.schedules.cron import MOST, Cron, Last, cron_problems, explain

BERLIN = "Europe/Berlin"


def moment(text: str, zone: str = "UTC", fold: int = 0) -> int:
    """A time of the wall clock of a zone, in seconds since the epoch."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def following(expression: str, zone: str, after: str, number: int) -> list[str]:
    """The wall clock, and its distance from UTC, at the slots behind a time."""
    slots = itertools.islice(Cron(expression, zone).after(moment(after, zone)), number)
    return [datetime.fromtimestamp(slot, ZoneInfo(zone)).strftime("%d %H:%M %z") for slot in slots]


def test_a_slot_lies_behind_the_moment_and_slots_come_in_order() -> None:
    cron = Cron("*/20 * * * *", "UTC")
    noon = moment("2026-01-01T12:00")
    assert list(itertools.islice(cron.after(noon), 3)) == [noon + 1200, noon + 2400, noon + 3600]
    assert cron.next(noon - 1) == cron.next(noon - 0.5) == noon
    assert cron.next(noon + 0.5) == noon + 1200


def test_a_sixth_field_in_front_is_for_seconds() -> None:
    start = moment("2026-01-01T12:00")
    assert list(itertools.islice(Cron("*/15 * * * * *", BERLIN).after(start), 3)) == [
        start + 15,
        start + 30,
        start + 45,
    ]
    assert Cron("30 0 2 * * *", BERLIN).next(start) == moment("2026-01-02T02:00:30", BERLIN)


def test_the_wall_clock_of_the_zone_is_meant() -> None:
    assert Cron("30 2 * * *", BERLIN).next(moment("2026-07-01T12:00")) == moment("2026-07-02T00:30")
    assert Cron("30 2 * * *", BERLIN).next(moment("2026-01-01T12:00")) == moment("2026-01-02T01:30")
    assert Cron("0 0 1 * *", "Asia/Tokyo").next(moment("2026-01-15T00:00")) == moment("2026-01-31T15:00")


@pytest.mark.parametrize("seconds", ["", "0 "])
def test_a_time_that_the_clock_leaves_out_comes_at_the_end_of_the_gap_and_once(seconds: str) -> None:
    assert following(f"{seconds}30 2 * * *", BERLIN, "2026-03-28T00:00", 3) == [
        "28 02:30 +0100",
        "29 03:00 +0200",
        "30 02:30 +0200",
    ]
    # Several of them, and one that stands there anyway, come together.
    assert following(f"{seconds}*/20 2,3 * * *", BERLIN, "2026-03-29T00:00", 4) == [
        "29 03:00 +0200",
        "29 03:20 +0200",
        "29 03:40 +0200",
        "30 02:00 +0200",
    ]
    assert following(f"{seconds}30 */2 * * *", BERLIN, "2026-03-29T00:00", 4) == [
        "29 00:30 +0100",
        "29 03:00 +0200",
        "29 04:30 +0200",
        "29 06:30 +0200",
    ]


@pytest.mark.parametrize("seconds", ["", "0 "])
def test_a_time_that_the_clock_shows_twice_comes_the_first_time_and_once(seconds: str) -> None:
    assert following(f"{seconds}30 2 * * *", BERLIN, "2026-10-24T00:00", 3) == [
        "24 02:30 +0200",
        "25 02:30 +0200",
        "26 02:30 +0100",
    ]
    assert following(f"{seconds}*/30 2-3 * * *", BERLIN, "2026-10-25T00:00", 5) == [
        "25 02:00 +0200",
        "25 02:30 +0200",
        "25 03:00 +0100",
        "25 03:30 +0100",
        "26 02:00 +0100",
    ]


@pytest.mark.parametrize("hours", ["*", "0-23", "*/1"])
def test_every_hour_goes_on_whatever_is_done_to_the_clock(hours: str) -> None:
    assert following(f"30 {hours} * * *", BERLIN, "2026-10-25T01:00", 4) == [
        "25 01:30 +0200",
        "25 02:30 +0200",
        "25 02:30 +0100",
        "25 03:30 +0100",
    ]
    assert following(f"30 {hours} * * *", BERLIN, "2026-03-29T01:00", 3) == [
        "29 01:30 +0100",
        "29 03:30 +0200",
        "29 04:30 +0200",
    ]


def test_days_that_are_far_away_begin_when_they_do_there() -> None:
    assert following("0 * 1 1 *", BERLIN, "2026-06-01T00:00", 2) == ["01 00:00 +0100", "01 01:00 +0100"]
    assert following("0 * 1 7 *", BERLIN, "2026-12-01T00:00", 2) == ["01 00:00 +0200", "01 01:00 +0200"]
    assert following("0 0 29 2 *", BERLIN, "2026-12-01T00:00", 1) == ["29 00:00 +0100"]


def test_clocks_are_also_set_at_midnight_by_half_an_hour_and_by_a_day() -> None:
    assert following("0 0 * * *", "Africa/Cairo", "2026-04-22T12:00", 3) == [
        "23 00:00 +0200",
        "24 01:00 +0300",
        "25 00:00 +0300",
    ]
    assert following("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00", 2) == ["04 02:30 +1100", "05 02:15 +1100"]
    assert following("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00", 2) == ["05 01:45 +1100", "06 01:45 +1030"]
    assert following("0 0 * * *", "Pacific/Apia", "2011-12-28T12:00", 3) == [
        "29 00:00 -1000",
        "31 00:00 +1400",
        "01 00:00 +1400",
    ]


def test_in_the_second_pass_of_an_hour_what_came_in_the_first_is_past() -> None:
    cron = Cron("30 2 * * *", BERLIN)
    second = moment("2026-10-25T02:15", BERLIN, fold=1)
    assert cron.next(second) == moment("2026-10-26T02:30", BERLIN)
    assert cron.last(second - 86400, second) == Last(moment("2026-10-25T02:30", BERLIN), 0)


def test_of_a_span_the_last_slot_is_found_and_those_before_it_are_counted() -> None:
    cron = Cron("0 * * * *", "UTC")
    noon = moment("2026-01-01T12:00")
    assert cron.last(noon, noon + 3599) is None
    assert cron.last(noon, noon + 3600) == Last(noon + 3600, 0)
    assert cron.last(noon, noon + 5 * 3600 + 1) == Last(noon + 5 * 3600, 4)


@pytest.mark.parametrize("expression", ["* * * * * *", "* * * * *", "* * 9 * * *", "*/7 3 * * MON"])
def test_however_many_there_were_the_last_is_found_at_once(expression: str) -> None:
    cron = Cron(expression, BERLIN)
    until = moment("2026-10-25T14:00", BERLIN)
    began = time.monotonic()
    found = cron.last(until - 20 * 365 * 86400, until)
    assert time.monotonic() - began < 5.0  # twenty years of seconds would take an hour
    assert found is not None
    assert found.before == MOST
    assert found.slot <= until
    assert (cron.next(found.slot) or 0) > until


CHANGES = [
    (BERLIN, "2026-03-29"),
    (BERLIN, "2026-10-25"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Africa/Cairo", "2026-04-24"),
    ("Africa/Cairo", "2026-10-30"),
    ("America/Havana", "2026-11-01"),
]


def by_looking_at_each_minute(minutes: set[int], hours: set[int], zone: str, start: int, end: int) -> list[int]:
    """The slots of a span, found by watching the clock on the wall."""
    found: list[int] = []
    seen: set[datetime] = set()
    before = datetime.fromtimestamp(start, ZoneInfo(zone)).replace(tzinfo=None)
    for slot in range(start + 60, end + 1, 60):
        wall = datetime.fromtimestamp(slot, ZoneInfo(zone)).replace(tzinfo=None)
        shown = {wall}
        if len(hours) < 24:
            while (before := before + timedelta(minutes=1)) < wall:  # these were left out
                shown.add(before)
            shown -= seen
        seen |= shown
        before = wall
        if any(one.minute in minutes and one.hour in hours for one in shown):
            found.append(slot)
    return found


@settings(max_examples=100, deadline=None)
@example({30}, set(range(24)), ("Australia/Lord_Howe", "2026-04-05"), 91)
@given(
    st.sets(st.integers(0, 59), min_size=1, max_size=4),
    st.sets(st.integers(0, 23), min_size=1, max_size=6) | st.just(set(range(24))),
    st.sampled_from(CHANGES),
    st.integers(0, 1200),
)
def test_slots_are_those_of_the_clock_on_the_wall_where_it_is_set(
    minutes: set[int], hours: set[int], change: tuple[str, str], before: int
) -> None:
    zone, day = change
    start = moment(f"{day}T03:00", zone) - 60 * before
    fields = ",".join(map(str, minutes)), ",".join(map(str, hours))
    slots = Cron(f"{fields[0]} {fields[1]} * * *", zone).after(start)
    end = start + 36 * 3600
    wanted = by_looking_at_each_minute(minutes, hours, zone, start - 3 * 3600, end)
    assert list(itertools.takewhile(lambda slot: slot <= end, slots)) == [slot for slot in wanted if slot > start]


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("0123456789*/-,#LWMONJA?@ ²"), max_size=30))
def test_whatever_is_written_is_accepted_or_explained(expression: str) -> None:
    if not list(cron_problems(expression, BERLIN)):
        assert (Cron(expression, BERLIN).next(0.0) or 1) > 0


@pytest.mark.parametrize(
    ("expression", "zone", "said"),
    [
        ("61 * * * *", "UTC", "bad minute"),
        ("* * * *", "UTC", "wrong number of fields"),
        ("@daily", "UTC", "five fields: minute"),
        ("0 0 30 2 *", "UTC", "bad day-of-month"),
        ("* * */20 * 1L", "UTC", "never comes"),
        ("", "UTC", "1 to 200 characters"),
        ("* " * 101, "UTC", "1 to 200 characters"),
        (None, "UTC", "1 to 200 characters"),
        ("* * * * *", "Europe/Berln", "did you mean Europe/Berlin"),
        ("* * * * *", "America", "no such time zone"),
        ("* * * * *", "../etc/passwd", "no such time zone"),
        ("* * * * *", "\0", "no such time zone"),
        ("* * * * *", "", "the name of a time zone"),
        ("* * * * *", 1, "the name of a time zone"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_is_wrong(expression: object, zone: object, said: str) -> None:
    [problem] = cron_problems(expression, zone)
    assert said in problem
    with pytest.raises(ParameterError, match=said):
        Cron(expression, zone)  # type: ignore[arg-type]


def test_both_can_be_wrong_at_once() -> None:
    assert len(list(cron_problems("never", "Nowhere"))) == 2


def test_an_expression_can_be_said_in_words() -> None:
    assert explain("30 2 * * *") == "At 02:30 every day"
    assert explain("*/15 * * * * *") == "Every 15th second of every minute"

"""Looking for jobs: by time, text, tags and parameters, page by page."""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from core.tests.support.commands import Commands
from core.tests.test_display import Elements
from pfd import Dispatcher, JobList, ParameterError, PfdError, Settings, State, StoreUnavailable, Worker
from pfd.job import JobFailure
from pfd.plugins import Registry
from pfd.store import Store
from pfd.store.jobs import NewJob, describe_failure, insert
from pfd.store.schema import jobs
from pfd.submission.searching import a_moment


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    """A dispatcher on each kind of store, without a worker."""
    with Dispatcher(settings, registry=registry) as found:
        yield found


def change(dispatcher: Dispatcher, job_id: str, **values: Any) -> None:
    with dispatcher.store.write() as connection:
        connection.execute(jobs.update().where(jobs.c.id == job_id).values(**values))


def fail(dispatcher: Dispatcher, job_id: str, message: str, traceback: str = "Traceback: in a module") -> None:
    failure = describe_failure(JobFailure("ValueError", message, traceback))
    change(dispatcher, job_id, state=State.FAILURE, ended_at=time.time(), failure=failure)


def ids(found: JobList) -> list[str]:
    return [job.id for job in found]


# -- times --------------------------------------------------------------------------------------------------------


def test_jobs_are_found_by_when_they_were_submitted(dispatcher: Dispatcher) -> None:
    now = time.time()
    old, middle, new = (dispatcher.submit("add", {"a": 1}).id for _ in range(3))
    change(dispatcher, old, created_at=now - 3 * 86400)
    change(dispatcher, middle, created_at=now - 3600.0)
    yesterday = datetime.fromtimestamp(now - 86400, timezone(timedelta(hours=5)))
    for since in (now - 86400, yesterday, yesterday.isoformat(), "1d", "24 h", "1440min"):
        assert ids(dispatcher.jobs(since=since)) == [new, middle], since
        assert ids(dispatcher.jobs(until=since)) == [old], since
    assert ids(dispatcher.jobs(since="4d", until="30min")) == [middle, old]
    assert ids(dispatcher.jobs(since=now - 3600.0, until=now - 3600.0)) == []
    assert ids(dispatcher.jobs(since=now - 3600.0, until=now - 3599.9)) == [middle]


def test_a_span_is_taken_from_now() -> None:
    spans = {"90 s": 90, "5min": 300, "5m": 300, "2h": 7200, "1.5 h": 5400, "3d": 259_200, "1w": 604_800}
    assert {span: 1e9 - (a_moment("since", span, now=1e9) or 0.0) for span in spans} == spans


@pytest.mark.parametrize("odd", [True, float("nan"), "yesterday", "-2h", [], "9" * 400, "2h ago"])
def test_what_is_no_moment_is_refused(dispatcher: Dispatcher, odd: Any) -> None:
    with pytest.raises(ParameterError, match=r"since=.*is not a moment"):
        dispatcher.jobs(since=odd)


@pytest.mark.parametrize("naive", [datetime(2026, 1, 1), "2026-01-01", "2026-01-01T10:00:00"])  # noqa: DTZ001
def test_a_time_without_a_zone_is_refused(dispatcher: Dispatcher, naive: Any) -> None:
    with pytest.raises(ParameterError, match=r"until=2026-01-01.* has no time zone") as caught:
        dispatcher.jobs(until=naive)
    assert "datetime.now(UTC)" in str(caught.value.hint)


# -- text ---------------------------------------------------------------------------------------------------------


def test_jobs_are_found_by_a_part_of_their_task_status_or_message(dispatcher: Dispatcher) -> None:
    task = dispatcher.submit("nap").id
    status = dispatcher.submit("add", {"a": 1}).id
    message = dispatcher.submit("add", {"a": 1}).id
    change(dispatcher, status, status="Training epoch 50/100 at 100% of caf\u00e9")
    fail(dispatcher, message, 'no "left_half"\nof C:\\new in na\u00efve 50/99 \U0001f600')
    assert ids(dispatcher.jobs(text="nap")) == [task]
    for text in ("EPOCH 50/", "100%", "caf\u00e9"):
        assert ids(dispatcher.jobs(text=text)) == [status], text
    of_message = (
        "valueerror",
        'NO "LEFT_HALF"',
        "left_half",
        "\nof",
        "C:\\new",
        "\\new",
        "na\u00efve",
        "50/99",
        "\U0001f600",
    )
    for text in of_message:
        assert ids(dispatcher.jobs(text=text)) == [message], text
    assert ids(dispatcher.jobs(text="50/")) == [message, status]
    # What only seems to be there: wildcards, the names and escapes of JSON, and the traceback.
    seeming = ("left%half", "l_ft", "message", "type", "nof", "\tnew", "ew\n", "in a module", "\\\\new", "hint")
    for text in seeming:
        assert ids(dispatcher.jobs(text=text)) == [], text


def test_a_text_is_looked_for_among_what_else_is_asked(dispatcher: Dispatcher) -> None:
    handles = [dispatcher.submit("nap", tags=("red", f"t{number}")).id for number in range(3)]
    fail(dispatcher, handles[0], "too hot")
    fail(dispatcher, handles[1], "too cold")
    assert ids(dispatcher.jobs(text="TOO", tags=["red"])) == handles[1::-1]
    assert ids(dispatcher.jobs(text="hot", tags=["red", "t0"], state=["FAILURE", "REVOKED"])) == handles[:1]
    assert ids(dispatcher.jobs(text="hot", state="PENDING")) == []
    assert dispatcher.jobs(text="too", tags=["red"], state="FAILURE", limit=1).total == 2


# -- tags ---------------------------------------------------------------------------------------------------------


def test_jobs_are_found_by_all_of_several_tags(dispatcher: Dispatcher) -> None:
    both = dispatcher.submit("add", {"a": 1}, tags=("red", "blue")).id
    red = dispatcher.submit("add", {"a": 1}, tags=("red",)).id
    assert ids(dispatcher.jobs(tags=["red", "blue"])) == ids(dispatcher.jobs(tag="red", tags="blue")) == [both]
    assert ids(dispatcher.jobs(tags=["red", "red"])) == ids(dispatcher.jobs(tag="red")) == [red, both]
    assert ids(dispatcher.jobs(tags=["red", "green"])) == []
    assert ids(dispatcher.jobs(tags=())) == [red, both]
    assert ids(dispatcher.jobs(tags=["red", "blue"], task="add", state="PENDING", queue="default")) == [both]


# -- parameters ---------------------------------------------------------------------------------------------------


def test_jobs_are_found_by_parameters(dispatcher: Dispatcher) -> None:
    given: list[dict[str, Any]] = [
        {"a": 1, "x": 2, "on": True, "split": {"seed": 7, "parts": [1, {"b": None}]}, "name": 'a "q" \u00e9%'},
        {"a": 11, "x": 2.0, "on": 1, "split": {"seed": 71}, "seed": 7, "name": "A"},
        {"a": 1.5, "x": "2", "on": None, "big": 10**20, "zero": -0.0},
    ]
    handles = [dispatcher.submit("add", {"a": 1}).id for _ in given]
    for handle, params in zip(handles, given, strict=True):
        change(dispatcher, handle, params=json.dumps(params, separators=(",", ":")))
    change(dispatcher, dispatcher.submit("add", {"a": 1}).id, params='{"a":1')  # damaged

    def found(**params: Any) -> list[int]:
        return [handles.index(one) for one in ids(dispatcher.jobs(params=params))]

    assert found(a=1) == found(a=1.0) == [0]
    assert found(a=11) == [1]
    assert found(a=1.5) == [2]
    assert found(x=2) == [1, 0]
    assert found(x="2") == [2]
    assert found(on=True) == [0]
    assert found(on=1) == [1]
    assert found(on=None) == [2]
    assert found(nowhere=None) == []
    assert found(**{"split.seed": 7}) == [0]
    assert found(seed=7) == [1]
    assert found(split={"parts": (1, {"b": None}), "seed": 7.0}) == [0]
    assert found(**{"split.parts": [1, {"b": None}]}) == [0]
    assert found(**{"split.parts": [1]}) == []
    assert found(name='a "q" \u00e9%') == [0]
    assert found(name="A") == [1]
    assert found(name="a") == []
    assert found(big=1e20) == [2]
    assert found(zero=0) == [2]
    assert found(a=1, x=2) == [0]
    assert found(a=1, x="2") == []


def test_pages_of_jobs_with_a_parameter_are_whole_though_many_others_stand_between(dispatcher: Dispatcher) -> None:
    wanted: list[str] = []
    with dispatcher.store.write() as connection:
        for number in range(1000):
            # Every job has the name and value somewhere; every hundredth where it is looked for.
            params = {"seed": 5} if number % 100 == 0 else {"split": {"seed": 5}, "seed": 50}
            made = insert(connection, NewJob("add", "default", params))
            if number % 100 == 0:
                wanted.insert(0, made.id)
    first = dispatcher.jobs(params={"seed": 5}, limit=4)
    assert (ids(first), first.total) == (wanted[:4], 10)
    second = dispatcher.jobs(params={"seed": 5}, limit=4, before=first.next)
    last = dispatcher.jobs(params={"seed": 5}, limit=4, before=second.next)
    assert [*ids(second), *ids(last)] == wanted[4:]
    assert last.next is None
    assert len(dispatcher.jobs(params={"split.seed": 5}, limit=None)) == 990


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ([("a", 1)], "is not a mapping"),
        ({1: 2}, "1 is not a name"),
        ({"": 2}, "'' is not a name"),
        ({"a": object()}, "a=<object object.*not JSON"),
        ({"a": b"x"}, "not JSON"),
        ({str(number): 1 for number in range(40)}, "more than 32"),
    ],
)
def test_parameters_that_none_can_have_are_refused(dispatcher: Dispatcher, params: Any, said: str) -> None:
    with pytest.raises(ParameterError, match=f"params.*{said}"):
        dispatcher.jobs(params=params)


# -- states -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("success", "SUCCESS"),
        ("SUCESS", "SUCCESS"),
        ("done", "SUCCESS"),
        ("Failed", "FAILURE"),
        ("canceled", "REVOKED"),
        ("running", "PROGRESS or STARTED"),
        ("queued", "PENDING or RETRY"),
    ],
)
def test_a_state_that_there_is_not_names_the_choices_and_what_is_meant(
    dispatcher: Dispatcher, typed: str, meant: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        dispatcher.jobs(state=typed)
    choices = "PENDING, STARTED, PROGRESS, RETRY, SUCCESS, FAILURE, REVOKED"
    assert str(caught.value) == f"state={typed!r}: choose one of {choices}; did you mean {meant}?"


def test_a_state_like_no_other_names_the_choices_alone(dispatcher: Dispatcher) -> None:
    for odd in ("xyz", 5, object()):
        with pytest.raises(ParameterError, match=r"choose one of PENDING, .*, REVOKED$"):
            dispatcher.jobs(state=odd)  # type: ignore[arg-type]


# -- pages --------------------------------------------------------------------------------------------------------


def test_a_page_is_a_list_that_knows_the_next_one_and_how_many_there_are(dispatcher: Dispatcher) -> None:
    handles = [dispatcher.submit("add", {"a": 1}).id for _ in range(5)][::-1]
    whole = dispatcher.jobs()
    assert whole == list(whole) == [dispatcher.jobs(limit=5)[0], *whole[1:]]
    assert (whole.next, whole.total) == (None, 5)
    found, page = [], dispatcher.jobs(limit=2)
    while True:
        found += ids(page)
        assert page.total == 5
        if page.next is None:
            break
        page = dispatcher.jobs(limit=2, before=page.next)
    assert found == handles
    assert dispatcher.jobs(state="SUCCESS") == []
    assert (dispatcher.jobs(limit=0), dispatcher.jobs(limit=0).total, dispatcher.jobs(limit=0).next) == ([], 5, None)
    assert dispatcher.jobs(limit=None) == whole


def test_a_total_is_counted_when_it_is_asked_for_and_then_kept(dispatcher: Dispatcher) -> None:
    for _ in range(3):
        dispatcher.submit("add", {"a": 1})
    page = dispatcher.jobs(limit=1)
    dispatcher.submit("add", {"a": 1})
    assert page.total == 4
    dispatcher.submit("add", {"a": 1})
    assert page.total == 4


def test_a_job_and_a_page_of_them_are_json_as_the_command_line_prints_it(
    pfd: Commands, served: Settings, registry: Registry
) -> None:
    with Dispatcher(served, registry=registry) as dispatcher:
        with Worker(served, registry=registry):
            handle = dispatcher.submit("write_artifact", tags=("b", "a"))
            handle.get(60)
        whole, page = handle.job.to_dict(), dispatcher.jobs()
        assert json.loads(json.dumps(whole)) == whole
        assert (whole["result"], whole["tags"]) == ({"text": "plots/a.txt"}, ["a", "b"])
        assert whole["artifacts"] == [{"name": "plots/a.txt", "size": 5}]
        printed = pfd.json("job", handle.id)
        assert [file.pop("path").endswith("plots/a.txt") for file in printed["artifacts"]] == [True]
        assert {name: printed[name] for name in whole} == whole
        assert pfd.json("jobs") == page.to_dicts() == [page[0].to_dict()]
        assert set(whole) - set(page[0].to_dict()) == {"params", "options", "result"}
        assert whole["created_at"] == handle.job.created_at


def test_a_damaged_job_says_so_in_its_json(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    assert "damage" not in handle.job.to_dict()
    change(dispatcher, handle.id, params="{")
    assert list(handle.job.to_dict()["damage"]) == ["params"]


def test_a_page_is_a_table_of_pandas_with_times_as_timestamps(dispatcher: Dispatcher) -> None:
    import pandas as pd

    handles = [dispatcher.submit("add", {"a": 1}) for _ in range(2)]
    handles[0].revoke()
    table = dispatcher.jobs().to_pandas()
    assert list(table["id"]) == [handles[1].id, handles[0].id]
    assert list(table["state"]) == ["PENDING", "REVOKED"]
    assert table["created_at"][0] == pd.Timestamp(handles[1].job.created_at, unit="s", tz="UTC")
    assert list(table["ended_at"].isna()) == [True, False]
    assert str(table["started_at"].dtype).startswith("datetime64")
    assert len(dispatcher.jobs(state="SUCCESS").to_pandas()) == 0


def test_a_table_without_pandas_says_what_to_install(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(PfdError, match="needs pandas") as caught:
        dispatcher.jobs().to_pandas()
    assert caught.value.hint == "pip install pandas"


def test_a_page_is_shown_as_a_table_in_which_no_text_is_markup(dispatcher: Dispatcher) -> None:
    nasty = "<script>alert(1)</script>\x1b[2J"
    for _ in range(3):
        fail(dispatcher, dispatcher.submit("add", {"a": 1}).id, nasty)
    page = dispatcher.jobs(limit=2)
    shown = Elements(page._repr_html_())
    assert not shown.open
    assert {"script"}.isdisjoint(shown.elements)
    assert shown.elements.count("tr") == 3
    assert f"2 of 3 jobs; the next: before={page.next}" in shown.text
    lines = repr(page).splitlines()
    assert [line.split()[:3] for line in lines[1:-1]] == [[one[:8], "add", "FAILURE"] for one in ids(page)]
    assert lines[0].split() == ["id", "task", "state", "done", "status", "queue", "age"]
    assert lines[-1] == f"2 of 3 jobs; the next: before={page.next}"
    assert "\x1b" not in repr(page) + page._repr_html_()
    assert repr(dispatcher.jobs(state="SUCCESS")) == "0 of 0 jobs"
    assert Elements(dispatcher.jobs(state="SUCCESS")._repr_html_()).text == "0 of 0 jobs"


def test_a_page_is_shown_while_the_store_is_away(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        dispatcher.submit("add", {"a": 1})
    page = dispatcher.jobs(limit=1)

    def away(_: Store) -> None:
        raise StoreUnavailable("it is away")

    monkeypatch.setattr(Store, "read", away)
    assert repr(page).splitlines()[-1] == "1 job; all cannot be counted: it is away"


# -- the command line ---------------------------------------------------------------------------------------------


def test_the_command_line_looks_for_jobs_in_the_same_ways(pfd: Commands, served: Settings, registry: Registry) -> None:
    with Dispatcher(served, registry=registry) as dispatcher:
        old = dispatcher.submit("add", {"a": 1}, tags=("red", "blue")).id
        change(dispatcher, old, created_at=time.time() - 86400)
        new = dispatcher.submit("nap", {"seconds": 0.5, "witness": "5"}, tags=("red",)).id
    today = (datetime.now() - timedelta(hours=1)).isoformat(" ", "seconds")  # noqa: DTZ005  (as it is typed)

    def listed(*words: str) -> list[str]:
        return [job["id"] for job in pfd.json("jobs", *words)]

    assert listed("--since", "2h") == listed("--since", today) == listed("--since", f"{time.time() - 60:.0f}") == [new]
    assert listed("--until", "2h") == listed("--until", today) == [old]
    assert listed("--tag", "red") == [new, old]
    assert listed("--tag", "red", "--tag", "blue") == listed("--text", "ADD") == listed("--param", "a=1") == [old]
    assert listed("--param", "seconds=0.5", "--param", 'witness="5"') == [new]
    assert listed("--param", "witness=5") == []
    shown = pfd("jobs", "--tag", "red", "--text", "a", "--param", "a=1", "--since", "3d", "--limit", "1")
    assert shown.err == ""
    shown = pfd("jobs", "--tag", "red", "--since", "3d", "--limit", "1")
    assert shown.err.strip() == f"1 of 2; the next: pfd jobs --tag red --since 3d --limit 1 --before {new}"
    for words, said in ((("--since", "noon"), "is not a moment"), (("--param", "a"), "not of the form key=value")):
        refused = pfd("jobs", *words)
        assert refused.code == 2
        assert said in refused.err
    assert pfd("jobs", "--since", "1h", "prune").code == 2


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_page_can_be_copied(dispatcher: Dispatcher, copied: Callable[[JobList], JobList]) -> None:
    for number in range(3):
        dispatcher.submit("add", {"a": number})
    page = dispatcher.jobs(limit=2)
    other = copied(page)
    assert (other, other.next) == (page, page.next)
    with pytest.raises(PfdError, match="copied before its jobs were counted"):
        _ = other.total
    assert page.total == 3
    assert copied(page).total == 3

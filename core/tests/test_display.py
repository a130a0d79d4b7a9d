"""A job as a notebook shows it."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from core.tests.support.jobs import JOB
from pfd import State
from pfd.client.display import handle_html, handle_text
from pfd.job import JobFailure


class Elements(HTMLParser):
    """What a browser would make of a text: its elements, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("state", list(State))
def test_a_job_in_any_state_is_a_well_formed_table_that_says_so(state: State) -> None:
    shown = Elements(handle_html(replace(JOB, state=state, ended_at=173.0)))
    assert not shown.open
    assert shown.elements[0] == "table"
    for word in ("nap", "3f2a91c0", state.value, "1:13"):
        assert word in shown.text


def test_texts_of_a_task_are_no_markup() -> None:
    nasty = "<script>alert(1)</script> & <img src=x onerror=y>"
    for job in (
        replace(JOB, status=nasty),
        replace(JOB, state=State.FAILURE, ended_at=101.0, failure=JobFailure("ValueError", nasty)),
    ):
        shown = Elements(handle_html(job))
        assert {"script", "img"}.isdisjoint(shown.elements)
        assert nasty in shown.text


def test_a_queued_job_says_what_it_waits_for() -> None:
    queued = replace(JOB, state=State.PENDING, waiting=2, started_at=None, progress=0.0, status="")
    assert "waits for 2 other jobs" in handle_html(queued)
    assert handle_text(queued) == "nap  3f2a91c0  PENDING  0%  waits for 2 other jobs"


def test_the_text_is_one_line_whatever_the_status_holds() -> None:
    assert handle_text(replace(JOB, status="a\nb\tc", ended_at=101.0)) == "nap  3f2a91c0  PROGRESS  25%  a b c  0:01"

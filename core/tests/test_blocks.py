"""What a job is shown as: while it runs, and however it has ended."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.jobs import JOB
from core.tests.support.waiting import until
from pfd import Dispatcher, JobView, Settings, State, UnknownJob, Worker
from pfd.artifacts import place
from pfd.client.views import generic
from pfd.errors import ArtifactError, ParameterError
from pfd.plugins import Registry
from pfd.series.reader import merged
from pfd.series.writer import SeriesWriter, series_path
from pfd.store.schema import jobs
from pfd.views import BLOCKS, Block, Curve, Download, Figure, Metrics, Table, Warning, to_plotly  # noqa: A004

PATIENCE = 60.0


@pytest.fixture
def dispatcher(sqlite_settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(sqlite_settings, registry=registry) as found, Worker(sqlite_settings, slots=2, registry=registry):
        yield found


def only(blocks: tuple[Block, ...], kind: type[Any]) -> list[Any]:
    return [block for block in blocks if isinstance(block, kind)]


def metrics(blocks: tuple[Block, ...]) -> dict[str, Any]:
    return {item.name: item.value for block in only(blocks, Metrics) for item in block.items}


@pytest.mark.parametrize("task", ["show", "show_inline"])
def test_a_task_keeps_a_figure_a_table_and_a_series(dispatcher: Dispatcher, task: str) -> None:
    handle = dispatcher.submit(task)
    handle.get(PATIENCE)
    assert {"wave.figure.json", "scores.table.json", "scores.table.csv", "notes.txt"} <= dispatcher.artifacts(
        handle.id
    ).keys()
    assert dispatcher.series_names(handle.id) == ("training",)
    found = dispatcher.series(handle.id, "training")
    assert [point.step for point in found.points] == [0, 1, 2, 3, 4]
    assert found.points[4].values == {"train_loss": 0.2, "val_loss": 0.4, "accuracy": 0.8}
    assert dispatcher.series(handle.id, "training", found.cursor).points == ()


def test_the_blocks_of_a_result_hold_all_that_there_is_to_see(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("show")
    handle.get(PATIENCE)
    blocks = dispatcher.blocks(handle.id)
    assert [block.text for block in only(blocks, Warning)] == ["one bearing a class", "few windows of inner"]
    assert metrics(blocks) == {"accuracy": 0.75}
    by_title = {table.title: table for table in only(blocks, Table)}
    assert by_title["classes"].rows == (("inner", 0.5),)
    assert by_title[""].rows == (("a", 0.5),)
    kept, recorded = only(blocks, Figure)
    assert kept.title == "A wave"
    assert [(panel.title, [mark.name for mark in panel.marks]) for panel in recorded.panels] == [
        ("training: loss", ["train_loss", "val_loss"]),
        ("training: accuracy", ["accuracy"]),
    ]
    assert [block.artifact for block in only(blocks, Download)] == ["notes.txt", "scores.table.csv"]
    assert BLOCKS.validate_json(BLOCKS.dump_json(blocks)) == blocks
    for figure in (kept, recorded):
        assert to_plotly(figure)["data"]


def test_a_running_job_is_shown_as_far_as_it_is(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("show", {"then": "wait"})
    until(lambda: len(dispatcher.series(handle.id, "training").points) == 5)
    until(lambda: dispatcher.job(handle.id).status == "step 4")
    blocks = dispatcher.blocks(handle.id)
    assert metrics(blocks) == {"state": "PROGRESS", "done": 80.0, "status": "step 4", "loss": 0.2}
    assert [figure.title for figure in only(blocks, Figure)] == ["A wave", "Recorded so far"]
    assert "wave.figure.json" in dispatcher.artifacts(handle.id)
    dispatcher.cancel(handle.id)
    assert handle.wait(PATIENCE).state is State.REVOKED
    assert len(dispatcher.series(handle.id, "training").points) == 5


def test_a_job_that_failed_keeps_its_series_and_its_figures_and_says_why(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("show", {"then": "fail"})
    assert handle.wait(PATIENCE).state is State.FAILURE
    blocks = dispatcher.blocks(handle.id)
    assert only(blocks, Warning)[0].text == "ValueError: it did not converge"
    assert [figure.title for figure in only(blocks, Figure)] == ["A wave", "Recorded while the task ran"]


def test_a_series_survives_a_kill_and_the_run_after_it_goes_on(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("show", {"die_after": 3})
    assert handle.get(PATIENCE)["accuracy"] == 0.75
    steps = [point.step for point in dispatcher.series(handle.id, "training").points]
    assert steps == [0, 1, 2, 3, 2, 3, 4]
    assert [point.step for point in merged(dispatcher.series(handle.id, "training").points)] == [0, 1, 2, 3, 4]
    [figure] = [figure for figure in only(dispatcher.blocks(handle.id), Figure) if figure.title != "A wave"]
    assert figure.panels[0].marks[0].x == (0, 1, 2, 3, 4)


def test_a_job_that_waits_is_shown_as_waiting(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("show", countdown=3600)
    assert metrics(dispatcher.blocks(handle.id)) == {"state": "PENDING", "done": 0.0}
    assert dispatcher.artifacts(handle.id) == {}


def test_a_plugin_shows_its_own_blocks(dispatcher: Dispatcher) -> None:
    ended = dispatcher.submit("show_inline")
    ended.get(PATIENCE)
    shown, figure = dispatcher.blocks(ended.id)
    assert isinstance(shown, Metrics)
    assert (shown.items[0].value, figure.block) == (75.0, "figure")
    running = dispatcher.submit("show_inline", {"then": "wait"})
    until(lambda: len(dispatcher.series(running.id, "training").points) == 5)
    [text] = dispatcher.blocks(running.id)
    assert text.model_dump()["text"] in ("step 4, PROGRESS", "step 4, STARTED")
    dispatcher.cancel(running.id)


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ("note", r"the view of note cannot be made: KeyError: 'a\\x1b\[31mb' \(views\.py:\d+\)"),
        ("note_inline", r"the view of note_inline cannot be made: TypeError: .*:odd gave .* no block: block 0: .*"),
        ("where_am_i", r"the view of where_am_i cannot be made: SystemExit: [\w-]+ \(views\.py:\d+\)"),
        ("silence", r"the view of silence cannot be made: ValidationError: Metric: name: .* \(views\.py:\d+\)"),
    ],
)
def test_a_view_that_goes_wrong_is_a_warning_above_the_generic_one(
    dispatcher: Dispatcher, task: str, says: str
) -> None:
    handle = dispatcher.submit(task, {"text": "a\x1b[31mb"} if task.startswith("note") else {})
    handle.get(PATIENCE)
    blocks = dispatcher.blocks(handle.id)
    assert re.fullmatch(says, only(blocks, Warning)[0].text)
    assert len(blocks) > 1


def test_a_view_whose_code_is_not_installed_is_a_warning(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("note", countdown=3600)
    blocks = dispatcher.blocks(handle.id)
    assert "ModuleNotFoundError" in only(blocks, Warning)[0].text
    assert metrics(blocks)["state"] == "PENDING"


def test_a_figure_that_is_damaged_or_gone_hides_nothing_else(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("show")
    handle.get(PATIENCE)
    path = dispatcher.artifacts(handle.id)["wave.figure.json"]
    path.write_text("{")
    blocks = dispatcher.blocks(handle.id)
    assert "is no figure" in only(blocks, Warning)[-1].text
    assert metrics(blocks) == {"accuracy": 0.75}
    shutil.rmtree(path.parent)
    blocks = dispatcher.blocks(handle.id)
    assert len(only(blocks, Warning)) == 4
    assert metrics(blocks) == {"accuracy": 0.75}


def test_a_view_takes_what_is_there_and_says_what_is_damaged(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("show")
    handle.get(PATIENCE)
    view = JobView(dispatcher.job(handle.id), dispatcher.settings.home, dispatcher.plugins)
    assert [block.block for block in view.kept("wave", "no-such", "scores")] == ["figure", "table"]
    assert list(view.standing()) == []
    files = dispatcher.artifacts(handle.id)
    assert view.json("no-such.json") == view.json("notes.txt") == {}
    files["notes.txt"].write_text('{"accuracy": 0.5}')
    assert view.json("notes.txt") == {"accuracy": 0.5}
    for damaged in ("[1, 2]", "{", "[" * 100_000, ""):
        files["notes.txt"].write_text(damaged)
        assert view.json("notes.txt") == {}
    files["wave.figure.json"].write_text("{")
    [warning, _] = view.kept("wave", "scores")
    assert isinstance(warning, Warning)
    assert "is no figure" in warning.text


def test_a_name_in_a_row_leads_nowhere_outside(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("show")
    handle.get(PATIENCE)
    with dispatcher.store.write() as connection:
        connection.execute(jobs.update().values(artifacts='[["../../../../etc/passwd", 1]]'))
    assert dispatcher.artifacts(handle.id) == {}
    with pytest.raises(ArtifactError, match="leads outside"):
        place(dispatcher.settings.home, dispatcher.job(handle.id), "../../../../etc/passwd")
    assert metrics(dispatcher.blocks(handle.id)) == {"accuracy": 0.75}


def test_a_foreign_series_hides_nothing_else(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("show")
    handle.get(PATIENCE)
    path = dispatcher.log_path(handle.id).with_suffix(".series")
    with path.open("a") as file:
        file.write('["x",1,5.0,{"loss_ ":1," ":2}]\n')
    blocks = dispatcher.blocks(handle.id)
    assert metrics(blocks) == {"accuracy": 0.75}
    assert len(only(blocks, Figure)) == 2


def test_a_result_that_is_nested_deep_hides_nothing_else(dispatcher: Dispatcher) -> None:
    nested: Any = 1
    for _ in range(250):
        nested = {"in": nested}
    handle = dispatcher.submit("show")
    handle.get(PATIENCE)
    with dispatcher.store.write() as connection:
        connection.execute(jobs.update().values(result=json.dumps({"accuracy": 0.5, "deep": [nested]})))
    assert len(only(dispatcher.blocks(handle.id), Figure)) == 2


def test_what_lies_in_the_gap_of_a_log_is_told_once(dispatcher: Dispatcher, tmp_path: Path) -> None:
    handle = dispatcher.submit("print_much", {"size": 2_000_000})
    handle.get(PATIENCE)
    whole, cursor = b"", ""
    for _ in range(10_000):
        piece = dispatcher.log(handle.id, cursor, most=5_000)
        if not piece.data:
            break
        whole, cursor = whole + piece.data, piece.cursor
    assert whole.count(b"bytes left out") == 1
    assert dispatcher.log(handle.id, most=None).data == whole


def test_a_log_is_read_piece_by_piece_and_each_byte_once(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("print_much", {"size": 300_000})
    handle.get(PATIENCE)
    whole, cursor = b"", ""
    while True:
        piece = dispatcher.log(handle.id, cursor, most=10_000)
        if not piece.data:
            break
        whole, cursor = whole + piece.data, piece.cursor
    assert whole == dispatcher.log_path(handle.id).read_bytes()
    assert len(whole) >= 300_000


def test_a_cursor_of_another_log_is_refused_and_not_waited_on(dispatcher: Dispatcher) -> None:
    long, short, later = (dispatcher.submit("print_much", {"size": size}) for size in (30_000, 20, 40_000))
    for handle in (long, short, later):
        handle.get(PATIENCE)
    cursors = {handle: dispatcher.log(handle.id, most=None).cursor for handle in (long, short, later)}
    for handle, cursor in cursors.items():
        assert dispatcher.log(handle.id, cursor) == (b"", cursor)
    claim, at, head = cursors[short].split(":")
    beyond = {
        "beyond the end": f"{claim}:{int(at) + 1}:{head}",
        "beyond the end, behind a head": f"{claim}:{int(at) + 100}:{at}",
        "of a head that is beyond it": f"{claim}:{int(at) + 100}:{int(at) + 50}",
        "of a later run": f"{int(claim) + 100}:{at}:",
    }
    for cursor in beyond.values():
        with pytest.raises(ParameterError, match="of another log") as found:
            dispatcher.log(short.id, cursor)
        assert "begin anew" in str(found.value.hint)
    waiting = dispatcher.submit("add", {"a": 1}, countdown=3600)
    assert dispatcher.log(waiting.id, dispatcher.log(waiting.id).cursor).data == b""
    with pytest.raises(ParameterError, match="of another log"):
        dispatcher.log(waiting.id, cursors[long])


def test_what_went_beyond_all_bounds_is_a_gap_of_a_series(tmp_path: Path, registry: Registry) -> None:
    losses = (0.5, 1e99, 1e150, float("inf"), 0.25)
    writer = SeriesWriter(series_path(tmp_path / "logs" / JOB.id, 1), logging.getLogger("test"))
    for step, loss in enumerate(losses):
        writer.record("training", step, {"loss": loss})
    writer.close()
    [figure] = only(tuple(generic.blocks(JobView(JOB, tmp_path, registry))), Figure)
    [curve] = figure.panels[0].marks
    assert isinstance(curve, Curve)
    assert curve.y == (0.5, 1e99, None, None, 0.25)


@pytest.mark.parametrize("call", ["series", "log"])
def test_what_is_no_cursor_is_refused(dispatcher: Dispatcher, call: str) -> None:
    handle = dispatcher.submit("add", {"a": 1})
    with pytest.raises(ParameterError, match="no cursor"):
        dispatcher.log(handle.id, "x") if call == "log" else dispatcher.series(handle.id, "training", "x")
    with pytest.raises(UnknownJob):
        dispatcher.blocks("no-such-job")


def test_the_example_of_the_page_on_results_runs(
    served: Settings, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "show-results.md"
    [example] = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    example, number = re.subn(r"\"train_model_task\", \{.*\}", '"show", {"steps": 3}', example)
    assert number == 1
    exec(compile(example, str(page), "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert any(line.startswith("show ") for line in printed)
    assert "2 0.3333333333333333" in printed
    assert "A wave 1" in printed

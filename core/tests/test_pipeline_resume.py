"""Going on with a run of a pipeline, without doing again what has succeeded.  What was done is read from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.tests.support.crowd import at_once
from core.tests.support.stores import as_environment
from core.tests.support.waiting import lines
from pfd import Dispatcher, JobError, ParameterError, Settings, State, UnknownJob, Worker
from pfd.pipeline import Pipeline, Run
from pfd.plugins import Registry

Load = Callable[[str], Pipeline]

LINE = """
name = "a line"
[steps.before]
task = "nap_inline"
params = { seconds = 0, steps = 1, witness = "WITNESS" }
[steps.wall]
task = "fail_inline"
params = { kind = "${before.text}" }
[steps.behind]
task = "nap_inline"
params = { seconds = 0, steps = 1, witness = "WITNESS" }
after = ["wall"]
[steps.aside]
task = "add"
params = { a = 1, b = 2 }
[steps.beside]
task = "add"
params = { a = "${aside.value}" }
"""
"""A line of steps with one that fails in the middle, and two steps that have nothing to do with it."""

MENDED = ('task = "fail_inline"\nparams = { kind = "${before.text}" }', 'task = "nap_inline"\nafter = ["before"]')


@pytest.fixture
def dispatcher(settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(settings, registry=registry) as found:
        yield found


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    return tmp_path / "witness"


@pytest.fixture
def read(tmp_path: Path, witness: Path) -> Load:
    """Reads the text of a pipeline as a file."""

    def read(text: str) -> Pipeline:
        path = tmp_path / "line.toml"
        path.write_text(text.replace("WITNESS", str(witness)), encoding="utf-8")
        return Pipeline.load(path)

    return read


def ends(dispatcher: Dispatcher, registry: Registry, run: Run) -> dict[str, State]:
    """How the steps of a run end once there is a worker."""
    with Worker(dispatcher.settings, slots=2, registry=registry):
        return {name: handle.wait(60).state for name, handle in run.items()}


def mended(text: str) -> str:
    assert MENDED[0] in text
    return text.replace(*MENDED)


def test_what_succeeded_is_not_done_again(
    dispatcher: Dispatcher, registry: Registry, read: Load, witness: Path
) -> None:
    first = read(LINE).submit(dispatcher)
    states = ends(dispatcher, registry, first)
    assert (states["wall"], states["behind"]) == (State.FAILURE, State.REVOKED)
    assert lines(witness) == [f"{first['before'].id} begins"]

    again = read(mended(LINE)).resume(dispatcher)
    assert again.id == first.id
    assert again.kept == {"before", "aside", "beside"}
    assert all(again[name].id == first[name].id for name in again.kept)
    assert set(ends(dispatcher, registry, again).values()) == {State.SUCCESS}
    assert lines(witness) == [f"{first['before'].id} begins", f"{again['behind'].id} begins"]


def test_a_failed_step_is_tried_again_as_it_is_and_what_waited_for_it_with_it(
    dispatcher: Dispatcher, registry: Registry, read: Load
) -> None:
    first = read(LINE).submit(dispatcher)
    ends(dispatcher, registry, first)
    again = read(LINE).resume(dispatcher)
    assert set(again) - again.kept == {"wall", "behind"}
    states = ends(dispatcher, registry, again)
    assert (states["wall"], states["behind"]) == (State.FAILURE, State.REVOKED)
    assert len(dispatcher.jobs(tag=f"run:{first.id}")) == len(first) + 2


def test_a_step_that_was_changed_is_done_again_with_all_that_uses_it_and_with_results_of_what_is_kept(
    dispatcher: Dispatcher, registry: Registry, read: Load
) -> None:
    text = """
    [steps.data]
    task = "add"
    params = { a = 1, b = 2 }
    [steps.changed]
    task = "add"
    params = { a = "${data.value}", b = 10 }
    [steps.below]
    task = "add"
    params = { a = "${changed.value}", b = "${data.value}" }
    [steps.other]
    task = "add"
    params = { a = "${data.value}" }
    """
    first = read(text).submit(dispatcher)
    ends(dispatcher, registry, first)
    again = read(text.replace("b = 10", "b = 20")).resume(dispatcher)
    assert again.kept == {"data", "other"}
    ends(dispatcher, registry, again)
    assert again["below"].job.result == {"value": 3 + 20 + 3}
    # What it was before is still known to belong to this run.
    back = read(text.replace("[steps.other]", "[steps.more]\ntask = 'add'\nparams = { a = 5 }\n[steps.other]"))
    assert back.resume(dispatcher, again.id).kept == {"data", "changed", "below", "other"}


def test_a_step_whose_files_are_gone_is_done_again(dispatcher: Dispatcher, registry: Registry, read: Load) -> None:
    pipeline = read("[steps.draw]\ntask = 'write_artifact'\n[steps.wall]\ntask = 'fail_inline'\nafter = ['draw']\n")
    first = pipeline.submit(dispatcher)
    ends(dispatcher, registry, first)
    assert pipeline.resume(dispatcher).kept == {"draw"}
    [drawn] = first["draw"].artifacts.values()
    drawn.unlink()
    assert pipeline.resume(dispatcher).kept == set()


def test_a_cancelled_step_and_what_waited_for_it_are_submitted_anew(dispatcher: Dispatcher, read: Load) -> None:
    pipeline = read(LINE)
    first = pipeline.submit(dispatcher)
    first["wall"].revoke()
    assert first["behind"].state is State.REVOKED
    again = pipeline.resume(dispatcher)
    assert again.kept == {"before", "aside", "beside"}
    assert again["behind"].state is State.PENDING


def test_live_steps_are_kept_and_belong_to_who_resumes(dispatcher: Dispatcher, settings: Settings, read: Load) -> None:
    read(LINE)
    submit = """
        from pathlib import Path
        from pfd import Dispatcher
        from pfd.pipeline import Pipeline
        def work():
            return Pipeline.load(Path("LINE")).submit(Dispatcher()).id
    """
    path = str(settings.home.parent / "line.toml")
    [run_id] = at_once(1, submit.replace("LINE", path), as_environment(settings))
    before = {job.client_id for job in dispatcher.jobs(tag=f"run:{run_id}")}
    again = read(LINE).resume(dispatcher)
    assert again.kept == set(again)
    sessions = {handle.job.client_id for handle in again.values()}
    assert sessions == {dispatcher.submit("add", {"a": 1}).job.client_id}
    assert sessions.isdisjoint(before)


def test_a_live_job_that_no_step_wants_any_more_is_cancelled(dispatcher: Dispatcher, read: Load) -> None:
    first = read(LINE).submit(dispatcher)
    again = read(LINE.replace("b = 2", "b = 3")).resume(dispatcher)
    assert set(again) - again.kept == {"aside", "beside"}
    assert first["aside"].state is State.REVOKED
    assert first["beside"].state is State.REVOKED
    assert again["aside"].state is State.PENDING


def test_a_job_that_was_tried_again_by_hand_belongs_to_the_run(
    dispatcher: Dispatcher, registry: Registry, settings: Settings, read: Load
) -> None:
    needed = settings.home / "needed"
    pipeline = read(
        f"[steps.wall]\ntask = 'read_path'\nparams = {{ path = '{needed}' }}\n"
        "[steps.behind]\ntask = 'nap_inline'\nparams = { seconds = 0, steps = 1, witness = '${wall.text}' }\n"
    )
    first = pipeline.submit(dispatcher)
    assert ends(dispatcher, registry, first) == {"wall": State.FAILURE, "behind": State.REVOKED}
    needed.write_text(str(settings.home / "witness"))
    by_hand = dispatcher.retry(first["wall"].id)
    with Worker(dispatcher.settings, registry=registry):
        assert by_hand.wait(60).state is State.SUCCESS
    again = pipeline.resume(dispatcher)
    assert again.kept == {"wall"}
    assert again["wall"].id == by_hand.id
    assert set(ends(dispatcher, registry, again).values()) == {State.SUCCESS}
    assert lines(settings.home / "witness") == [f"{again['behind'].id} begins"]


def test_of_several_that_resume_at_once_one_submits_and_the_others_join(
    dispatcher: Dispatcher, settings: Settings, read: Load
) -> None:
    pipeline = read(LINE)
    first = pipeline.submit(dispatcher)
    first["before"].revoke()
    prepare = """
        from pathlib import Path
        from pfd import Dispatcher
        from pfd.pipeline import Pipeline
        def work():
            return Pipeline.load(Path("LINE")).resume(Dispatcher())["behind"].id
    """
    found = at_once(4, prepare.replace("LINE", str(settings.home.parent / "line.toml")), as_environment(settings))
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len(dispatcher.jobs(tag=f"run:{first.id}")) == len(first) + 3


def test_the_latest_run_is_meant_and_an_earlier_one_by_its_id_or_by_one_of_its_jobs(
    dispatcher: Dispatcher, read: Load
) -> None:
    pipeline = read(LINE)
    runs = [pipeline.submit(dispatcher) for _ in range(2)]
    assert pipeline.resume(dispatcher).id == runs[1].id
    assert pipeline.resume(dispatcher, runs[0].id).id == runs[0].id
    assert pipeline.resume(dispatcher, runs[0]["wall"].id[:13]).id == runs[0].id


def test_runs_of_pipelines_with_long_names_that_begin_alike_are_told_apart(dispatcher: Dispatcher, read: Load) -> None:
    names = ["the same beginning " * 20 + end for end in ("one", "two")]
    pipelines = [read(LINE.replace("a line", name)) for name in names]
    first = pipelines[0].submit(dispatcher)
    with pytest.raises(UnknownJob, match="has not been run: there is nothing to resume"):
        pipelines[1].resume(dispatcher)
    assert pipelines[0].resume(dispatcher).id == first.id


def test_nothing_is_resumed_where_all_has_succeeded(dispatcher: Dispatcher, registry: Registry, read: Load) -> None:
    pipeline = read("[steps.only]\ntask = 'add'\nparams = { a = 1 }\n")
    run = pipeline.submit(dispatcher)
    ends(dispatcher, registry, run)
    with pytest.raises(JobError, match=f"all steps of run {run.id} have succeeded: there is nothing to resume"):
        pipeline.resume(dispatcher)


def test_what_is_no_run_of_this_pipeline_is_not_resumed(dispatcher: Dispatcher, read: Load) -> None:
    pipeline = read(LINE)
    with pytest.raises(UnknownJob, match="pipeline 'a line' has not been run"):
        pipeline.resume(dispatcher)
    with pytest.raises(UnknownJob, match="there is no run abcdef, and no job abcdef"):
        pipeline.resume(dispatcher, "abcdef")
    with pytest.raises(UnknownJob, match=r"there is no run '\\x00'"):
        pipeline.resume(dispatcher, "\x00")
    alone = dispatcher.submit("add", {"a": 1})
    with pytest.raises(JobError, match="is not a step of a pipeline"):
        pipeline.resume(dispatcher, alone.id)
    other = read(LINE.replace("a line", "another")).submit(dispatcher)
    with pytest.raises(JobError, match=f"run {other.id} is one of pipeline 'another', and not of 'a line'"):
        pipeline.resume(dispatcher, other.id)


def test_a_pipeline_with_a_mistake_is_not_resumed(dispatcher: Dispatcher, read: Load) -> None:
    first = read(LINE).submit(dispatcher)
    first["before"].revoke()
    with pytest.raises(ParameterError, match="aside: a=-1"):
        read(LINE.replace("a = 1", "a = -1")).resume(dispatcher)
    assert len(dispatcher.jobs(tag=f"run:{first.id}")) == len(first)

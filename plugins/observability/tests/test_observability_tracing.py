"""Traces from the submission of a job to its end, as they arrive at a collector."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, get_current_span, use_span

from core.tests.support.commands import program, start
from core.tests.support.stores import as_environment
from core.tests.support.waiting import until
from pfd import Dispatcher, PipelineSubmission, PipelineSubmitted, Settings, SettingsError, State, StoreError
from pfd.plugins import Registry, load_registry
from pfd_plugin_observability import tracing
from tests.support.collector import Collector, Seen, collecting

PATIENCE = 60.0


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


class Scene:
    """Programs that export to a collector."""

    def __init__(self, settings: Settings, collector: Collector, registry: Registry) -> None:
        self.variables = as_environment(settings) | collector.variables
        self.collector = collector
        self.reader = Dispatcher(settings, registry=registry)

    @contextlib.contextmanager
    def worker(self) -> Iterator[subprocess.Popen[str]]:
        process = start("worker", **self.variables, OTEL_SERVICE_NAME="the worker")
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()

    def submit(self, *words: str) -> str:
        """Submit by the command line; the id of the job."""
        ran = program("submit", *words, **self.variables, OTEL_SERVICE_NAME="the client")
        assert ran.code == 0, ran
        return ran.out.strip()

    def await_span(self, name: str, number: int = 1) -> list[Seen]:
        until(lambda: len(self.collector.named(name)) >= number, f"{number} spans {name!r}", PATIENCE)
        return self.collector.named(name)


@pytest.fixture
def scene(sqlite_settings: Settings, collector: Collector, registry: Registry) -> Iterator[Scene]:
    made = Scene(sqlite_settings, collector, registry)
    yield made
    made.reader.close()


def test_one_trace_leads_from_the_submission_through_the_run_to_what_the_task_does_and_its_children(
    scene: Scene,
) -> None:
    with scene.worker():
        job = scene.submit("make_span")
        result = scene.reader.handle(job).get(PATIENCE)
        [submit], [run] = scene.await_span("submit make_span"), scene.await_span("run make_span")
        [inside], [child_submit] = scene.await_span("inside"), scene.await_span("submit add")
        [child_run] = scene.await_span("run add")
    assert len({span.trace for span in scene.collector.spans}) == 1
    assert submit.parent == ""
    assert [run.parent, inside.parent, child_submit.parent] == [submit.id, run.id, inside.id]
    assert child_run.parent == child_submit.id
    assert [submit.service, run.service, inside.service] == ["the client", "the worker", "the worker"]
    assert result["value"]["TRACEPARENT"].startswith(f"00-{run.trace}-{run.id}-")
    assert run.attributes["messaging.message.id"] == job
    assert run.attributes["messaging.destination.name"] == "default"
    assert (run.attributes["pfd.task"], run.attributes["pfd.attempt"]) == ("make_span", "1")
    assert (run.attributes["pfd.outcome"], run.failed) == ("success", False)


def test_the_span_of_a_task_in_the_workers_own_interpreter_has_its_place_too(scene: Scene) -> None:
    with scene.worker():
        scene.reader.handle(scene.submit("make_span_inline")).get(PATIENCE)
        [run], [inside] = scene.await_span("run make_span_inline"), scene.await_span("inside")
        assert inside.parent == run.id
        # And leaves it: the next job of that slot is in a trace of its own.
        scene.reader.handle(scene.submit("add", "a=1")).get(PATIENCE)
        for_next = [span for span in scene.await_span("run add", 2) if span.trace != run.trace]
        assert len(for_next) == 1


def test_each_attempt_has_a_span_with_what_went_wrong(scene: Scene) -> None:
    with scene.worker():
        job = scene.submit("fail", "kind=connection")
        assert scene.reader.handle(job).wait(PATIENCE).state is State.FAILURE
        runs = scene.await_span("run fail", 3)
    [submit] = scene.await_span("submit fail")
    assert {run.parent for run in runs} == {submit.id}
    assert [run.attributes["pfd.outcome"] for run in runs] == ["retry", "retry", "failure"]
    assert [run.attributes["pfd.attempt"] for run in runs] == ["1", "2", "3"]
    for run in runs:
        assert run.failed
        assert run.message == "ConnectionError: the other side hung up"
        assert run.events["exception"]["exception.type"] == "ConnectionError"
        assert "in fail" in run.events["exception"]["exception.stacktrace"]
    assert ["pfd.retry" in run.events for run in runs] == [True, True, False]


def test_a_job_whose_worker_was_killed_says_so_in_its_trace(scene: Scene) -> None:
    with scene.worker() as killed:
        job = scene.submit("nap", "seconds=2")
        until(lambda: scene.reader.job(job).state is State.PROGRESS)
        killed.kill()
        with scene.worker():
            # Only looked at: who waits with a handle would reclaim the job itself, and is not traced.
            until(lambda: scene.reader.job(job).state is State.SUCCESS, "it has run again", PATIENCE)
            [submit], [lost], [run] = map(scene.await_span, ("submit nap", "lost nap", "run nap"))
    assert lost.parent == run.parent == submit.id
    assert lost.failed
    assert "pfd.lost" in lost.events
    assert run.attributes["pfd.outcome"] == "success"


def test_a_cancel_shows_in_the_trace_whether_or_not_the_job_had_begun(scene: Scene) -> None:
    waiting = scene.submit("nap", "seconds=1")
    assert program("cancel", waiting, **scene.variables).code == 0
    [submit], [end] = scene.await_span("submit nap"), scene.await_span("revoked nap")
    assert (end.parent, end.failed, list(end.events)) == (submit.id, False, ["pfd.revoked"])
    with scene.worker():
        running = scene.submit("nap_inline", "seconds=8", "steps=400")
        until(lambda: scene.reader.job(running).state is State.PROGRESS)
        scene.reader.cancel(running)
        [run] = scene.await_span("run nap_inline")
    assert (run.attributes["pfd.outcome"], run.failed, list(run.events)) == ("revoked", False, ["pfd.revoked"])


def test_the_steps_of_a_pipeline_are_one_trace(scene: Scene, tmp_path: Path) -> None:
    file = tmp_path / "sums.toml"
    file.write_text(
        'name = "sums"\n[steps.one]\ntask = "add"\nparams.a = 1\n[steps.two]\ntask = "add"\nparams.a = 2\n',
        encoding="utf-8",
    )
    ran = program("run", str(file), **scene.variables)
    assert ran.code == 0, ran
    steps, runs = scene.await_span("submit add", 2), scene.await_span("run add", 2)
    [whole] = scene.await_span("submit sums")
    assert {span.parent for span in steps} == {whole.id}
    assert {span.parent for span in runs} == {span.id for span in steps}
    assert len({span.trace for span in scene.collector.spans}) == 1


def test_a_pipeline_that_could_not_be_stored_has_a_span_that_says_why(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", lambda: provider.get_tracer("test"))
    spans, submission = tracing.Tracing(), PipelineSubmission("sums", "1", sqlite_settings)
    outside = get_current_span()
    spans.pfd_before_pipeline(submission)
    assert get_current_span() is not outside
    spans.pfd_after_pipeline(PipelineSubmitted(submission, StoreError("it is away")))
    assert get_current_span() is outside
    [whole] = exporter.get_finished_spans()
    assert whole.name == "submit sums"
    assert whole.status.description == "StoreError: it is away"
    assert [event.name for event in whole.events] == ["exception"]


def test_a_worker_without_an_sdk_passes_the_trace_on(scene: Scene) -> None:
    scene.variables["OTEL_SDK_DISABLED"] = "false"
    job = scene.submit("make_span")
    scene.variables["OTEL_SDK_DISABLED"] = "true"
    with scene.worker():
        result = scene.reader.handle(job).get(PATIENCE)
    [submit] = scene.await_span("submit make_span")
    assert result["value"]["TRACEPARENT"].startswith(f"00-{submit.trace}-{submit.id}-")
    [child] = scene.reader.jobs(parent=job)
    assert scene.reader.job(child.id).options["carried"]["traceparent"].startswith(f"00-{submit.trace}-{submit.id}-")


def test_an_exporter_that_is_not_there_is_said_and_fails_no_job(scene: Scene) -> None:
    scene.variables["OTEL_TRACES_EXPORTER"] = "no_such_exporter"
    with scene.worker() as worker:
        ran = program("submit", "add_apart", "a=1", **scene.variables)
        assert ran.code == 0
        assert "spans are not exported" in ran.err
        assert scene.reader.handle(ran.out.strip()).get(PATIENCE) == {"value": 2}
        worker.send_signal(signal.SIGTERM)
        assert "spans are not exported" in worker.communicate(timeout=PATIENCE)[0]


def test_a_collector_that_is_away_holds_no_job_up(scene: Scene) -> None:
    scene.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"  # nobody listens there
    scene.variables["OTEL_EXPORTER_OTLP_TIMEOUT"] = "1"
    job = scene.submit("add", "a=1")
    with scene.worker():
        assert scene.reader.handle(job).get(PATIENCE) == {"value": 2}
        assert scene.reader.handle(scene.submit("make_span")).wait(PATIENCE).state is State.SUCCESS


def test_without_opentelemetry_the_setting_is_refused_and_what_lists_still_works(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tracing", "sdk"):
        monkeypatch.delitem(sys.modules, f"pfd_plugin_observability.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    traced = sqlite_settings.model_copy(update={"otel": True})
    with pytest.raises(SettingsError, match="otel is on") as caught:
        load_registry(traced)
    assert "pfd-core[otel]" in str(caught.value.hint)
    assert [record.status for record in load_registry(traced, only_list=True).records if record.tasks] == ["loaded"]


def test_nothing_of_opentelemetry_is_loaded_unless_asked_for(sqlite_settings: Settings) -> None:
    code = "import sys; from pfd import Dispatcher; Dispatcher().submit('add', {'a': 1}); print(*sys.modules)"
    variables = os.environ | as_environment(sqlite_settings)
    loaded = subprocess.check_output([sys.executable, "-c", code], env=variables, text=True).split()
    assert "pfd.submission.submit" in loaded
    assert [name for name in loaded if name.startswith(("opentelemetry", "prometheus_client"))] == []
    assert [name for name in loaded if name.startswith("pfd_plugin_observability.")] == [
        "pfd_plugin_observability.plugin"
    ]


def test_a_job_that_runs_in_its_caller_leaves_the_callers_own_span_where_it_was(sqlite_settings: Settings) -> None:
    mine = NonRecordingSpan(SpanContext(0x1234, 0x5678, is_remote=False, trace_flags=TraceFlags(1)))
    settings = sqlite_settings.model_copy(update={"runtime": "eager", "otel": True})
    with use_span(mine), Dispatcher(settings) as dispatcher:
        job = dispatcher.submit("add", {"a": 1})
        dispatcher.submit("fail_inline")
        assert get_current_span() is mine
        assert job.job.options["carried"]["traceparent"].split("-")[1] == f"{0x1234:032x}"
        assert job.successful()

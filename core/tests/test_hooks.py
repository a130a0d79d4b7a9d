"""Hooks around programs, workers and pipelines: what they are given, when, and what a refusal does."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.commands import Commands, program, start
from core.tests.support.stores import as_environment, make_settings
from core.tests.support.waiting import lines, until
from pfd import (
    Dispatcher,
    EventKind,
    JobEvent,
    JobStart,
    JobSubmission,
    PipelineSubmission,
    PipelineSubmitted,
    PluginsLoaded,
    Settings,
    SettingsError,
    State,
    StoreError,
    Sweep,
    Worker,
    WorkerStart,
    WorkerStop,
    hookimpl,
)
from pfd.pipeline import Pipeline, pipeline
from pfd.plugins import Registry, load_registry
from pfd.worker import worker as engine
from pfd_sample.records import Note

PATIENCE = 60.0


@contextlib.contextmanager
def listening(registry: Registry, *listeners: object) -> Iterator[None]:
    for one in listeners:
        registry.listen(type(one).__name__, one)
    try:
        yield
    finally:
        for one in listeners:
            registry.unlisten(one)


@pytest.fixture
def dispatcher(sqlite_settings: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Dispatcher(sqlite_settings, registry=registry) as found:
        yield found


# -- once plugins are loaded -----------------------------------------------------------------------------------------


class Traces:
    """Says that it makes traces; what it hears shows that it is called."""

    def __init__(self) -> None:
        self.heard: list[EventKind] = []

    @hookimpl
    def pfd_job_event(self, event: JobEvent) -> None:
        self.heard.append(event.kind)


@pytest.fixture
def when_loaded(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives the sample plugin an implementation of `pfd_loaded`."""
    import pfd_sample.plugin

    def give(function: Any) -> None:
        monkeypatch.setattr(pfd_sample.plugin, "pfd_loaded", hookimpl(function), raising=False)

    return give


def test_a_setting_that_a_listener_serves_is_accepted_and_the_listener_is_called(
    tmp_path: Path, when_loaded: Any
) -> None:
    traces = Traces()

    def pfd_loaded(loaded: PluginsLoaded) -> None:
        assert loaded.settings.otel
        loaded.serve("otel", traces)

    when_loaded(pfd_loaded)
    settings = make_settings(tmp_path / "home", otel=True, runtime="eager")
    with Dispatcher(settings) as dispatcher:
        assert dispatcher.submit("add", {"a": 1}).get() == {"value": 2}
    assert traces.heard[0] is EventKind.SUBMITTED


def test_a_setting_that_nothing_serves_is_refused_whatever_a_plugin_does_otherwise(
    tmp_path: Path, when_loaded: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def pfd_loaded(loaded: PluginsLoaded) -> None:
        loaded.listeners.listen("something else", Traces())
        raise ValueError("broken")

    when_loaded(pfd_loaded)
    with pytest.raises(SettingsError, match="otel is on, which asks for traces, and no plugin does that") as caught:
        load_registry(make_settings(tmp_path, otel=True))
    assert "pip install 'pfd-core[otel]'" in str(caught.value.hint)
    assert "PFD_OTEL=0" in str(caught.value.hint)
    assert "plugin sample: pfd_loaded raised" in caplog.text


def test_a_plugin_that_would_serve_a_setting_and_is_left_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"not loaded: .*sample") as caught:
        load_registry(make_settings(tmp_path, otel=True, plugins=(), disable_plugins=("sample", "observability")))
    assert "'pfd plugins'" in str(caught.value.hint)


def test_a_plugin_may_refuse_and_what_lists_still_works(
    tmp_path: Path, when_loaded: Any, served: Settings, pfd: Commands
) -> None:
    def pfd_loaded(loaded: PluginsLoaded) -> None:
        raise SettingsError("the rig is not known", hint="name it")

    when_loaded(pfd_loaded)
    with pytest.raises(SettingsError, match="the rig is not known"):
        load_registry(make_settings(tmp_path))
    assert "add" in load_registry(make_settings(tmp_path), only_list=True).tasks
    ran = pfd("submit", "add", "a=1")
    assert (ran.code, ran.out) == (2, "")
    assert "the rig is not known" in ran.err
    ran = pfd("plugins")
    assert ran.code == 0
    assert "sample" in ran.out
    assert "the rig is not known" in ran.err
    assert pfd("--help").code == 0


# -- programs --------------------------------------------------------------------------------------------------------


@pytest.mark.slow("two commands, a worker and its warm server")
def test_each_program_of_pfd_tells_that_it_begins_and_a_program_of_others_does_not(
    sqlite_settings: Settings, dispatcher: Dispatcher, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    variables = as_environment(sqlite_settings) | {"SAMPLE_TOLD": str(told)}
    dispatcher.submit("add_apart", {"a": 1}).revoke()
    assert lines(told) == []
    ran = program("submit", "add_apart", "a=1", **variables)
    assert lines(told) == ["command"]
    worker = start("worker", **variables)
    try:
        assert dispatcher.handle(ran.out.strip()).get(PATIENCE) == {"value": 2}
    finally:
        worker.terminate()
        worker.communicate(timeout=PATIENCE)
    assert lines(told) == ["command", "command", "warm server", "job"]


# -- workers ---------------------------------------------------------------------------------------------------------


class Watch:
    """Serves no metrics, but says so; `act` is what else it does at the start of a worker."""

    def __init__(self, act: Any = lambda _: None) -> None:
        self.starts: list[WorkerStart] = []
        self.stops: list[str] = []
        self._act = act

    @hookimpl
    def pfd_worker_start(self, start: WorkerStart) -> None:
        self.starts.append(start)
        start.metrics = "rig-7:9109"
        self._act(start)

    @hookimpl
    def pfd_worker_stop(self, stop: WorkerStop) -> None:
        self.stops.append(stop.worker.id)


def watched(settings: Settings) -> Settings:
    return settings.model_copy(update={"metrics": "127.0.0.1:0"})


def test_a_worker_is_told_of_with_its_signs_of_life_from_its_start_to_its_stop(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    watch = Watch()
    dispatcher.submit("add", {"a": 1}, queue="nobody")
    settings = watched(dispatcher.settings)
    with listening(registry, watch), Worker(settings, slots={"default": 2}, registry=registry) as worker:
        [begun] = watch.starts
        assert worker.engine is not None
        assert begun.worker.id == worker.engine.id
        assert (begun.worker.slots, begun.worker.serves_all) == ({"default": 2}, True)
        assert begun.tasks is registry.tasks
        until(lambda: begun.vitals.watching, "its heartbeat goes")
        assert begun.vitals.busy() == 0
        assert begun.vitals.watch_age < PATIENCE
        [info] = dispatcher.workers()
        assert info.metrics == "rig-7:9109"
        found = begun.read_store()
        assert found.jobs == {(State.PENDING, "add", "nobody"): 1}
        assert 0 < found.oldest_due["nobody"] < PATIENCE
        assert [one.id for one in found.workers] == [info.id]
        assert watch.stops == []
    assert watch.stops == [begun.worker.id]
    assert not begun.vitals.watching


def test_a_worker_that_a_plugin_refuses_does_not_begin_and_is_told_of_as_stopped(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    def refuse(_: WorkerStart) -> None:
        raise SettingsError("the rig is not known")

    first, refusing, later = Watch(), Watch(refuse), Watch()
    with listening(registry, first, refusing, later):
        with pytest.raises(SettingsError, match="the rig is not known"):
            Worker(dispatcher.settings, registry=registry).start()
        assert dispatcher.workers() == []
        assert (len(first.starts), len(refusing.starts), later.starts) == (1, 1, [])
        assert first.stops == refusing.stops == [first.starts[0].worker.id]


def test_a_plugin_that_raises_anything_else_holds_no_worker_up(
    dispatcher: Dispatcher, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: WorkerStart) -> None:
        raise ValueError("broken")

    with listening(registry, Watch(fail)), Worker(dispatcher.settings, registry=registry):
        assert dispatcher.submit("add", {"a": 1}).get(PATIENCE) == {"value": 2}
    assert "plugin Watch: pfd_worker_start raised" in caplog.text


def test_metrics_that_no_plugin_serves_keep_a_worker_from_starting(dispatcher: Dispatcher, registry: Registry) -> None:
    settings = watched(dispatcher.settings)
    with pytest.raises(SettingsError, match=r"metrics says where .* and no plugin does that") as caught:
        Worker(settings, registry=registry).start()
    assert "pip install 'pfd-core[metrics]'" in str(caught.value.hint)
    assert "PFD_METRICS empty" in str(caught.value.hint)
    assert dispatcher.workers() == []


def test_nor_are_they_asked_for_by_a_worker_of_one_program_alone(dispatcher: Dispatcher, registry: Registry) -> None:
    with Worker(watched(dispatcher.settings), client_id="mine", registry=registry):
        assert [info.metrics for info in dispatcher.workers()] == [None]


def test_open_files_that_a_plugin_needs_are_counted(dispatcher: Dispatcher, registry: Registry) -> None:
    def need(begun: WorkerStart) -> None:
        begun.descriptors += 10**9

    watch = Watch(need)
    with (
        listening(registry, watch),
        pytest.raises(SettingsError, match=r"slots? and plugins \(10{9}\) may need 1\d{9} open files"),
    ):
        Worker(dispatcher.settings, registry=registry).start()
    assert watch.stops == [watch.starts[0].worker.id]


def test_what_a_plugin_says_of_its_address_is_stored_as_far_as_it_can_be(
    settings: Settings, registry: Registry
) -> None:
    def lie(begun: WorkerStart) -> None:
        begun.metrics = "rig\0" + 500 * "x"

    with listening(registry, Watch(lie)), Worker(settings, registry=registry):
        with Dispatcher(settings, registry=registry) as reader:
            [info] = reader.workers()
        assert info.metrics is not None
        assert info.metrics.startswith("rig")
        assert "\0" not in info.metrics
        assert len(info.metrics) <= 300


# -- sweeps ----------------------------------------------------------------------------------------------------------


class Deliveries:
    """Work that must not be lost: a row for each of some jobs, one at a call, of which the first fails."""

    def __init__(self, job_ids: list[str]) -> None:
        self._job_ids = job_ids
        self.calls = 0
        self.inside: set[str] = set()
        self.twice = False
        self.held = threading.Event()
        self.held.set()

    @hookimpl
    def pfd_sweep(self, sweep: Sweep) -> None:
        self.calls += 1
        if self.calls == 1:
            raise ConnectionError("the other side hung up")
        self.twice |= sweep.worker.id in self.inside
        self.inside.add(sweep.worker.id)
        assert self.held.wait(PATIENCE)
        with sweep.session() as session:
            done = {note.job_id for note in session.query(Note)}
            if left := [job_id for job_id in self._job_ids if job_id not in done]:
                session.add(Note(job_id=left[0], text=sweep.worker.id))
        self.inside.remove(sweep.worker.id)


def notes(dispatcher: Dispatcher) -> dict[str, str]:
    """What is written of each job."""
    with dispatcher.store.session() as session:
        return {note.job_id: note.text for note in session.query(Note).order_by(Note.id)}


def test_work_of_a_sweep_is_done_again_and_again_whatever_it_raises(
    settings: Settings, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    with Dispatcher(settings, registry=registry) as dispatcher:
        job_ids = [dispatcher.submit("add", {"a": 1}, queue="nobody").id for _ in range(3)]
        work = Deliveries(job_ids)
        with listening(registry, work), Worker(settings, registry=registry) as worker:
            assert worker.engine is not None
            me = worker.engine.id
            until(lambda: len(notes(dispatcher)) == 3, "all of it is done")
        assert notes(dispatcher) == dict.fromkeys(job_ids, me)
        assert "plugin Deliveries: pfd_sweep raised" in caplog.text
        calls = work.calls
        assert calls >= 4
        with Worker(settings, registry=registry):
            time.sleep(3 * settings.sweep)
        assert work.calls == calls  # nobody listens any more


def test_no_work_of_a_sweep_goes_on_once_its_worker_has_stopped(dispatcher: Dispatcher, registry: Registry) -> None:
    work = Deliveries([])
    with listening(registry, work):
        with Worker(dispatcher.settings, registry=registry):
            until(lambda: work.calls > 1, "it is called")
        assert not work.inside
        calls = work.calls
        time.sleep(3 * dispatcher.settings.sweep)
        assert work.calls == calls


class Hangs:
    """Does not return from the hook that is named, until it is let go."""

    def __init__(self, hook: str) -> None:
        self._hook = hook
        self.go = threading.Event()

    def _hang(self, hook: str) -> None:
        if hook == self._hook:
            self.go.wait(PATIENCE)

    @hookimpl
    def pfd_worker_start(self, start: WorkerStart) -> None:
        self._hang("start")

    @hookimpl
    def pfd_worker_stop(self, stop: WorkerStop) -> None:
        self._hang("stop")


@pytest.mark.parametrize("hook", ["start", "stop"])
def test_a_plugin_that_hangs_keeps_no_worker_from_starting_or_stopping_and_is_named(
    dispatcher: Dispatcher,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    hook: str,
) -> None:
    monkeypatch.setattr(engine, f"{hook.upper()}_PATIENCE", 0.3)
    hangs, watch = Hangs(hook), Watch()
    with listening(registry, hangs, watch):
        with Worker(dispatcher.settings, registry=registry):
            assert dispatcher.submit("add", {"a": 1}).get(PATIENCE) == {"value": 2}
        assert len(watch.stops) == 1  # the others are told all the same
        assert f"plugin Hangs: pfd_worker_{hook} has not returned for 0.3 s" in caplog.text
        hangs.go.set()


@pytest.mark.parametrize(("name", "value"), [("metrics", 123), ("descriptors", "many"), ("descriptors", -1)])
def test_nonsense_from_a_plugin_is_named_and_left_out(
    dispatcher: Dispatcher, registry: Registry, caplog: pytest.LogCaptureFixture, name: str, value: Any
) -> None:
    def set_it(start: WorkerStart) -> None:
        setattr(start, name, value)

    with listening(registry, Watch(set_it)), Worker(dispatcher.settings, registry=registry):
        assert dispatcher.submit("add", {"a": 1}).get(PATIENCE) == {"value": 2}
    assert "plugin Watch: pfd_worker_start raised" in caplog.text
    assert f"{name}={value!r} is not a" in caplog.text


@pytest.mark.slow("a hook that hangs for two leases")
def test_work_of_a_sweep_that_hangs_costs_its_worker_neither_its_lease_nor_jobs(
    dispatcher: Dispatcher, registry: Registry
) -> None:
    job = dispatcher.submit("add", {"a": 1}, queue="nobody")
    work, settings = Deliveries([job.id]), dispatcher.settings
    work.held.clear()
    with listening(registry, work), Worker(settings, registry=registry) as one, Worker(settings, registry=registry):
        assert one.engine is not None
        until(lambda: len(work.inside) == 2, "it hangs in both")
        time.sleep(2 * settings.lease)
        assert len(dispatcher.workers()) == 2
        assert one.engine._heartbeat.vitals.leases_lost == 0
        assert dispatcher.submit("add", {"a": 1}).get(PATIENCE) == {"value": 2}
        work.held.set()
        until(lambda: list(notes(dispatcher)) == [job.id], "it goes on")
    assert not work.twice


# -- pipelines -------------------------------------------------------------------------------------------------------


class Pipelines:
    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    @hookimpl
    def pfd_before_pipeline(self, submission: PipelineSubmission) -> None:
        self.heard.append(("before", (submission.name, submission.run_id, threading.get_ident())))

    @hookimpl
    def pfd_before_submit(self, submission: JobSubmission) -> None:
        self.heard.append(("job", submission.task))

    @hookimpl
    def pfd_after_pipeline(self, submitted: PipelineSubmitted) -> None:
        it = submitted.submission
        self.heard.append(("after", (it.name, it.run_id, threading.get_ident())))
        self.heard.append(("error", submitted.error))


SUMS = 'name = "sums"\n[steps.one]\ntask = "add"\nparams.a = 1\n[steps.two]\ntask = "add"\nparams.a = 2\n'


def test_a_pipeline_is_told_of_before_and_after_its_steps_are_stored(
    dispatcher: Dispatcher, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sums.toml").write_text(SUMS, encoding="utf-8")
    sums, ear = Pipeline.load(tmp_path / "sums.toml"), Pipelines()
    with listening(registry, ear):
        run = sums.submit(dispatcher)
    it = ("sums", run.id, threading.get_ident())
    assert ear.heard == [("before", it), ("job", "add"), ("job", "add"), ("after", it), ("error", None)]
    away = StoreError("the store is away")

    def fail(*_: object, **__: object) -> None:
        raise away

    ear.heard.clear()
    monkeypatch.setattr(pipeline, "submit_prepared", fail)
    with listening(registry, ear), pytest.raises(StoreError, match="the store is away"):
        replace(sums).submit(dispatcher)
    assert [word for word, _ in ear.heard] == ["before", "after", "error"]
    assert ear.heard[-1] == ("error", away)


class Companion:
    """Keeps a text with each job, and hands it to the job's process."""

    @hookimpl
    def pfd_before_submit(self, submission: JobSubmission) -> None:
        submission.headers["word"] = f"{submission.task} of {submission.queue}"

    @hookimpl
    def pfd_before_job(self, start: JobStart) -> None:
        start.environment["OTEL_SERVICE_NAME"] = start.job.options["carried"]["word"]


def test_a_hook_can_have_a_text_kept_with_a_job_and_handed_to_its_process(
    sqlite_settings: Settings, registry: Registry
) -> None:
    companion = Companion()
    registry.listen("companion", companion)
    try:
        with Worker(sqlite_settings, registry=registry), Dispatcher(sqlite_settings, registry=registry) as dispatcher:
            result = dispatcher.submit("make_span").get(PATIENCE)
    finally:
        registry.unlisten(companion)
    assert result["value"]["OTEL_SERVICE_NAME"] == "make_span of default"

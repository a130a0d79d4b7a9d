"""OpenTelemetry: a trace from the submission of a job to its end, made through hooks.

Loaded only where the setting `otel` is on.  What is needed is the API; who wants spans to go anywhere brings the SDK
and an exporter.  The context is kept with the job, in the words of W3C, and handed to its process in the variables
TRACEPARENT, TRACESTATE and BAGGAGE.
"""

from __future__ import annotations

import importlib.metadata
import threading
from collections.abc import Mapping
from contextvars import Token
from dataclasses import dataclass
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from pfd import (
    EventKind,
    Job,
    JobEnd,
    JobEvent,
    JobFailure,
    JobStart,
    JobSubmission,
    PipelineSubmission,
    PipelineSubmitted,
    ProcessKind,
    ProcessStart,
    hookimpl,
)
from pfd_plugin_observability import sdk

VERSION = importlib.metadata.version("pfd-core")

MOST_OPEN = 10_000
"""Submissions whose end may be awaited at once: one that failed has none, and is forgotten in the end."""

_ENDS = frozenset(EventKind) - {EventKind.SUBMITTED, EventKind.CLAIMED}


@dataclass(frozen=True)
class _Run:
    claim: int | None
    span: Span
    token: Token[Context]
    thread: int


class Tracing:
    """Makes spans: `submit` where a job or a pipeline is submitted; below that `run` for each run, in its worker.

    A job that ends, or is lost, without a run of this process has a span without length.  Thread-safe.
    """

    def __init__(self) -> None:
        self._submitted: dict[str, Span] = {}
        self._runs: dict[str, _Run] = {}
        self._pipelines: dict[tuple[str, int], tuple[Span, Token[Context]]] = {}
        self._lock = threading.Lock()

    @hookimpl
    def pfd_process_start(self, start: ProcessStart) -> None:
        """Have the spans of a program of PFD exported, and the process of a job be part of its run."""
        if start.kind is ProcessKind.WARM_SERVER:
            sdk.preload()
            return
        sdk.configure()
        if start.kind is ProcessKind.JOB:
            sdk.join()

    @hookimpl
    def pfd_before_pipeline(self, submission: PipelineSubmission) -> None:
        """Begin a span that is the parent of those of all steps."""
        span = _tracer().start_span(f"submit {submission.name}")
        token = context.attach(trace.set_span_in_context(span))
        with self._lock:
            self._pipelines[submission.run_id, threading.get_ident()] = span, token

    @hookimpl
    def pfd_after_pipeline(self, submitted: PipelineSubmitted) -> None:
        """End it."""
        with self._lock:
            begun = self._pipelines.pop((submitted.submission.run_id, threading.get_ident()), None)
        if begun is None:
            return
        span, token = begun
        if (error := submitted.error) is not None:
            span.record_exception(error)
            span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        span.end()
        context.detach(token)

    @hookimpl
    def pfd_before_submit(self, submission: JobSubmission) -> None:
        """Begin a span, and have its context kept with the job."""
        attributes = _attributes("submit", submission.job_id, submission.task, submission.queue)
        span = _tracer().start_span(f"submit {submission.task}", kind=SpanKind.PRODUCER, attributes=attributes)
        propagate.inject(submission.headers, trace.set_span_in_context(span))
        with self._lock:
            self._submitted[submission.job_id] = span
            if len(self._submitted) > MOST_OPEN:
                del self._submitted[next(iter(self._submitted))]

    @hookimpl
    def pfd_before_job(self, start: JobStart) -> None:
        """Begin the span of a run, and hand its context to the job's process."""
        job = start.job
        above = _carried(job)
        attributes = _attributes("run", job.id, job.task, job.queue) | {"pfd.attempt": job.attempt}
        span = _tracer().start_span(f"run {job.task}", above, SpanKind.CONSUMER, attributes)
        here = trace.set_span_in_context(span, above)
        carrier: dict[str, str] = {}
        propagate.inject(carrier, here)
        start.environment.update({name.upper(): value for name, value in carrier.items()})
        with self._lock:
            before = self._runs.get(job.id)
            self._runs[job.id] = _Run(job.claim, span, context.attach(here), threading.get_ident())
        if before is not None:  # a run of this worker that has lost the job to this one, and does not know it yet
            _finish(before, EventKind.STALE.value, None)

    @hookimpl
    def pfd_job_event(self, event: JobEvent) -> None:
        """End the span that this belongs to."""
        if event.kind == EventKind.SUBMITTED:
            with self._lock:
                span = self._submitted.pop(event.job_id, None)
            if span is not None:
                span.end()
        elif event.kind in _ENDS:
            with self._lock:
                run = self._runs.get(event.job_id)
                mine = run is not None and (event.job is None or event.job.claim == run.claim)
                if mine:
                    del self._runs[event.job_id]
            if run is not None and mine:
                _finish(run, str(event.kind), event.failure)
            elif event.kind == EventKind.LOST and event.job is not None:  # reclaimed from a worker that will not tell
                _mark(event.job, str(event.kind), event.failure)

    @hookimpl
    def pfd_after_job(self, end: JobEnd) -> None:
        """Note the end of a job that no run has brought about."""
        if end.seconds == 0:
            _mark(end.job, end.job.state.lower(), end.job.failure)


def _tracer() -> Tracer:
    # Asked for each time: a provider may have been set since.
    return trace.get_tracer("pfd", VERSION)


def _carried(job: Job) -> Context:
    headers = job.options.get("carried")
    return propagate.extract(headers if isinstance(headers, Mapping) else {}, Context())


def _attributes(operation: str, job_id: str, task: str, queue: str) -> dict[str, Any]:
    """The words of OpenTelemetry's conventions for messaging, and our own."""
    return {
        "messaging.system": "pfd",
        "messaging.operation.name": operation,
        "messaging.operation.type": "send" if operation == "submit" else "process",
        "messaging.destination.name": queue,
        "messaging.message.id": job_id,
        "pfd.task": task,
    }


def _finish(run: _Run, outcome: str, failure: JobFailure | None) -> None:
    _tell(run.span, outcome, failure)
    run.span.end()
    if run.thread == threading.get_ident():
        context.detach(run.token)


def _mark(job: Job, outcome: str, failure: JobFailure | None) -> None:
    attributes = _attributes(outcome, job.id, job.task, job.queue)
    span = _tracer().start_span(f"{outcome} {job.task}", _carried(job), SpanKind.INTERNAL, attributes)
    _tell(span, outcome, failure)
    span.end()


def _tell(span: Span, outcome: str, failure: JobFailure | None) -> None:
    span.set_attribute("pfd.outcome", outcome)
    if outcome in (EventKind.RETRY, EventKind.LOST, EventKind.STALE, EventKind.REVOKED):
        span.add_event(f"pfd.{outcome}")
    if outcome in (EventKind.SUCCESS, EventKind.REVOKED):  # a cancel is no error
        return
    if failure is not None:
        details = {"exception.type": failure.type, "exception.message": failure.message}
        span.add_event("exception", details | {"exception.stacktrace": failure.traceback})
    text = f"{failure.type}: {failure.message}" if failure else outcome
    span.set_status(Status(StatusCode.ERROR, text))

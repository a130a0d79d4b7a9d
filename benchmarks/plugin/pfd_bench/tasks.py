"""What they do."""

import json
import math
import time

from pfd import TaskContext

from .plugin import BurnParams, LoopParams, LoopResult, Moment, NoParams, RecordParams, RecordResult, ReportParams


def noop(params: NoParams, ctx: TaskContext) -> Moment:
    return Moment(at=time.time())


def torch_noop(params: NoParams, ctx: TaskContext) -> Moment:
    began = time.time()
    import torch

    if torch.zeros(1).item() != 0.0:
        raise ValueError("torch does not work")
    return Moment(at=began)


def burn(params: BurnParams, ctx: TaskContext) -> Moment:
    began = time.time()
    until = time.thread_time() + params.milliseconds / 1000
    while time.thread_time() < until:
        pass
    return Moment(at=began)


def deaf(params: NoParams, ctx: TaskContext) -> Moment:
    sum(range(10**13))  # hours in C, with the interpreter's lock held: no signal is heard
    return Moment(at=time.time())


def loop(params: LoopParams, ctx: TaskContext) -> LoopResult:
    pause = 1.0 / params.reports if params.reports else math.inf
    reported = 0
    began, used = time.perf_counter(), time.process_time()
    due = began + pause
    for turn in range(params.turns):
        sum(range(1000))  # some ten microseconds
        now = time.perf_counter()
        if now >= due:
            due += pause
            reported += 1
            ctx.progress(turn / params.turns, "at work", turn=turn)
    return LoopResult(seconds=time.perf_counter() - began, used=time.process_time() - used, reported=reported)


def record(params: RecordParams, ctx: TaskContext) -> RecordResult:
    began = time.perf_counter()
    if params.how == "record":
        for step in range(params.calls):
            ctx.record("training", step, loss=0.5, accuracy=0.25)
    else:
        with ctx.artifact("points.jsonl").open("w", encoding="utf-8") as file:
            for step in range(params.calls):
                file.write(json.dumps(["training", step, time.time(), {"loss": 0.5, "accuracy": 0.25}]) + "\n")
    return RecordResult(microseconds=(time.perf_counter() - began) / params.calls * 1e6)


def report_on(params: ReportParams, ctx: TaskContext) -> Moment:
    end = time.monotonic() + params.seconds
    step = 0
    while (now := time.monotonic()) < end:
        ctx.progress(1 - (end - now) / params.seconds, "at work")
        ctx.record("training", step, loss=0.5)
        step += 1
    return Moment(at=time.time())

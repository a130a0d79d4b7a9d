"""What they do."""

import math
import time

from pfd import TaskContext

from .plugin import BurnParams, LoopParams, LoopResult, Moment, NoParams


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

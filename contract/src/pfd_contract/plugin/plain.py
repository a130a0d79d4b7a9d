"""Tasks that end well, fail, and stop when asked."""

# ruff: noqa: ARG001  (a task takes parameters, also where it needs none)

from __future__ import annotations

import builtins
import os
import time

from pfd import CancelRequested, TaskContext
from pfd_contract.plugin.params import FailParams, NapParams, NoParams, Number, NumberParams, Run, TellParams
from pfd_contract.plugin.witness import witness_folder, witnessed

STEP = 0.02
"""Seconds between two looks at a gate."""


def this_run(ctx: TaskContext) -> Run:
    return Run(claim=ctx.claim, attempt=ctx.attempt, pid=os.getpid())


def linger(params: NapParams, ctx: TaskContext) -> None:
    """Wait for the gate, then for the seconds asked for; stops where it is told to."""
    gate = witness_folder(ctx.settings.home) / params.gate
    while params.gate and not gate.exists():
        ctx.check_cancelled()
        time.sleep(STEP)
    until = time.monotonic() + params.seconds
    while time.monotonic() < until:
        ctx.check_cancelled()
        time.sleep(STEP)


def noop(params: NoParams, ctx: TaskContext) -> Run:
    with witnessed(ctx):
        return this_run(ctx)


def nap(params: NapParams, ctx: TaskContext) -> Run:
    with witnessed(ctx):
        linger(params, ctx)
        return this_run(ctx)


def nap_inline(params: NapParams, ctx: TaskContext) -> Run:
    return nap(params, ctx)


def tell(params: TellParams, ctx: TaskContext) -> Run:
    with witnessed(ctx):
        ctx.progress(0.25, "one of four", epoch=1)
        linger(NapParams(gate=params.gate), ctx)
        if params.error:
            raise getattr(builtins, params.error)("this value is wrong: 7")
        return this_run(ctx)


def add_one(params: NumberParams, ctx: TaskContext) -> Number:
    with witnessed(ctx):
        return Number(value=params.value + 1)


def fail(params: FailParams, ctx: TaskContext) -> Run:
    with witnessed(ctx):
        if ctx.attempt <= params.times:
            raise getattr(builtins, params.kind)("this value is wrong: 7")
        return this_run(ctx)


def fail_inline(params: FailParams, ctx: TaskContext) -> Run:
    return fail(params, ctx)


def polite(params: NapParams, ctx: TaskContext) -> Run:
    """Works inside a library that takes every `Exception` for a failed step, and tidies up when told to stop."""
    with witnessed(ctx) as witness:
        try:
            while True:
                try:
                    linger(params, ctx)
                except Exception as error:  # as many a library does
                    witness.note("swallowed", type(error).__name__)
                else:
                    return this_run(ctx)
        except CancelRequested as request:
            witness.note("stops", request.reason)
            raise


def polite_with_limit(params: NapParams, ctx: TaskContext) -> Run:
    return polite(params, ctx)


def turn(params: NapParams, ctx: TaskContext) -> Run:
    """Turns the request to stop into an exception that is worth a retry."""
    with witnessed(ctx):
        try:
            linger(params, ctx)
        except BaseException as error:
            raise ConnectionError("the wait was disturbed") from error
        return this_run(ctx)

"""Tasks that leave something: results, progress, files, rows."""

# ruff: noqa: ARG001  (a task takes parameters, also where it needs none)

from __future__ import annotations

import os
import signal
import time

from pfd import StaleClaim, TaskContext
from pfd_contract.plugin.params import Anything, LeaveParams, NapParams, NoParams, Number, Run, SizeParams, Text
from pfd_contract.plugin.plain import linger, this_run
from pfd_contract.plugin.witness import witnessed


def odd(params: NoParams, ctx: TaskContext) -> Anything:
    with witnessed(ctx):
        ctx.progress(0.5, "a\x00b\udc80", loss=float("nan"), nul="c\x00d")
        numbers = [float("nan"), float("inf"), float("-inf"), 1.5]
        return Anything(value={"numbers": numbers, "nul": "a\x00b", "lone": "\ud800", "k\x00": 1, "good": "\U0001f600"})


def large(params: SizeParams, ctx: TaskContext) -> Text:
    with witnessed(ctx):
        return Text(text="x" * params.size)


def zigzag(params: SizeParams, ctx: TaskContext) -> Run:
    """Reports forwards and backwards, `size` times and about a hundred times a second."""
    with witnessed(ctx):
        for step in range(params.size):
            ctx.progress(step / params.size if step % 3 else 0.0, f"step {step}")
            time.sleep(0.01)
        return this_run(ctx)


def report_much(params: SizeParams, ctx: TaskContext) -> Run:
    """Reports as often as it can for `size` tenths of a second, and fails after its last word."""
    with witnessed(ctx) as witness:
        began, calls = time.monotonic(), 0
        while (passed := time.monotonic() - began) < params.size / 10:
            calls += 1
            ctx.progress(min(0.9, passed), f"call {calls}")
        ctx.progress(0.95, "the last word", calls=calls)
        witness.note("reported", calls)
        raise ValueError("after the last word")


def late(params: NapParams, ctx: TaskContext) -> Run:
    """Writes everything that a run can write, after its gate has opened."""
    with witnessed(ctx) as witness:
        ctx.artifact("early.txt").write_text(f"claim {ctx.claim}", encoding="utf-8")
        linger(params, ctx)
        ctx.progress(0.5, f"claim {ctx.claim}")
        ctx.artifact("late.txt").write_text(f"claim {ctx.claim}", encoding="utf-8")
        time.sleep(0.2)  # the report is on its way
        try:
            _write_row(ctx, f"claim {ctx.claim}")
        except StaleClaim:
            witness.note("refused")
            raise
        witness.note("row kept")
        return this_run(ctx)


def late_inline(params: NapParams, ctx: TaskContext) -> Run:
    return late(params, ctx)


def resume(params: LeaveParams, ctx: TaskContext) -> Text:
    """Leaves a checkpoint and is killed, `times` times; after that says which one it found."""
    with witnessed(ctx) as witness:
        found = ctx.checkpoint("state.txt")
        text = "" if found is None else found.read_text(encoding="utf-8")
        if witness.runs_so_far() > params.times:
            return Text(text=text)
        ctx.artifact("state.txt").write_text(f"{text} {ctx.claim}".strip(), encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it is dead")


def row(params: LeaveParams, ctx: TaskContext) -> Number:
    """Writes its row and is killed, `times` times; after that ends well.  The result is the row's number."""
    with witnessed(ctx) as witness:
        number = _write_row(ctx, f"claim {ctx.claim}")
        if witness.runs_so_far() <= params.times:
            os.kill(os.getpid(), signal.SIGKILL)
        return Number(value=number)


def hang_in_session(params: NapParams, ctx: TaskContext) -> Run:
    """Holds a session open until its gate opens."""
    from pfd_contract.plugin.records import ContractRow

    with witnessed(ctx) as witness, ctx.session() as session:
        session.add(ContractRow(job_id=ctx.job_id, text="held too long"))
        session.flush()
        witness.note("holds")
        linger(params, ctx)
    return this_run(ctx)


def _write_row(ctx: TaskContext, text: str) -> int:
    """Write the row of this job, or mend the one that an earlier run has left; its number."""
    from sqlalchemy import select

    from pfd_contract.plugin.records import ContractRow

    with ctx.session() as session:
        kept = session.scalar(select(ContractRow).where(ContractRow.job_id == ctx.job_id))
        kept = kept or ContractRow(job_id=ctx.job_id)
        kept.text = text
        session.add(kept)
        session.flush()
        return kept.id

"""Tasks that have children."""

from __future__ import annotations

from pfd import TaskContext
from pfd_contract.plugin.params import Anything, NapParams, ParentParams
from pfd_contract.plugin.plain import linger
from pfd_contract.plugin.witness import Witness, witnessed


def parent(params: ParentParams, ctx: TaskContext) -> Anything:
    """Submits each child twice, as a run after a lost one does, and does not wait for them."""
    with witnessed(ctx) as witness:
        ids = [_submit(params, ctx, number) for _ in range(2) for number in range(params.children)]
        return _go_on(params, ctx, witness, ids)


def coordinator(params: ParentParams, ctx: TaskContext) -> Anything:
    """Submits its children, and waits for them once its gate has opened."""
    with witnessed(ctx) as witness:
        ids = [_submit(params, ctx, number) for number in range(params.children)]
        _go_on(params, ctx, witness, ids)
        return Anything(value={job.id: job.state for job in ctx.wait_children(ids)})


def _submit(params: ParentParams, ctx: TaskContext, number: int) -> str:
    given = {"gate": params.child_gate} if params.child_gate else {}
    return ctx.submit_child(params.child, given, key=f"child {number}")


def _go_on(params: ParentParams, ctx: TaskContext, witness: Witness, ids: list[str]) -> Anything:
    witness.note("submitted", " ".join(ids))
    linger(NapParams(gate=params.gate), ctx)
    if params.fail:
        raise ValueError("after its children were submitted")
    return Anything(value=ids)

"""A job as it is read from a store, without one."""

from __future__ import annotations

from pfd import Job, State

JOB = Job(
    seq=1,
    id="3f2a91c0-0000-4000-8000-000000000000",
    task="nap",
    queue="default",
    state=State.PROGRESS,
    priority=0,
    progress=0.25,
    status="step 1/4",
    created_at=0.0,
    due_at=0.0,
    started_at=100.0,
    ended_at=None,
    attempt=1,
    lost=0,
    claim=1,
    owner="w",
    cancel_requested=False,
    parent_id=None,
    level=0,
    retry_of=None,
    key=None,
    client_id=None,
    waiting=0,
)

"""A handle means the same on every runtime, in each state of its job."""

from __future__ import annotations

import asyncio
from typing import Any

from pfd import Job, JobCancelled, JobFailed, JobHandle, State
from pfd_contract.site import Site
from pfd_contract.waiting import PATIENCE, until

NOTHING: dict[str, Any] = {"progress": 0.0, "status": ""}
TOLD: dict[str, Any] = {"progress": 0.25, "status": "one of four", "epoch": 1}
"""What the task reports."""


class TestHandles:
    def test_info_is_what_the_task_has_reported_last_in_each_state(self, crew: Site) -> None:
        def seen(handle: JobHandle, state: State) -> dict[str, Any]:
            until(lambda: handle.state is state, f"it is {state}")
            assert handle.status == state
            return handle.info

        queued = crew.submit("tell", countdown=3600)
        assert seen(queued, State.PENDING) == queued.result == NOTHING
        queued.revoke()
        assert seen(queued, State.REVOKED) == NOTHING
        assert isinstance(queued.result, JobCancelled)

        silent = crew.submit("nap", {"gate": "handles silent"})
        assert seen(silent, State.STARTED) == silent.result == NOTHING
        crew.open_gate("handles silent")
        assert seen(silent, State.SUCCESS) == {"progress": 1.0, "status": ""}

        done, failed, again = (
            crew.submit("tell", {"gate": "handles", "error": error}) for error in ("", "ValueError", "ConnectionError")
        )
        for handle in (done, failed, again):
            assert seen(handle, State.PROGRESS) == handle.result == TOLD
        crew.open_gate("handles")
        assert seen(done, State.SUCCESS) == {**TOLD, "progress": 1.0}
        assert done.result == done.get() == done.job.result
        assert seen(failed, State.FAILURE) == TOLD
        assert isinstance(failed.result, JobFailed)
        assert (failed.result.type, failed.failed()) == ("ValueError", True)
        assert "in tell" in str(failed.traceback)
        assert seen(again, State.RETRY) == again.result == TOLD
        again.revoke()
        assert seen(again, State.REVOKED) == TOLD

    def test_a_handle_is_awaited_and_followed_in_an_event_loop(self, crew: Site) -> None:
        followed, awaited = crew.submit("tell", {"gate": "handles loop"}), crew.submit("nap", {"gate": "handles loop"})

        async def follow() -> list[Job]:
            seen = []
            async for job in followed:
                seen.append(job)
                if job.state is State.PROGRESS:
                    crew.open_gate("handles loop")
            return seen

        async def main() -> tuple[list[Job], dict[str, Any]]:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.gather(follow(), awaited)

        jobs, result = asyncio.run(main())
        assert result == awaited.job.result
        assert next(job.info for job in jobs if job.state is State.PROGRESS) == TOLD
        assert jobs[-1] == followed.job

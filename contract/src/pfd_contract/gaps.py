"""How long the jobs of killed workers wait for their next run, and for what."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pfd.errors import StoreError
from pfd_contract.programs import WorkerProgram, pid_of
from pfd_contract.site import Site

RecordProperty = Callable[[str, object], None]
"""What pytest's fixture `record_property` is."""

LONGEST = "longest gap"

FIRST_PAUSE = 0.5
"""Seconds that a job is made to wait after its first loss, give or take a quarter; twice as long after the next."""

LOOK_EVERY = 0.1
"""Seconds between looks at which of the killed workers the store still shows."""


@dataclass(frozen=True)
class Gap:
    """From the kill of a worker to the moment in which a job of it has begun again, in seconds.

    `detection` lasts until the job was taken back, `backoff` is the pause that it is made to wait after that; `slot`
    lasts until a worker had a slot for it, `start` until its process ran.
    """

    total: float
    detection: float
    backoff: float
    slot: float
    start: float

    def __str__(self) -> str:
        parts = (
            f"detection {self.detection:.1f}, pause {self.backoff:.1f}, slot {self.slot:.1f}, start {self.start:.1f}"
        )
        return f"{self.total:.1f} s ({parts})"


class Gaps:
    """Kills workers, and finds the gaps once all jobs have ended."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._killed: dict[str, float] = {}
        self._taken_back: dict[str, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def kill(self, worker: WorkerProgram) -> None:
        """End a worker as a power cut would."""
        owners = [info.id for info in self._site.dispatcher.workers() if pid_of(info) == worker.owner]
        self._killed.update(dict.fromkeys(owners, time.monotonic()))
        worker.kill()

    def _look(self) -> None:
        while not self._done.wait(LOOK_EVERY):
            if not (watched := self._killed.keys() - self._taken_back.keys()):
                continue
            try:
                shown = {info.id for info in self._site.dispatcher.workers()}
            except StoreError:
                continue  # a part of the trouble
            now = time.monotonic()
            self._taken_back.update(dict.fromkeys(watched - shown, now))

    def found(self) -> list[Gap]:
        """The gaps of all jobs that have begun again, the longest first."""
        self._done.set()
        self._thread.join()
        return sorted(self._gaps(), key=lambda gap: -gap.total)

    def _gaps(self) -> Iterator[Gap]:
        zero = time.time() - time.monotonic()  # of the clock of the sights, on that of the claims
        for job in self._site.dispatcher.jobs(limit=10_000):
            begins = {sight.claim: sight.at for sight in self._site.sights(job, "begins")}
            claims = self._site.dispatcher.claims(job.id)
            losses = 0
            for number, claim in enumerate(claims):
                if not str(claim.outcome).startswith("lost: "):
                    continue
                losses += 1
                again = next((one for one in claims[number + 1 :] if one.number in begins), None)
                if again is None or (killed := self._killed.get(claim.owner)) is None:
                    continue
                claimed = again.claimed_at - zero
                taken_back = min(self._taken_back.get(claim.owner, killed), claimed)
                backoff = min(FIRST_PAUSE * 2.0 ** (losses - 1), claimed - taken_back)
                yield Gap(
                    begins[again.number] - killed,
                    detection=taken_back - killed,
                    backoff=backoff,
                    slot=claimed - taken_back - backoff,
                    start=begins[again.number] - claimed,
                )


def record_gaps(gaps: Sequence[Gap], record_property: RecordProperty) -> None:
    """Have pytest write down, in the report of `--junitxml`, how long the longest of the gaps was."""
    if gaps:
        record_property(LONGEST, str(gaps[0]))

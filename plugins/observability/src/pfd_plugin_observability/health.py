"""Whether a worker is well, from what it knows without asking anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pfd import Vitals

OK = "ok"


@dataclass(frozen=True)
class Health:
    """An answer, with its reasons."""

    ok: bool
    report: dict[str, Any]


def health(vitals: Vitals, lease: float) -> Health:
    """Whether it looks after its jobs, the store takes its signs of life, and it has what it takes to begin jobs.

    Not so after a whole lease without either of the first: from then on others may take it for lost.
    """
    watch = _watch(vitals)
    if watch == OK and vitals.watch_age > lease:
        watch = f"has not gone round for {vitals.watch_age:.0f} s"
    store = OK if vitals.lease_age <= lease else f"has taken no sign of life for {vitals.lease_age:.0f} s"
    lacks = vitals.short_of()
    well = watch == store == _threads(vitals) == OK and lacks is None
    return Health(well, _report(vitals, watch, store, lacks, ok=well))


def readiness(vitals: Vitals, lease: float) -> Health:
    """Whether it is well and takes on jobs."""
    found = health(vitals, lease)
    return Health(found.ok and not vitals.stopping, found.report | {"ok": found.ok and not vitals.stopping})


def liveness(vitals: Vitals) -> Health:
    """Whether it would be of no use to start it anew.

    A store that is away is no reason: jobs run on, and a new worker would find it away as well.
    """
    watch = _watch(vitals)
    return Health(watch == OK, {"ok": watch == OK, "watch": watch, "worker": vitals.info.id})


def _watch(vitals: Vitals) -> str:
    return OK if vitals.watching else "does not run"


def _threads(vitals: Vitals) -> str:
    """What is down of the threads that are begun again when they die."""
    return ", ".join(f"{name}: {why}" for name, why in sorted(vitals.alarm.down.items())) or OK


def _report(vitals: Vitals, watch: str, store: str, lacks: str | None, *, ok: bool) -> dict[str, Any]:
    return {
        "ok": ok,
        "store": store,
        "watch": watch,
        "threads": _threads(vitals),
        "resources": OK if lacks is None else f"cannot begin jobs: {lacks}",
        "lease_age_seconds": round(vitals.lease_age, 3),
        "watch_age_seconds": round(vitals.watch_age, 3),
        "worker": vitals.info.id,
        "name": vitals.info.name,
        "runtime": vitals.info.runtime,
        "slots": vitals.info.slots,
        "gpus": vitals.info.gpus,
        "busy": vitals.busy(),
        "stopping": vitals.stopping,
    }

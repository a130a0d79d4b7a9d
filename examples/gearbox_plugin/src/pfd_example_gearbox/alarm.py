"""Lines on suspect gears, for whoever watches a file."""

from __future__ import annotations

from pfd import Job
from pfd_example_gearbox.settings import GearboxSettings


def note(job: Job, settings: GearboxSettings) -> None:
    """Write a line where a spectrum has found a suspect gear, and a file is set."""
    found = job.result or {}
    if settings.alarms is not None and found.get("suspect"):
        with settings.alarms.open("a", encoding="utf-8") as file:
            file.write(f"{found['gearbox']}: sideband ratio {found['sideband_ratio']:.3f} in job {job.id}\n")

"""The short task."""

from __future__ import annotations

import math

from sqlalchemy import select

from pfd import DataError, TaskContext
from pfd.records import upsert_for_job
from pfd_example_gearbox.params import AddedGearbox, AddGearboxParams
from pfd_example_gearbox.records import GearboxRow


def add_gearbox(params: AddGearboxParams, ctx: TaskContext) -> AddedGearbox:
    """Store a gearbox."""
    teeth = list(params.teeth)
    with ctx.session() as session:
        other = session.scalars(select(GearboxRow).where(GearboxRow.name == params.name)).first()
        if other is not None and other.job_id != ctx.job_id:
            raise DataError(f"there is a gearbox {params.name}", hint="choose another name")
        row = upsert_for_job(session, GearboxRow, ctx.job_id, {"name": params.name, "teeth": teeth})
        number = row.id
    return AddedGearbox(gearbox_id=number, stages=len(teeth) // 2, ratio=math.prod(teeth[1::2]) / math.prod(teeth[::2]))

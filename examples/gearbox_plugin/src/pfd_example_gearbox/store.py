"""The rows: who writes them, who finds them, and what there is to choose from."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from pfd import DataError, Hint
from pfd.tracked import RowStatus, SubmittedJob, draft_for_job, reason_of, status_of
from pfd_example_gearbox.records import GearboxRow, SpectrumRow


def find_gearbox(session: Session, ref: int | str) -> GearboxRow:
    """A gearbox by its id or its name.  Raises `DataError` where there is none."""
    by_id = isinstance(ref, int) or ref.isdecimal()
    wanted = GearboxRow.id == int(ref) if by_id else GearboxRow.name == ref
    row = session.scalars(select(GearboxRow).where(wanted)).first()
    if row is None:
        known = session.scalars(select(GearboxRow.name).order_by(GearboxRow.id.desc()).limit(50)).all()
        otherwise = f"there are {', '.join(known)}" if known else "add_gearbox_task makes one"
        raise DataError(f"no gearbox {ref}", hint=Hint.did_you_mean(str(ref), known, otherwise))
    return row


def names(session: Session) -> Iterator[tuple[str, str]]:
    """What can be typed for a gearbox, the newest first."""
    for row in session.scalars(select(GearboxRow).order_by(GearboxRow.id.desc())):
        yield row.name, f"teeth {','.join(map(str, row.teeth))}"


def gearboxes(session: Session) -> list[GearboxRow]:
    """All gearboxes, by name."""
    return list(session.scalars(select(GearboxRow).order_by(GearboxRow.name)))


def draft(session: Session, job: SubmittedJob) -> None:
    """Write the row of a spectrum where its job is submitted."""
    known = {name: value for name, value in job.params.items() if isinstance(value, int | str)}
    gearbox = str(known["gearbox"]) if "gearbox" in known else None  # the result of another job is not known yet
    draft_for_job(session, SpectrumRow, job, {"gearbox": gearbox, "fault": known.get("fault")}, what="spectrum")


def spectra(session: Session, limit: int = 50) -> list[tuple[SpectrumRow, RowStatus, str]]:
    """The newest spectra, each with its status and the reason of a failure."""
    query = select(SpectrumRow, status_of(SpectrumRow), reason_of(SpectrumRow))
    found = session.execute(query.order_by(SpectrumRow.id.desc()).limit(limit))
    return [(row, status, reason) for row, status, reason in found]

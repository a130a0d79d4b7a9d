"""Rows of fits."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from pfd import DataError
from pfd.tracked import SubmittedJob, draft_for_job
from pfd_sample.records import Fit


def draft(session: Session, job: SubmittedJob) -> None:
    """Write the row of a fit when it is submitted."""
    method = str(job.params["method"])
    if method == "a bug":
        raise ZeroDivisionError("of the plugin")
    if method == "an odd statement":
        session.execute(sa.text("SELECT no_such_function(1)"))
    if method == "a job that is not there":
        session.add(Fit(job_id="none"))
        session.flush()
    if method == "an error of pfd":
        raise DataError("the drawings are not there")
    draft_for_job(session, Fit, job, {"method": method, "value": None}, what="fit", number=job.params["fit_id"])

"""Rows of fits."""

from sqlalchemy.orm import Session

from pfd.tracked import SubmittedJob, draft_for_job
from pfd_sample.records import Fit


def draft(session: Session, job: SubmittedJob) -> None:
    """Write the row of a fit when it is submitted."""
    method = str(job.params["method"])
    if method == "a bug":
        raise ZeroDivisionError("of the plugin")
    draft_for_job(session, Fit, job, {"method": method, "value": None}, what="fit", number=job.params["fit_id"])

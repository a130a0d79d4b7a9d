"""The job table and everything that reads or writes it."""

from pfd.store.claims import FinalState
from pfd.store.jobs import NewJob, Submitted
from pfd.store.settle import EndedJob
from pfd.store.store import Store
from pfd.vitals import WorkerInfo

__all__ = ["EndedJob", "FinalState", "NewJob", "Store", "Submitted", "WorkerInfo"]

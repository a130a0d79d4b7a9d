"""The job table and everything that reads or writes it."""

from pfd.store.claims import Ending, Wanted
from pfd.store.jobs import NewJob, Submitted
from pfd.store.settle import Ended
from pfd.store.store import Store
from pfd.store.workers import WorkerInfo

__all__ = ["Ended", "Ending", "NewJob", "Store", "Submitted", "Wanted", "WorkerInfo"]

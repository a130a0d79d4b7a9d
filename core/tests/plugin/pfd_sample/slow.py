"""A module that takes its time to be imported, and says whether that was disturbed."""

import os
import time
from pathlib import Path

from pfd import TaskContext
from pfd_sample.plugin import NoParams, Text

_HOME = Path(os.environ["PFD_HOME"])

(_HOME / "importing").touch()
try:
    time.sleep(60)
except BaseException as error:
    (_HOME / "disturbed").write_text(type(error).__name__, encoding="utf-8")
    raise


def import_slowly(params: NoParams, ctx: TaskContext) -> Text:
    return Text(text="imported")

"""A module that takes a moment to be imported."""

import time

from pfd import TaskContext
from pfd_sample.plugin import NoParams, Text

time.sleep(1.5)


def import_a_while(params: NoParams, ctx: TaskContext) -> Text:
    time.sleep(1.0)  # without a word
    return Text(text="imported")

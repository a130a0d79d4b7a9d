"""Threads that last as long as their worker, and threads for what may hang."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from pfd.vitals import Alarm

log = logging.getLogger("pfd.worker")

PAUSE = 1.0
"""Seconds until a thread that died is begun again; meanwhile its worker is not well."""


class LastingThread(threading.Thread):
    """A daemon that runs `work` until that returns, and again where it raises.

    A thread of a worker that died in silence would leave one that looks well and does nothing.
    """

    def __init__(self, name: str, work: Callable[[], None], alarm: Alarm) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._alarm = alarm

    def run(self) -> None:
        while True:
            try:
                self._work()
            except BaseException as error:  # SystemExit as well: it would end the thread without a word
                log.exception("%s has died, and begins again in %g s", self.name, PAUSE)
                self._alarm.raised(self.name, f"{type(error).__name__}: {error}"[:200])
                threading.Event().wait(PAUSE)
                self._alarm.over(self.name)
            else:
                return


def within(patience: float, call: Callable[[], object]) -> bool:
    """Call a function that may hang, in a thread; whether it has returned in `patience` seconds, else it is left.

    Raises what the function raises.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="pfd-call", daemon=True)
    thread.start()
    thread.join(patience)
    if raised:
        raise raised[0]
    return not thread.is_alive()

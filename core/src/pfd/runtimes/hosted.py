"""A worker's inside as the guest of a program: of Celery's worker, or of the processes of Dramatiq's command line."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

from pfd.runtimes.service import BROKER_PATIENCE, Service, StopSignals

log = logging.getLogger("pfd.runtimes")


class Guest:
    """Ends a service when the program is told to stop, however long that takes for its own part of it.

    A program may let go of its broker before it comes to its guests, may wait for that broker for ever, and may take a
    second signal for an order to die.  So signals are heard here, and the program is told of the first.

    To be made before the program sets handlers of its own, where it does so without regard to what is to be ignored.
    """

    def __init__(self) -> None:
        self._signals = StopSignals()
        self._hurry = False
        self._ended = False
        self._ending = threading.Lock()

    def start(self, service: Service, let_go: Callable[[], None], wake: Callable[[], None] = lambda: None) -> None:
        """Hear signals from here on; the handler of SIGTERM so far is told of the first of any kind.

        `let_go` ends all that is not the program's, and is called once; `wake` has the program see that it is to stop.
        """
        self._service, self._let_go, self._wake = service, let_go, wake
        self._signals.hear(then=signal.getsignal(signal.SIGTERM))
        threading.Thread(target=self._await_the_end, name="pfd-end", daemon=True).start()

    def end(self, *, hurry: bool = False) -> None:
        """Let running jobs end for a while, unless there is a hurry or comes one; done when this returns."""
        self._hurry = self._hurry or hurry
        with self._ending:
            if not self._ended:
                self._ended = True
                self._service.drain(lambda: self._hurry or self._signals.hurry)
                self._let_go()

    def _await_the_end(self) -> None:
        self._signals.wait()
        self._service.claim_no_more()
        self._wake()
        try:
            self.end()
        except Exception:
            log.exception("this worker has not ended in good order; its jobs are taken back by others")
        time.sleep(BROKER_PATIENCE)
        log.warning("the broker does not answer; this worker ends without it")
        os._exit(0)

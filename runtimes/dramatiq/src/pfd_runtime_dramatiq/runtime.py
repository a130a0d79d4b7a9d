"""What clients and `pfd worker` use of Dramatiq, which is loaded when it is needed."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pfd import forks
from pfd.notify import Wakeup
from pfd.plugins import Registry, load_registry
from pfd.runtimes.address import reading
from pfd.runtimes.hosted import Line
from pfd.runtimes.notifying import BoundedNotifier
from pfd.runtimes.worker_host import StopSignals, WorkerHost
from pfd.settings import Settings
from pfd_runtime_dramatiq.address import broker_url

if TYPE_CHECKING:
    from pfd_runtime_dramatiq.broker import PfdBroker

if importlib.util.find_spec("dramatiq") is None:
    raise ModuleNotFoundError("No module named 'dramatiq'", name="dramatiq")


class DramatiqRuntime:
    """Wakes workers through Dramatiq's broker.  Constructed without touching it."""

    name = "dramatiq"

    def __init__(self, settings: Settings, broker: PfdBroker | None = None) -> None:
        broker_url(settings)  # what is wrong with it is said at once
        self._settings = settings
        self._given = broker

    @functools.cached_property
    def _broker(self) -> PfdBroker:
        from pfd_runtime_dramatiq.broker import make_broker

        return self._given or make_broker(self._settings, load_registry(self._settings))

    @functools.cached_property
    def _notifier(self) -> BoundedNotifier:
        from pfd_runtime_dramatiq.broker import count, publish
        from pfd_runtime_dramatiq.worker import ERRORS

        url = self._settings.broker_url
        with reading(url):
            broker = self._broker
        return BoundedNotifier(lambda queue: count(broker, queue), lambda wakeup: publish(broker, wakeup), ERRORS, url)

    def notify(self, wakeup: Wakeup) -> None:
        """Send a message; nothing for a cancel, which the worker that runs the job looks for itself."""
        if wakeup.cancel:
            return
        with forks.conversation():  # the child of a fork would find what is being made half made, and its lock held
            notifier = self._notifier
        notifier.notify(wakeup)

    def probe(self) -> str:
        """How the broker is, for people.  Raises `QueueError` where it is away."""
        return f"it answers, and {self._notifier.waiting('default')} wakeups of the queue default wait"

    def serve(self, registry: Registry, slots: Mapping[str, int], ready: Callable[[], None]) -> None:
        """Be a worker of Dramatiq until told to stop."""
        line = Line(self.name)
        host = WorkerHost(self._settings, registry, slots, line, on_idle=line.idle)
        with StopSignals().heard() as signals, contextlib.ExitStack() as ending:
            ending.callback(host.stop)
            host.start()
            host.serves_alone()
            # Jobs run by now.
            from pfd_runtime_dramatiq.broker import make_broker
            from pfd_runtime_dramatiq.worker import close, make_worker

            with reading(self._settings.broker_url):
                broker = make_broker(self._settings, registry)
            worker = make_worker(broker, sorted({name for names in slots for name in names.split(",")}))
            line.connect(DramatiqRuntime(self._settings, broker), broker.messages.open)
            ending.pop_all()
            try:
                broker.messages.serve(host)
                worker.start()
                ready()
                signals.wait()
                host.drain(lambda: signals.hurry)
            finally:
                broker.messages.stop()
                host.stop()
                close(worker, broker)
            host.check()

    def close(self) -> None:
        """Let go of connections."""
        if self._given is None and "_broker" in self.__dict__:
            self._broker.close()
            del self.__dict__["_broker"]
        self.__dict__.pop("_notifier", None)

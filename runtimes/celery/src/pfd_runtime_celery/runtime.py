"""What clients and `pfd worker` use of Celery, which is loaded when it is needed."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pfd import forks
from pfd.notify import Wakeup
from pfd.plugins import Registry, load_registry
from pfd.runtimes.address import reading
from pfd.runtimes.hosted import Guest
from pfd.runtimes.notifying import BoundedNotifier
from pfd.settings import Settings
from pfd_runtime_celery.address import broker_url
from pfd_runtime_celery.listener import CeleryListener

if TYPE_CHECKING:
    from pfd_runtime_celery.app import PfdCelery

if importlib.util.find_spec("celery") is None:
    raise ModuleNotFoundError("No module named 'celery'", name="celery")


class CeleryRuntime:
    """Wakes workers through Celery's broker.  Constructed without touching it."""

    name = "celery"

    def __init__(self, settings: Settings, app: PfdCelery | None = None) -> None:
        broker_url(settings)  # what is wrong with it is said at once
        self._settings = settings
        self._given = app

    @functools.cached_property
    def _app(self) -> PfdCelery:
        from pfd_runtime_celery.app import make_app

        return self._given or make_app(self._settings, load_registry(self._settings))

    @functools.cached_property
    def _notifier(self) -> BoundedNotifier:
        from kombu.exceptions import KombuError

        from pfd_runtime_celery.app import count, publish

        url = self._settings.broker_url
        with reading(url):
            app = self._app
            connection = app.connection_for_write()
        errors = (*connection.connection_errors, *connection.channel_errors, KombuError, OSError)
        return BoundedNotifier(lambda queue: count(app, queue), lambda wakeup: publish(app, wakeup), errors, url)

    def notify(self, wakeup: Wakeup) -> None:
        """Send a message; nothing for a cancel, which the worker that runs the job looks for itself."""
        if wakeup.cancel:
            return
        with forks.conversation():  # the child of a fork would find what is being made half made, and its lock held
            notifier = self._notifier
        notifier.notify(wakeup)

    def probe(self) -> str:
        """How the broker is, for people.  Raises `QueueError` where it is away."""
        found = f"it answers, and {self._notifier.waiting('default')} wakeups of the queue default wait"
        from pfd_runtime_celery.address import DEFAULT_QUEUE
        from pfd_runtime_celery.app import waiting

        unread = waiting(self._app, DEFAULT_QUEUE)
        workers = "which only a worker that serves all queues reads"
        return f"{found}; {unread} messages wait in Celery's queue {DEFAULT_QUEUE!r}, {workers}" if unread else found

    def serve(self, registry: Registry, slots: Mapping[str, int], ready: Callable[[], None]) -> None:
        """Be a worker of Celery until told to stop.  Raises what kept it from starting."""
        guest, listener = Guest(self.name), CeleryListener()
        registry.listen(self.name, listener)
        host = guest.begin(self._settings, registry, slots)
        try:
            # Jobs run by now.
            from pfd_runtime_celery.app import make_app
            from pfd_runtime_celery.worker import work

            app = make_app(self._settings, registry)
            app.pfd_guest, app.pfd_listener = guest, listener
            if not guest.is_told:
                queues = list(dict.fromkeys(name for names in slots for name in names.split(",")))
                work(app, queues, sum(slots.values()), ready)
        except BaseException:
            guest.end(hurry=True)
            raise
        guest.end()
        host.check()

    def close(self) -> None:
        """Let go of connections."""
        if self._given is None and "_app" in self.__dict__:
            self._app.close()
            del self.__dict__["_app"]
        self.__dict__.pop("_notifier", None)

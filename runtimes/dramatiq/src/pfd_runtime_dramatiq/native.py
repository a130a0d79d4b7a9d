"""Makes the processes of Dramatiq's own command line workers of PFD: as many slots each as it has threads."""

from __future__ import annotations

from dramatiq import Broker, Worker
from dramatiq.middleware import Middleware

from pfd.plugins import Registry
from pfd.runtimes.hosted import Guest
from pfd.settings import Settings
from pfd_runtime_dramatiq.consumers import PfdRabbitmqBroker, PfdRedisBroker
from pfd_runtime_dramatiq.runtime import DramatiqRuntime
from pfd_runtime_dramatiq.worker import listen_for_wakeups


class Native(Middleware):
    """Starts a worker's inside with the process, and ends it with that."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry
        self._guest: Guest | None = None

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        assert isinstance(broker, PfdRedisBroker | PfdRabbitmqBroker)
        queues = sorted(worker.consumer_whitelist or self._registry.queues)
        listen_for_wakeups(broker, worker, queues)
        guest = self._guest = Guest("dramatiq")
        host = guest.begin(self._settings, self._registry, {",".join(queues): worker.worker_threads})
        broker.messages.serve(host)

        def let_go() -> None:
            broker.messages.stop()
            host.stop()

        guest.settle(DramatiqRuntime(self._settings, broker), broker.messages.open, let_go)

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002  (Dramatiq's shape)
        """Let running jobs end for a while; a second signal hands them back at once."""
        if self._guest is not None:
            self._guest.end()

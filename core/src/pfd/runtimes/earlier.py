"""What a runtime of a third party was made of in the version before: accepted for one version more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pfd.lazy import RenamedAttribute, warn_renamed
from pfd.notify import WakeupListener
from pfd.plugins import Registry
from pfd.runtimes.worker_host import WorkerHost
from pfd.settings import Settings


class Service(WorkerHost):
    """`WorkerHost`, as it was called."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        slots: Mapping[str, int],
        runtime: Any,
        *,
        session: str | None = None,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        warn_renamed("pfd.runtimes.Service", "WorkerHost")
        super().__init__(settings, registry, slots, runtime, client_id=session, on_idle=on_idle)

    def start(self, listener: WakeupListener | None = None, *, bell: WakeupListener | None = None) -> None:
        super().start(listener or bell)

    owner = RenamedAttribute("worker")
    look = RenamedAttribute("check_now")
    announce = RenamedAttribute("wake_or_notify")
    hand_back = RenamedAttribute("requeue")

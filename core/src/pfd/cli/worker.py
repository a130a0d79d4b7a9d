"""`pfd worker` runs jobs."""

from __future__ import annotations

import contextlib
import difflib
import logging

import click

from pfd.cli.codes import say
from pfd.cli.completion import complete_queue
from pfd.cli.logformat import FORMATS, formatter
from pfd.cli.served import on_device
from pfd.cli.state import Session, pass_session
from pfd.console import echo, one_line
from pfd.errors import ParameterError
from pfd.modes import take_umask
from pfd.plugins import Registry
from pfd.runtimes.base import load_runtime
from pfd.streams import settle
from pfd.urls import mask

EMBEDDED = "local"


@click.command()
@click.option("--queues", metavar="A,B", shell_complete=complete_queue, help="Serve only these queues; all by default.")
@click.option("--concurrency", type=click.IntRange(1, 1024), metavar="N", help="Jobs that run at once; 1 by default.")
@click.option(
    "--slots", "pairs", multiple=True, metavar="QUEUE=N", help="So many jobs of a queue at once; may be repeated."
)
@click.option("--runtime", metavar="NAME", help="The runtime to serve; that of the settings by default.")
@click.option(
    "--log-format", type=click.Choice(FORMATS), default="text", show_default=True, help="How to log, on standard error."
)
@pass_session
def worker(
    session: Session,
    queues: str | None,
    concurrency: int | None,
    pairs: tuple[str, ...],
    runtime: str | None,
    log_format: str,
) -> None:
    """Run jobs until told to stop.

    Jobs that need a device run beside the others, in a slot for each device that PFD_GPUS names or this machine has.

    Ctrl-C, SIGTERM or the closing of its terminal lets running jobs end, for up to half a minute, and requeues what
    has not; a second Ctrl-C requeues it at once.  Either way it exits with 0.

    \b
    pfd worker --concurrency 2
    pfd worker --slots training=1 --slots features=2
    """
    if pairs and (queues is not None or concurrency is not None):
        raise click.UsageError("--slots says which queues and how many jobs; leave out --queues and --concurrency")
    if runtime is not None:
        session = session.having(runtime=runtime)
    registry, settings = session.registry, session.settings
    take_umask(settings.share)
    slots = _slots(pairs) if pairs else {",".join(_names(queues) or registry.queues): concurrency or 1}
    _warn(registry, tuple(slots) if pairs else _names(queues))

    def ready() -> None:
        served = "; ".join(f"{names.replace(',', ', ')} ({_many(number)})" for names, number in slots.items())
        served += "".join(f"; {on_device(item)}" for item in _gpus(session).items())
        broker = f"; broker {mask(settings.broker_url)}" if settings.runtime != EMBEDDED else ""
        echo(one_line(f"serving {served}; store {mask(settings.store_url)}{broker}; Ctrl-C stops"))

    _log(log_format, debug=session.debug)
    session.announce()
    with contextlib.closing(load_runtime(settings)) as serving:
        serving.serve(registry, slots, ready)
    _say_stopped()


def _say_stopped() -> None:
    """Where its terminal has been closed there is nobody to tell, and nothing must be left that waits to be written."""
    with contextlib.suppress(OSError):
        echo("stopped")
    with contextlib.suppress(OSError):
        settle()


def _names(queues: str | None) -> tuple[str, ...]:
    """Queues of a comma-separated list.  Raises `ParameterError` for an empty one."""
    if queues is None:
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in queues.split(",") if name.strip()))
    if not names:
        raise ParameterError("--queues names no queue", hint="leave it out to serve all")
    return names


def _slots(pairs: tuple[str, ...]) -> dict[str, int]:
    """Slots for each queue.  Raises `ParameterError` for what is not of the form QUEUE=N."""
    slots: dict[str, int] = {}
    for pair in pairs:
        name, _, number = pair.partition("=")
        if not name or not number.isascii() or not number.isdigit() or not 0 < int(number) <= 1024:
            raise ParameterError(f"--slots {pair}: is not of the form QUEUE=N with N from 1 to 1024")
        if name in slots:
            raise ParameterError(f"--slots {name} is given twice")
        slots[name] = int(number)
    return slots


def _warn(registry: Registry, served: tuple[str, ...]) -> None:
    """Say what this worker will not do, though one may think that it does."""
    queues = sorted({"default", *(task.queue for task in registry.tasks.values())})
    names = [name for names in served for name in names.split(",")]
    for name in names:
        if name not in queues:
            near = difflib.get_close_matches(name, queues, n=1)
            asked = f"; did you mean {near[0]}?" if near else f"; theirs are {', '.join(queues)}"
            say(f"warning: no installed task is of queue {name}{asked}")
    if not registry.tasks:
        say("warning: no tasks are installed, so there is nothing to run; pip install pfd-all")
    for record in registry.records:
        if record.status in ("partial", "misconfigured", "broken", "incompatible"):
            say(f"warning: plugin {record.name} is {record.status}: {record.cause}")


def _gpus(session: Session) -> dict[str, int]:
    from pfd.worker.gpu.devices import gpu_places

    return gpu_places(session.settings, session.registry.tasks.values())


def _many(slots: int) -> str:
    return "1 slot" if slots == 1 else f"{slots} slots"


def _log(log_format: str, *, debug: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(log_format))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("pfd").setLevel(logging.DEBUG if debug else logging.INFO)

"""Diagrams of a job, drawn from the code: its states from `pfd.job`, its processes from what their modules say."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping

from pfd.job import ENDED, MOVES, State

BEGIN, END = "<!-- {name}: written from the code by `make docs` -->", "<!-- /{name} -->"

WHEN: Mapping[tuple[State, State], str] = {
    (State.PENDING, State.STARTED): "claimed",
    (State.RETRY, State.STARTED): "claimed again",
    (State.STARTED, State.PROGRESS): "reports progress",
    (State.STARTED, State.RETRY): "fails or is lost, and may run again",
    (State.PROGRESS, State.RETRY): "fails or is lost, and may run again",
}
"""What makes a job move; a move to an end is made by that end."""

PROCESSES = (
    ("client", "pfd.client.dispatcher", "Dispatcher"),
    ("store", "pfd.store.store", "Store"),
    ("worker", "pfd.worker.worker", "Worker"),
    ("server", "pfd.runner.warm_server", "WarmServer"),
    ("supervisor", "pfd.runner.supervisor", "Supervisor"),
    ("job", "pfd.runner.child", "run"),
)
"""The processes of one job and the store between them, each with the module and the name it is made of."""

LINES = (
    ("client", "store", "submit: one row"),
    ("client", "worker", "wakeup"),
    ("worker", "store", "claim, lease, progress, end"),
    ("worker", "server", "asks for a process"),
    ("server", "supervisor", "forks"),
    ("supervisor", "job", "forks, owns, ends"),
    ("job", "worker", "progress and outcome"),
    ("client", "store", "looks, cancels"),
)


def states() -> str:
    """The states of a job and the moves between them, for Mermaid."""
    return _fenced("stateDiagram-v2", _moves())


def _moves() -> Iterator[str]:
    yield f"[*] --> {State.PENDING}: submitted"
    for state, followers in MOVES.items():
        for follower in sorted(followers - {state}):
            when = WHEN.get((state, follower), "")
            yield f"{state} --> {follower}" + (f": {when}" if when else "")
    for state in sorted(ENDED):
        yield f"{state} --> [*]"


def processes() -> str:
    """Which processes a job takes, and what goes between them, for Mermaid."""
    return _fenced("flowchart LR", _boxes())


def _boxes() -> Iterator[str]:
    for name, module, made_of in PROCESSES:
        loaded = importlib.import_module(module)
        getattr(loaded, made_of)  # who renames it renames it here
        what = re.split(r"[:;.,]", (loaded.__doc__ or "").partition("\n")[0])[0]
        shape = ("[(", ")]") if name == "store" else ("[", "]")
        yield f'{name}{shape[0]}"<b>{what}</b><br/>{module}"{shape[1]}'
    for source, target, what in LINES:
        yield f'{source} -->|"{what}"| {target}'


def _fenced(kind: str, lines: Iterator[str]) -> str:
    return "\n".join(["```mermaid", kind, *(f"    {line}" for line in lines), "```"])


def filled(page: str, diagrams: Mapping[str, str]) -> str:
    """A page with its diagrams as they are now.  Raises `ValueError` where it has no place for one of them."""
    for name, text in diagrams.items():
        begin, end = BEGIN.format(name=name), END.format(name=name)
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"the page has no place {begin} … {end}")
        page = f"{before}{begin}\n{text}\n{end}{after}"
    return page

"""Parameters and results of the contract's tasks."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from pfd import Params, Result


class NoParams(Params):
    pass


class NapParams(Params):
    """`gate` names a file that the task waits for; after that it sleeps for `seconds`."""

    gate: str = ""
    seconds: float = Field(0.0, ge=0, le=600)


class TellParams(Params):
    """`error` names what is raised once the gate is open; nothing where it is empty."""

    gate: str = ""
    error: str = ""


class SleepParams(Params):
    seconds: float = Field(300.0, ge=0, le=600)
    grandchild: bool = False
    once: bool = Field(False, description="sleep in the first run only")


class FailParams(Params):
    """Raises `kind` in the first `times` attempts."""

    kind: str = "ValueError"
    times: int = 99


class LeaveParams(Params):
    """How its process ends: an exit code, or the name of a signal; in the first `times` runs."""

    how: str = "7"
    times: int = 99


class ScriptParams(Params):
    """What each run does: `"kill"`, `"retry"` or `"fail"`; a run after the last of them ends well."""

    runs: tuple[Literal["kill", "retry", "fail"], ...] = ()


class SizeParams(Params):
    size: int = Field(1, ge=0)


class StopParams(Params):
    """What a task stops with SIGSTOP: over and over again, where `again`."""

    what: Literal["keeper", "server", "itself", "its group"]
    again: bool = False
    gate: str = "never"


class ScribbleParams(Params):
    """What is written into each socket of a process, so many times."""

    what: str
    times: int = 1


class ParentParams(Params):
    children: int = Field(3, ge=0)
    child: str = "contract_noop"
    child_gate: str = ""
    gate: str = ""
    fail: bool = False


class NumberParams(Params):
    value: int


class Number(Result):
    value: int


class Text(Result):
    text: str


class Anything(Result):
    value: Any = None


class Run(Result):
    """Which run of a job it was."""

    claim: int
    attempt: int
    pid: int

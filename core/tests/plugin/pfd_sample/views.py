"""Views of the sample tasks: right ones, and those that go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pfd.views import Block, Metric, Metrics, Text


def ended(view: Any) -> Iterator[Block]:
    yield Metrics(items=(Metric(name="accuracy", value=100 * view.result["accuracy"], unit="%"),))
    yield view.figure("wave")


def so_far(view: Any) -> list[Block]:
    last = view.points("training")[-1]
    return [Text(text=f"step {last.step}, {view.job.state}")]


def leaving(view: Any) -> list[Block]:
    raise SystemExit(view.job.id)


def broken(view: Any) -> list[Block]:
    raise KeyError(view.job.params["text"])


def odd(_: Any) -> list[Any]:
    return ["no block", {"block": "pie"}]


def nameless(_: Any) -> list[Block]:
    return [Metrics(items=(Metric(name="", value=1),))]

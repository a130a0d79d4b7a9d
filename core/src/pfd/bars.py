"""Bars: redrawn in place on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from pfd.characters import one_line
from pfd.terminal import echo, on_terminal, rich_console

if TYPE_CHECKING:
    from rich.console import RenderableType

LINE_EVERY = 2.0
"""Seconds between two lines that tell of nothing but progress."""

BAR, SHORTEST_BAR = 24, 8
"""Characters of a bar, and of one that is still worth its place."""

REFRESH = 8
"""How often a second a terminal is drawn anew."""


class Redrawn:
    """What is redrawn in place on a terminal, and lines that stay above it.

    Parameters
    ----------
    render : what is to be seen now, given the characters of a line.
    err : whether that goes to standard error.
    stays : whether what was drawn last is left there at the end; never where Ctrl-C has broken it off, since that says
        nothing about the end.
    """

    def __init__(self, render: Callable[[int], RenderableType], *, err: bool, stays: bool) -> None:
        from rich.live import Live

        self._console = rich_console(stderr=err)
        self._stays = stays
        self._live = Live(
            console=self._console,
            get_renderable=lambda: render(self._console.width),
            refresh_per_second=REFRESH,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: object = None, *_: object) -> None:
        self._live.transient = kind is KeyboardInterrupt or not self._stays
        self._live.stop()

    def say(self, text: str, style: str = "") -> None:
        """Print a line that stays."""
        from rich.text import Text

        self._console.print(Text(one_line(text), style))


def bar(share: float, width: int, *, style: str = "cyan", pulse: bool = False) -> RenderableType:
    """A bar of so many characters; one that pulses says that something is done, and not how much."""
    from rich.progress_bar import ProgressBar as RichBar

    return RichBar(1.0, share, width, pulse=pulse, complete_style=style, finished_style=style, pulse_style=style)


def bar_width(left: int) -> int:
    """Characters that a bar gets of those that are left of a line: none where they are too few."""
    return min(BAR, left) if left >= SHORTEST_BAR else 0


class ProgressBar:
    """How far a command is.  It is shown on standard error: standard output belongs to the answer."""

    def __init__(self, name: str, total: float | None) -> None:
        self._name = one_line(name)
        self._total = total
        self._done = 0.0
        self._status = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to be taken away."""

    def advance(self, by: float = 1, status: object = "") -> None:
        """Say that so much more is done, and in a few words at what it is.  Cheap enough for a loop."""
        self._done += by
        self._status = one_line(status)
        self._moved()

    def say(self, text: str) -> None:
        """Print a line that stays, above the bar."""
        echo(one_line(text), err=True)

    def _moved(self) -> None:
        """Show it, where it does not show itself."""

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1; None where nobody knows."""
        if self._total is None:
            return None
        share = self._done / self._total if self._total > 0 else 1.0
        return 0.0 if math.isnan(share) else min(max(share, 0.0), 1.0)

    @property
    def counted(self) -> str:
        """How much in numbers."""
        return f"{self._done:g}" if self._total is None else f"{self._done:g} of {self._total:g}"


class _OnTerminal(ProgressBar):
    def __init__(self, name: str, total: float | None) -> None:
        super().__init__(name, total)
        self._shown = Redrawn(self._render, err=True, stays=False)

    def __enter__(self) -> Self:
        self._shown.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._shown.__exit__(*error)

    def say(self, text: str) -> None:
        self._shown.say(text)

    def _render(self, width: int) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        share = self.share
        percent = "" if share is None else f"{share:.0%}"
        cells: list[Any] = [Text(self._name), Text(percent.rjust(4)), Text(self.counted), Text(self._status, "dim")]
        room = bar_width(width - sum(cell.cell_len for cell in cells[:3]) - 8 - min(cells[3].cell_len, 20))
        if room:
            cells.insert(1, bar(share or 0.0, room, pulse=share is None))
        grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
        for _ in cells[:-1]:
            grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        grid.add_row(*cells)
        return grid


class _InLines(ProgressBar):
    def __init__(self, name: str, total: float | None) -> None:
        super().__init__(name, total)
        self._told_at = time.monotonic()

    def _moved(self) -> None:
        if (now := time.monotonic()) - self._told_at >= LINE_EVERY:
            self._told_at = now
            percent = "" if self.share is None else f"{self.share:.0%}"
            self.say("  ".join(filter(None, (self._name, percent, self.counted, self._status))))


class _Unseen(ProgressBar):
    def say(self, text: str) -> None:
        """Nobody asked for it."""


def progress_bar(name: str, total: float | None = None, *, quiet: bool = False) -> ProgressBar:
    """A bar for the length of a `with` block, on standard error, which is gone at its end.

    On a terminal it is redrawn; in a pipe there is a plain line every few seconds, and none of what takes no time.
    What belongs to the answer is printed after the block.

    Parameters
    ----------
    name : what is done, in a word or two.
    total : of how much; None where nobody knows.
    quiet : whether nothing is shown, as with `--json`.
    """
    if quiet:
        return _Unseen(name, total)
    return _OnTerminal(name, total) if on_terminal(sys.stderr) else _InLines(name, total)

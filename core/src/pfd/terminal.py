"""Writing to a terminal or a pipe, so that no text steers a terminal or is markup."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

import click

from pfd.characters import printable
from pfd.streams import answer

if TYPE_CHECKING:
    from rich.console import Console


def on_terminal(stream: TextIO | None = None) -> bool:
    """Whether a stream (standard output) is a terminal that wants more than plain text."""
    return (stream or answer()).isatty() and os.environ.get("TERM") != "dumb"


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text of one line or many, on standard error where `err`, with a line end where `nl`."""
    click.echo(printable(text), file=sys.stderr if err else answer(), nl=nl)


def rich_console(*, stderr: bool = False) -> Console:
    """A rich console to which no text is markup; NO_COLOR is respected by rich itself."""
    file = sys.stderr if stderr else answer()
    console: Console = _plain_console()(highlight=False, markup=False, emoji=False, file=file)
    return console


@functools.cache
def _plain_console() -> type[Any]:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class PlainConsole(Console):
        """Texts are cleaned where they are laid out, since an escape is wider; whatever was not is cleaned here."""

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else segment._replace(text=printable(segment.text))

    return PlainConsole

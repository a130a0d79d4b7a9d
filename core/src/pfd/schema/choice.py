"""What can be chosen for a field: its choices, or what there is of the things that it names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pfd.errors import ParameterError
from pfd.references import Choices
from pfd.schema.field import Field
from pfd.schema.shape import Shape
from pfd.schema.typed import text_of, value_of

MOST = 50
"""Things that are offered unless more are asked for."""


class Source(Protocol):
    """Who knows what there is of the things that parameters name: a `pfd.Dispatcher` is one."""

    def choices(self, kind: str, limit: int, /) -> Choices:
        """What there is of a kind, the newest first."""


@dataclass(frozen=True)
class Choice:
    """A value that can be chosen, as JSON has it; what is typed for it; what it is."""

    value: Any
    text: str
    about: str = ""


def choices_of(field: Field, source: Source | None = None, limit: int = MOST) -> tuple[Choice, ...]:
    """What can be chosen for a field, or for what stands in it where it is a list: at most `limit`.

    Those of a reference come from `source`, the newest first.  Without one there are none of these.
    """
    shape = field.shape.items if field.shape.items is not None else field.shape
    if field.reference:
        there = Choices() if source is None else source.choices(field.reference, limit)
        return tuple(_named(shape, there.names))
    return tuple(Choice(value, text_of(shape, value)) for value in shape.choices[:limit] if value is not None)


def _named(shape: Shape, names: Mapping[str, str]) -> Iterator[Choice]:
    for text, about in names.items():
        with contextlib.suppress(ParameterError):  # what cannot be typed for this field is no choice
            yield Choice(value_of(shape, text), text, about)

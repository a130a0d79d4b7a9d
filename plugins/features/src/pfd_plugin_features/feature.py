"""What a feature is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from pfd_plugin_features.batch import Floats, Windows
from pfd_plugin_features.condition import Condition


def always(_: Condition) -> str | None:
    """For features that need nothing beside the samples."""
    return None


@dataclass(frozen=True)
class Feature:
    """A named number of a window.

    Parameters
    ----------
    name : column of the table.
    domain : one of `params.Domain`.
    unit : `"signal"` for the signal's own unit, `"1"` for a pure number.
    compute : a batch of n windows in, n values out.
    absence : why it cannot be computed under a condition at one speed; None where it can.
    needs_speed : whether its value goes by the speed of the shaft.
    """

    name: str
    domain: str
    unit: str
    compute: Callable[[Windows], Floats]
    absence: Callable[[Condition], str | None] = always
    needs_speed: bool = False

    def missing(self, condition: Condition) -> str | None:
        """Why it cannot be computed for all windows of a recording; None where it can."""
        return next((reason for one in condition.extremes if (reason := self.absence(one)) is not None), None)

    @property
    def definition(self) -> str:
        """Formula and source, as the function's docstring gives them."""
        return inspect.cleandoc(self.compute.__doc__ or "")

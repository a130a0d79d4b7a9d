"""What the values of features are like, summed up while they are computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from pfd.views import Table, columns

Floats = npt.NDArray[np.float64]


class Summary:
    """The mean, the spread and the range of each of `n` features, over all windows so far."""

    def __init__(self, n: int) -> None:
        self._count = 0
        self._mean, self._squares = np.zeros(n), np.zeros(n)
        self._least, self._most = np.full(n, np.inf), np.full(n, -np.inf)

    def add(self, values: Floats) -> None:
        """Take in the values `(windows, n)` of a batch (Chan et al., The American Statistician 37, 1983)."""
        count = self._count + len(values)
        mean = values.mean(axis=0)
        away = mean - self._mean
        self._squares += ((values - mean) ** 2).sum(axis=0) + away**2 * (self._count * len(values) / count)
        self._mean += away * (len(values) / count)
        self._count = count
        self._least = np.minimum(self._least, values.min(axis=0))
        self._most = np.maximum(self._most, values.max(axis=0))

    def table(self, names: Sequence[str], units: Mapping[str, str], signal_unit: str) -> Table:
        """One row a feature.  The unit `signal` is that of the signal, where that is known."""
        spread = np.sqrt(self._squares / self._count)
        rows = tuple(
            (name, _unit(units[name], signal_unit), mean, deviation, least, most)
            for name, mean, deviation, least, most in zip(
                names, self._mean, spread, self._least, self._most, strict=True
            )
        )
        heads = columns("feature", "unit", "mean", "standard deviation", "least", "greatest")
        note = f"Over {self._count} windows of all recordings. Which of them tell the classes apart says importance."
        return Table(title="Features", columns=heads, rows=rows, note=note)


def _unit(unit: str, of_signal: str) -> str:
    """The unit of a feature, with that of the signal in its place: `signal²` is `g²`, or `(m/s²)²`."""
    if unit == "1":
        return "–"
    if not of_signal or not unit.startswith("signal"):
        return unit
    power = unit.removeprefix("signal")
    return f"({of_signal}){power}" if power and not of_signal.isalpha() else f"{of_signal}{power}"

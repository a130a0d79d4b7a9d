"""Parameters and a result in which nothing is wrong."""

from pfd import Params, Result


class Signal(Params):
    samples: tuple[float, ...] = ()


class Level(Result):
    rms: float | None = None
    peak: float | None = None

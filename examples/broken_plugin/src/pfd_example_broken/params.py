"""Parameters and a result in which nothing is wrong, but for a name."""

from typing import Annotated

from pfd import Params, Refers, Result


class Signal(Params):
    samples: tuple[float, ...] = ()


class Gear(Params):
    gearbox: Annotated[str, Refers("gear_box")] = "first"


class Level(Result):
    rms: float | None = None
    peak: float | None = None

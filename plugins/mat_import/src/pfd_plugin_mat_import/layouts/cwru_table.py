"""The Case Western Reserve University tests by the number of their variables.

From the tables of the Bearing Data Center (engineering.case.edu/bearingdatacenter): normal baseline, 12 kHz and 48 kHz
drive end, 12 kHz fan end.  A number that is not here is not known, and nothing is made up for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

NOMINAL_RPM = (1797.0, 1772.0, 1750.0, 1730.0)
"""Nominal speed at 0, 1, 2 and 3 hp."""

# Ball and pitch diameters of the tables in inches, 0.3126 on 1.537 and 0.2656 on 1.122, in mm.
_DRIVE_END = {"n_balls": 9, "ball_d_mm": 7.94, "pitch_d_mm": 39.04, "contact_deg": 0.0}
_FAN_END = {"n_balls": 8, "ball_d_mm": 6.746, "pitch_d_mm": 28.499, "contact_deg": 0.0}


FAULT_WORDS = {"IR": "inner_race", "B": "ball", "OR": "outer_race"}
"""The site's words for a fault: `IR007` is 0.007 inch in an inner race."""


@dataclass(frozen=True)
class Test:
    """One recording of the tests.

    `number` is that of its file on the site, `end` where the faulty bearing sits, `clock` where an outer race's fault
    points, `load_hp` the load, `size_in` the width of the fault in inches (0 for a healthy bearing).  Those of the
    tables are all known.
    """

    number: int | None
    end: str | None
    rate_hz: float | None
    fault: str
    size_in: float
    clock: int | None
    load_hp: int

    @property
    def bearing_id(self) -> str | None:
        """A fault of one size at one end is one bearing, whatever the load, the rate and the clock position.

        The clock positions of an outer race may be one ring that was turned, so they are taken for one.
        """
        if self.fault == "normal":
            return "cwru-normal"
        return f"cwru-{self.end}-{self._defect}" if self.end else None

    @property
    def specimen(self) -> str | None:
        if self.size_in > 0.025:
            return "NTN equivalent of the SKF 6205-2RS JEM"
        return {"DE": "SKF 6205-2RS JEM", "FE": "SKF 6203-2RS JEM"}.get(self.end or "")

    @property
    def geometry(self) -> Mapping[str, float] | None:
        """Of the bearing under test; that of the NTN bearings was not published."""
        if self.size_in > 0.025:
            return None
        return {"DE": _DRIVE_END, "FE": _FAN_END}.get(self.end or "")

    @property
    def label(self) -> str:
        """What the site calls it: `IR014_1`, `OR007@6_0`, `Normal_2`."""
        if self.fault == "normal":
            return f"Normal_{self.load_hp}"
        return f"{self._defect}{f'@{self.clock}' if self.clock else ''}_{self.load_hp}"

    @property
    def _defect(self) -> str:
        short = next(word for word, fault in FAULT_WORDS.items() if fault == self.fault)
        return f"{short}{round(1000 * self.size_in):03d}"


# Rate and end, fault, size, clock position, numbers at 0, 1, 2 and 3 hp (None: not recorded).
_Row = tuple[str, str, float, int | None, tuple[int | None, ...]]
_ROWS: tuple[_Row, ...] = (
    ("normal", "normal", 0.0, None, (97, 98, 99, 100)),
    ("12k DE", "inner_race", 0.007, None, (105, 106, 107, 108)),
    ("12k DE", "ball", 0.007, None, (118, 119, 120, 121)),
    ("12k DE", "outer_race", 0.007, 6, (130, 131, 132, 133)),
    ("12k DE", "outer_race", 0.007, 3, (144, 145, 146, 147)),
    ("12k DE", "outer_race", 0.007, 12, (156, 158, 159, 160)),
    ("12k DE", "inner_race", 0.014, None, (169, 170, 171, 172)),
    ("12k DE", "ball", 0.014, None, (185, 186, 187, 188)),
    ("12k DE", "outer_race", 0.014, 6, (197, 198, 199, 200)),
    ("12k DE", "inner_race", 0.021, None, (209, 210, 211, 212)),
    ("12k DE", "ball", 0.021, None, (222, 223, 224, 225)),
    ("12k DE", "outer_race", 0.021, 6, (234, 235, 236, 237)),
    ("12k DE", "outer_race", 0.021, 3, (246, 247, 248, 249)),
    ("12k DE", "outer_race", 0.021, 12, (258, 259, 260, 261)),
    ("12k DE", "inner_race", 0.028, None, (3001, 3002, 3003, 3004)),
    ("12k DE", "ball", 0.028, None, (3005, 3006, 3007, 3008)),
    ("48k DE", "inner_race", 0.007, None, (109, 110, 111, 112)),
    ("48k DE", "ball", 0.007, None, (122, 123, 124, 125)),
    ("48k DE", "outer_race", 0.007, 6, (135, 136, 137, 138)),
    ("48k DE", "outer_race", 0.007, 3, (148, 149, 150, 151)),
    ("48k DE", "outer_race", 0.007, 12, (161, 162, 163, 164)),
    ("48k DE", "inner_race", 0.014, None, (174, 175, 176, 177)),
    ("48k DE", "ball", 0.014, None, (189, 190, 191, 192)),
    ("48k DE", "outer_race", 0.014, 6, (201, 202, 203, 204)),
    ("48k DE", "inner_race", 0.021, None, (213, 214, 215, 217)),
    ("48k DE", "ball", 0.021, None, (226, 227, 228, 229)),
    ("48k DE", "outer_race", 0.021, 6, (238, 239, 240, 241)),
    ("48k DE", "outer_race", 0.021, 3, (250, 251, 252, 253)),
    ("48k DE", "outer_race", 0.021, 12, (262, 263, 264, 265)),
    ("12k FE", "inner_race", 0.007, None, (278, 279, 280, 281)),
    ("12k FE", "ball", 0.007, None, (282, 283, 284, 285)),
    ("12k FE", "outer_race", 0.007, 6, (294, 295, 296, 297)),
    ("12k FE", "outer_race", 0.007, 3, (298, 299, 300, 301)),
    ("12k FE", "outer_race", 0.007, 12, (302, 305, 306, 307)),
    ("12k FE", "inner_race", 0.014, None, (274, 275, 276, 277)),
    ("12k FE", "ball", 0.014, None, (286, 287, 288, 289)),
    ("12k FE", "outer_race", 0.014, 6, (313,)),
    ("12k FE", "outer_race", 0.014, 3, (310, 309, 311, 312)),
    ("12k FE", "inner_race", 0.021, None, (270, 271, 272, 273)),
    ("12k FE", "ball", 0.021, None, (290, 291, 292, 293)),
    ("12k FE", "outer_race", 0.021, 6, (315,)),
    ("12k FE", "outer_race", 0.021, 3, (None, 316, 317, 318)),
)

# Files whose variables are numbered otherwise: 174.mat holds X173, 3001 to 3008 hold X056 to X059 and X048 to X051.
_RENUMBERED = {174: 173} | dict(zip(range(3001, 3009), (56, 57, 58, 59, 48, 49, 50, 51), strict=True))


def _tests() -> dict[int, Test]:
    found = {}
    for series, fault, size, clock, numbers in _ROWS:
        rate_hz = 12_000.0 if series.startswith("12k") else 48_000.0
        end = "FE" if series.endswith("FE") else "DE"
        for load_hp, file_number in enumerate(numbers):
            if file_number is not None:
                variable = _RENUMBERED.get(file_number, file_number)
                found[variable] = Test(file_number, end, rate_hz, fault, size, clock, load_hp)
    return found


TESTS: Mapping[int, Test] = MappingProxyType(_tests())
"""The tests by the number in their variables' names (`X105_DE_time` is 105)."""

SHARED: Mapping[frozenset[int], int] = MappingProxyType(
    {frozenset({98, 99}): 99, frozenset({175, 217}): 175, frozenset({215, 217}): 217}
)
"""Files of the site that hold a second recording as well: the numbers in such a file, and the one it is for."""

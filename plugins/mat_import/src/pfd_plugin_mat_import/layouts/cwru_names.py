"""What the words in the path of a CWRU file say: `12k_Drive_End_IR007_1`, `48k DE/OR021@6_2`, `Normal_3`.

They are the site's own words, also used by the copies of the data set that were given names.  Nothing is taken from a
path that does not hold all of fault, size and load in one of its parts.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pfd_plugin_mat_import.layouts.cwru_table import FAULT_WORDS, Test

_TEST = re.compile(r"(?<![a-z])(IR|B|OR)(\d{3})(?:@(3|6|12))?_([0-3])(?!\d)", re.IGNORECASE)
_NORMAL = re.compile(r"(?<![a-z])normal_([0-3])(?!\d)", re.IGNORECASE)
_RATE = re.compile(r"(?<!\d)(12|48)k", re.IGNORECASE)
_ENDS = {
    "DE": re.compile(r"drive[ _-]?end|(?<![a-z])DE(?![a-z])", re.IGNORECASE),
    "FE": re.compile(r"fan[ _-]?end|(?<![a-z])FE(?![a-z])", re.IGNORECASE),
}


def find_test(path: PurePosixPath) -> Test | None:
    """The test that a path describes, its rate and end unknown where the path does not tell them; else None."""
    text = str(path.with_suffix(""))
    rates, ends = {float(rate) * 1e3 for rate in _RATE.findall(text)}, [e for e in _ENDS if _ENDS[e].search(text)]
    rate_hz = rates.pop() if len(rates) == 1 else None
    end = ends[0] if len(ends) == 1 else None
    if match := _TEST.search(path.stem):
        fault = FAULT_WORDS[match[1].upper()]
        clock = int(match[3]) if match[3] else None
        return Test(None, end, rate_hz, fault, int(match[2]) / 1e3, clock, int(match[4]))
    if match := _NORMAL.search(path.stem):
        return Test(None, "DE", rate_hz, "normal", 0.0, None, int(match[1]))
    return None

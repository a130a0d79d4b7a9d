"""When a store answered last, and how often it did not."""

from __future__ import annotations

import time
from typing import Literal

Access = Literal["read", "write"]


class Answers:
    """What came of the transactions of this process.  Moments are those of `time.monotonic`.

    Counted without a lock: a reader may see a count that is one too small, for a moment.
    """

    def __init__(self) -> None:
        self._last: dict[Access, float] = {}
        self.failures: dict[Access, int] = {"read": 0, "write": 0}
        """Transactions that failed because of the store itself."""

    def came(self, access: Access) -> None:
        self._last[access] = time.monotonic()

    def failed(self, access: Access) -> None:
        self.failures[access] += 1

    def age(self, access: Access) -> float | None:
        """Seconds since a transaction of that kind went well; None where none has."""
        last = self._last.get(access)
        return None if last is None else time.monotonic() - last

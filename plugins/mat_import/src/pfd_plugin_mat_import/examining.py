"""Looking at what was read: what the signal of each recording shows, and which recordings share samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pfd_plugin_mat_import.copies import CopyFinder
from pfd_plugin_mat_import.findings import Measured
from pfd_plugin_mat_import.importing import Outcome
from pfd_plugin_mat_import.measures import measure


def examine(outcomes: Iterable[Outcome], copies: CopyFinder) -> Iterator[tuple[Outcome, Measured | None]]:
    """Each outcome with what the signal of its recording shows, if it has one, which has the speed that was measured
    among its columns then; `copies` is given them all."""
    for outcome in outcomes:
        if (imported := outcome.imported) is None:
            yield outcome, None
            continue
        measures = measure(imported.info, imported.signal)
        copies.add(imported.signal)
        info = measures.described(imported.info)
        measured = Measured(info, measures, imported.notes, imported.gaps)
        yield replace(outcome, imported=replace(imported, info=info)), measured

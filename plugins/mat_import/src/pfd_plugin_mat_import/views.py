"""What is shown of an import: what was found amiss, what the dataset holds, and how far a running one is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pfd import JobView
from pfd.views import (
    Block,
    Download,
    Link,
    Metric,
    Metrics,
    Table,
    Warning,  # noqa: A004
    columns,
)
from pfd_plugin_data import dataset_overview, dataset_so_far

GRAVE = frozenset({"bandwidth_by_class", "duplicate", "offset", "one_bearing", "rate_by_class", "speed_refuted"})
"""Findings that make scores better than they are: what tells the classes apart is not the fault."""


def dataset_imported(view: JobView) -> Iterator[Block]:
    """An imported dataset: grave findings first."""
    result = view.result
    findings = result.get("findings") or []
    grave = [finding["text"] for finding in findings if finding["kind"] in GRAVE]
    yield from (Warning(text=text) for text in dict.fromkeys(grave) if text.strip())
    if refused := result.get("n_failures"):
        yield Warning(text=f"files that were not imported: {refused}")
    yield Metrics(items=tuple(_counts(result)))
    if findings:
        rows = tuple((one["kind"].replace("_", " "), one["text"], ", ".join(one["records"])) for one in findings)
        more = max(0, result.get("n_findings", 0) - len(rows))
        yield Table(title="Findings", columns=columns("finding", "what it is", "recordings"), rows=rows, more=more)
    if failures := result.get("failures"):
        why = tuple((one["file"], one["reason"]) for one in failures)
        more = max(0, (refused or 0) - len(why))
        yield Table(title="Not imported", columns=columns("file", "why"), rows=why, more=more)
    yield from dataset_overview(view)
    yield from (Download(artifact=name) for name in ("bearings.csv", "findings.json") if name in view.files)


def imported_so_far(view: JobView) -> Iterator[Block]:
    """How far an import is, class by class."""
    yield from dataset_so_far(view)


def _counts(result: Any) -> Iterator[Metric]:
    if result.get("dataset_id") is None:
        yield Metric(name="dataset", value=result["name"], note="a dry run: none is stored")
    else:
        link = Link(kind="dataset", id=result["dataset_id"], label=result["name"])
        yield Metric(name="dataset", value=link)
    yield Metric(name="recordings", value=result["n_recordings"])
    yield Metric(name="bearings", value=result["n_bearings"])
    yield Metric(name="classes", value=len(result["classes"]))
    if unlabelled := result.get("n_unlabelled"):
        yield Metric(name="unlabelled recordings", value=unlabelled)

"""The steps, and the jobs that they become."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from pfd import Job, PfdError, State
from pfd.cli import output
from pfd.cli.live import Attendant, Display, follow
from pfd.cli.outcome import require_success
from pfd.cli.parameters import admit
from pfd.cli.state import Session
from pfd.console import one_line

GENERATE, IMPORT = "generate_dataset_task", "import_mat_dataset_task"
EXTRACT, TRAIN, ROC = "extract_features_task", "train_model_task", "generate_roc_analysis_task"

RECORDINGS = {"name": "demo", "num_signals_per_fault": 8, "bearings_per_fault": 8, "duration_s": 4.0}
"""Eight bearings a class, so that each part of the split holds several."""

EPOCHS = 20

DATA, FEATURES, FOREST, NETWORK, CURVES = "recordings", "features", "random_forest", "cnn1d", "ROC curves"
PROBE = "split by bearing"
STEPS = (DATA, FEATURES, FOREST, NETWORK, CURVES)

Result = Mapping[str, Any]


def splits(bearings: Sequence[Result]) -> list[dict[str, Any]]:
    """The splits to ask for, one after the other until the task agrees to one.

    By bearing is what tells something about bearings to come, so that is asked for first, whatever is known already:
    the refusal says why the others are second best.
    """
    counts = Counter(str(bearing["fault_type"]) for bearing in bearings)
    lone = sorted(name for name, count in counts.items() if count < 2)
    wanted: list[dict[str, Any]] = [{"protocol": "bearing"}]
    if lone:
        if len(counts) - len(lone) >= 2:
            wanted.append({"protocol": "bearing", "leave_out": lone})
        wanted += [{"protocol": "speed"}, {"protocol": "load"}, {"protocol": "recording"}]
    return wanted


class Story:
    """The steps of the demo and the jobs that they became."""

    def __init__(self, session: Session, display: Display, attendant: Attendant) -> None:
        self._session = session
        self._display = display
        self._attendant = attendant
        self._submitted: list[str] = []
        self.jobs: dict[str, Job] = {}

    def tell(self, mat_dir: Path | None) -> None:
        wanted: Sequence[Result] = [{"protocol": "bearing"}]
        if mat_dir is None:
            data = self._one(DATA, GENERATE, RECORDINGS)
        else:
            data = self._one(DATA, IMPORT, {"source": str(mat_dir.resolve()), "name": _name(mat_dir)})
            self._show_import(data)
            wanted = splits(data["bearings"])
        network = {"model": "cnn1d", "dataset": data["dataset_id"], "epochs": EPOCHS}
        # The network needs no features: it learns, or learns that it may not, while those are extracted.
        first = PROBE if wanted[1:] else NETWORK
        ended = self._run(
            {
                FEATURES: (EXTRACT, {"dataset": data["dataset_id"]}),
                first: (TRAIN, {**network, "split": wanted[0]}),
            },
            may_refuse=bool(wanted[1:]),
        )
        forest = {"model": "random_forest", "feature_set": (ended[FEATURES].result or {})["feature_set_id"]}
        refusal = _refusal(ended)
        if refusal is None:
            self.jobs[NETWORK] = ended[first]
            self._run({FOREST: (TRAIN, {**forest, "split": wanted[0]})})
        for split in wanted[1:]:
            if refusal is None:
                break
            self._display.say(f"refused: {refusal}", "yellow")
            self._display.say(f"asked for by name instead: {_in_words(split)}")
            steps = {FOREST: (TRAIN, {**forest, "split": split}), NETWORK: (TRAIN, {**network, "split": split})}
            refusal = _refusal(self._run(steps, may_refuse=split is not wanted[-1]))
        models = [(self.jobs[step].result or {})["experiment_id"] for step in (FOREST, NETWORK)]
        self._one(CURVES, ROC, {"experiments": models})

    def cancel(self) -> int:
        """Cancel what has not ended, since nobody would go on from it; how many those were."""
        live = [ref for ref in self._submitted if not self._session.dispatcher.handle(ref).ready()]
        for ref in live:
            with contextlib.suppress(PfdError):
                self._session.dispatcher.cancel(ref)
        return len(live)

    def _one(self, step: str, task: str, params: Result) -> Result:
        return self._run({step: (task, params)})[step].result or {}

    def _run(self, steps: Mapping[str, tuple[str, Result]], *, may_refuse: bool = False) -> dict[str, Job]:
        """Run steps side by side.  Raises `JobError` where one fails, other than by a refusal that may come."""
        handles = {}
        for step, (task, params) in steps.items():
            declared = self._session.registry.task(task)
            typed = [Path(params["source"])] if "source" in params else []
            checked, roots = admit(declared, params, typed, self._session.settings)
            handles[step] = self._session.dispatcher.submit(task, checked, roots=roots, tags=("demo",))
            self._submitted.append(handles[step].id)
        ended = follow(self._display, handles, self._attendant, others=self._others(steps), tell_end=not may_refuse)
        for step, job in ended.items():
            if not (may_refuse and _refused(job)):
                require_success(self._session, job)
                self.jobs[step] = job
        self._display.show(self._others(()))
        return ended

    def _others(self, running: Container[str]) -> dict[str, Job | None]:
        """All steps in their order, with a place for the one that is only asked whether it may."""
        shown: dict[str, Job | None] = {}
        for step in STEPS:
            if step == FOREST and PROBE in running:
                shown[PROBE] = None
            shown[step] = self.jobs.get(step)
        return shown

    def _show_import(self, data: Result) -> None:
        rows = [
            (
                bearing["bearing_id"],
                bearing["fault_type"],
                "?" if bearing["fault_size"] is None else f"{bearing['fault_size']:g}",
                ", ".join(bearing["records"]),
            )
            for bearing in data["bearings"]
        ]
        recordings = output.counted(data["n_recordings"], "recording")
        self._display.say(f"{recordings} of {output.counted(data['n_bearings'], 'bearing')}", "bold")
        # Through the display, since bars that are being redrawn would otherwise write over it.
        for text in _aligned([("BEARING", "FAULT", "INCHES", "RECORDINGS"), *rows]):
            self._display.say(text)
        self._display.say("")
        for failure in data["failures"][:5]:
            self._display.say(f"not imported: {failure['file']}: {failure['reason']}", "yellow")
        if data["n_failures"] > 5:
            self._display.say(f"not imported: {data['n_failures'] - 5} more", "yellow")


def _refused(job: Job) -> bool:
    """Whether the task declined the data, as opposed to having gone wrong."""
    return job.state is State.FAILURE and job.failure is not None and job.failure.type == "DataError"


def _refusal(jobs: Mapping[str, Job]) -> str | None:
    """What the task has against the data, where it declined them."""
    return next((job.failure.message for job in jobs.values() if job.failure and _refused(job)), None)


def _in_words(split: Result) -> str:
    left = f", leaving out {', '.join(split['leave_out'])}" if split.get("leave_out") else ""
    return f"split by {split['protocol']}{left}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _name(folder: Path) -> str:
    """A name for the dataset, out of that of the folder."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", folder.resolve().stem).strip("-.")[:64]
    return name if re.match("[A-Za-z]", name) else f"imported-{name}"[:64].strip("-")

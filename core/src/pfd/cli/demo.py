"""`pfd demo`: recordings → features → two models → ROC curves, as jobs.

Only names of tasks and JSON results cross from here into the plugins: the core imports none of them.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pfd.cli import output
from pfd.cli.live import Attendant, Display, elapsed, follow, open_display
from pfd.cli.outcome import apart, files, folded, require_success, show_lines
from pfd.cli.parameters import admit
from pfd.cli.state import Session, pass_session
from pfd.console import echo, one_line, print_heading, print_table
from pfd.errors import PfdError, PluginError
from pfd.job import LIVE, Job, State

GENERATE, IMPORT = "generate_dataset_task", "import_mat_dataset_task"
EXTRACT, TRAIN, ROC = "extract_features_task", "train_model_task", "generate_roc_analysis_task"
PLUGINS = {GENERATE: "data", IMPORT: "mat_import", EXTRACT: "features", TRAIN: "training", ROC: "evaluation"}

RECORDINGS = {"name": "demo", "num_signals_per_fault": 8, "bearings_per_fault": 8, "duration_s": 4.0}
"""Eight bearings a class, so that each part of the split holds several."""

EPOCHS = 20
SLOTS = 2
"""Both models train at once."""

DATA, FEATURES, FOREST, NETWORK, CURVES = "recordings", "features", "random_forest", "cnn1d", "ROC curves"
PROBE = "split by bearing"
STEPS = (DATA, FEATURES, FOREST, NETWORK, CURVES)

MEANINGS = {
    "windows, recordings": "share named rightly, of the test windows, and of recordings by the mean of their windows",
    "baseline": "the same of windows, by always naming the most frequent class of the training part",
    "AUROC": "area under the ROC curve, one class against the rest, mean over classes; 0.5 is chance, 1 is best",
    "95 %": "interval of the AUROC, as whole bearings of each class (else recordings) are drawn again, never windows",
    "ECE": "expected calibration error, mean gap between the largest probability and the share named rightly, over the "
    "test windows in 15 bins; 0 is best, 1 is worst",
}
"""What stands in the columns of the scores."""

Result = Mapping[str, Any]


@click.command()
@click.option(
    "--mat-dir",
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR",
    help="Import the MATLAB recordings in DIR (UESTC, CWRU or MFPT) instead of generating some.",
)
@pass_session
def demo(session: Session, mat_dir: Path | None) -> None:
    """From recordings to ROC curves, start to end: about a minute.

    Makes a dataset, extracts features, trains a random forest and a convolutional network on whole bearings, tests
    both on bearings that they have not met, and draws their ROC curves.  Everything is kept as ordinary jobs.
    """
    _require_plugins(session, IMPORT if mat_dir else GENERATE)
    with open_display() as display, Attendant(session, display, here=True, slots=SLOTS) as attendant:
        story = _Story(session, display, attendant)
        try:
            story.tell(mat_dir)
        except KeyboardInterrupt:
            cancelled = story.cancel()
            raise KeyboardInterrupt(
                f"interrupted; {cancelled} of its jobs cancelled, what was made before is kept: 'pfd jobs --tag demo'"
            ) from None
    _show_made(session, story.jobs)
    _show_scores(story.jobs)
    _show_next(session, story.jobs, generated=mat_dir is None)


def _require_plugins(session: Session, source: str) -> None:
    absent = [name for name in (source, EXTRACT, TRAIN, ROC) if name not in session.registry.tasks]
    if not absent:
        return
    present = {record.name for record in session.registry.records}
    wanted = [PLUGINS[name] for name in absent]
    if broken := [name for name in wanted if name in present]:
        hint = f"not loaded: {', '.join(broken)}; 'pfd plugins' says why"
    else:
        hint = "pip install " + " ".join(f"pfd-plugin-{name.replace('_', '-')}" for name in wanted)
    raise PluginError(f"the demo needs {', '.join(absent)}, which no plugin here offers", hint=hint)


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


class _Story:
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
        live = [ref for ref in self._submitted if self._session.dispatcher.job(ref).state in LIVE]
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


def _show_made(session: Session, jobs: Mapping[str, Job]) -> None:
    data, features = jobs[DATA].result or {}, jobs[FEATURES].result or {}
    classes = ", ".join(f"{count} {name}" for name, count in data["classes"].items())
    what = {
        DATA: f"dataset {data['dataset_id']}: {classes}; {output.counted(data['n_bearings'], 'bearing')}",
        FEATURES: f"feature set {features['feature_set_id']}: "
        f"{output.counted(features['n_features'], 'feature')} of {output.counted(features['n_windows'], 'window')} "
        f"at {features['sample_rate_hz']:g} Hz",
        CURVES: "one panel a model",
    }
    for step in (FOREST, NETWORK):
        model = jobs[step].result or {}
        windows = ", ".join(f"{count} {part}" for part, count in model["n_windows"].items())
        what[step] = f"experiment {model['experiment_id']}: windows {windows}"
    print_heading("made")
    rows = [(step, what[step], output.span(elapsed(jobs[step])), jobs[step].id[:8]) for step in STEPS]
    print_table(("step", "what", "took", "job"), rows, right=(2,))
    print_heading("where it lies")
    for step in STEPS:
        for name, path in files(session, jobs[step]).items():
            if not name.endswith((".json", ".npz", ".csv", ".svg")):
                echo(one_line(path))


def _show_scores(jobs: Mapping[str, Job]) -> None:
    curves = {entry["experiment_id"]: entry for entry in (jobs[CURVES].result or {})["experiments"]}
    rows = []
    for step in (FOREST, NETWORK):
        model = jobs[step].result or {}
        curve = curves[model["experiment_id"]]
        interval = curve["interval"]
        rows.append(
            (
                step,
                _percent(model["test_accuracy"]),
                _percent(model["test_record_accuracy"]),
                _percent(model["baseline_accuracy"]),
                _fraction(curve["macro_auroc"]),
                " to ".join(map(_fraction, interval)) if interval else "–",
                _fraction(model["test_ece"]),
            )
        )
    print_heading("scores on the test part")
    heads = ("model", "windows", "recordings", "baseline", "AUROC", "95 %", "ECE")
    print_table(heads, rows, right=(1, 2, 3, 4, 6))
    echo()
    for step in (FOREST, NETWORK):  # under the scores: in a column it would be a word a line
        echo(folded(one_line(f"{step}: {(jobs[step].result or {})['stamp']}")))
    echo()
    for word, meaning in MEANINGS.items():
        echo(folded(f"{word}: {meaning}"))
    for step in (FOREST, NETWORK):
        curve = curves[(jobs[step].result or {})["experiment_id"]]
        echo(folded(one_line(f"{step}: {curve['interval_note']}")))
    show_lines(apart(jobs[CURVES].result or {}, ["cautions"])[1])


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _fraction(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _show_next(session: Session, jobs: Mapping[str, Job], *, generated: bool) -> None:
    split = jobs[FOREST].params["split"]
    dataset = (jobs[DATA].result or {})["dataset_id"]
    named = "".join(f" split.leave_out={','.join(split['leave_out'])}" for _ in range(bool(split["leave_out"])))
    commands = {
        f"pfd open {jobs[CURVES].id[:8]}": "the curves",
        f"pfd job {jobs[NETWORK].id[:8]}": "all about one of the jobs",
        "pfd jobs --tag demo": "all of them",
        f"pfd data show {dataset}": "the recordings",
        f"pfd submit {TRAIN} model=cnn1d dataset={dataset} split.protocol={split['protocol']}{named} "
        "random_seed=1 --wait": "the same with another seed",
    }
    if generated and IMPORT in session.registry.tasks:
        commands["pfd demo --mat-dir DIR"] = "on recordings of your own"
    print_heading("next")
    width = max(len(command) for command in commands if len(command) < 60)
    for command, why in commands.items():
        echo(f"{command.ljust(width)}  # {why}")

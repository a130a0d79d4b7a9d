"""What was made, how good it is, and what to try next."""

from __future__ import annotations

from collections.abc import Mapping

from pfd import Job
from pfd.cli import output
from pfd.cli.live import elapsed
from pfd.cli.outcome import apart, files, folded, show_lines
from pfd.cli.state import Session
from pfd.console import echo, one_line, print_heading, print_table
from pfd_plugin_evaluation.demo.story import CURVES, DATA, FEATURES, FOREST, IMPORT, NETWORK, STEPS, TRAIN

MEANINGS = {
    "windows, recordings": "share named rightly, of the test windows, and of recordings by the mean of their windows",
    "baseline": "the same of windows, by always naming the most frequent class of the training part",
    "AUROC": "area under the ROC curve, one class against the rest, mean over classes; 0.5 is chance, 1 is best",
    "95 %": "interval of the AUROC, as whole bearings of each class (else recordings) are drawn again, never windows",
    "ECE": "expected calibration error, mean gap between the largest probability and the share named rightly, over the "
    "test windows in 15 bins; 0 is best, 1 is worst",
}
"""What stands in the columns of the scores."""


def show_made(session: Session, jobs: Mapping[str, Job]) -> None:
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


def show_scores(jobs: Mapping[str, Job]) -> None:
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


def show_next(session: Session, jobs: Mapping[str, Job], *, generated: bool) -> None:
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

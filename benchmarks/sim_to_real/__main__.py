"""`python -m benchmarks.sim_to_real design|score`: MFPT and UESTC as often as wanted, CWRU once a commit.

`design` shows what the classifier makes of generated windows that it was not fitted on, of MFPT and of UESTC.  `score`
shows what it makes of CWRU, writes that down in `cwru_scores.csv` under the commit, and refuses to do so twice.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.sim_to_real.generated import FAULTS, window
from benchmarks.sim_to_real.lines import Floats, describe
from benchmarks.sim_to_real.recordings import Window, windows
from pfd_plugin_data import SpeedSource

SCORES = Path(__file__).with_name("cwru_scores.csv")
WINDOWS, HELD, SEED = 3000, 600, 0
STRENGTH = 0.0003
"""Of the regression's penalty (scikit-learn's C): of 0.0003, 0.001, 0.003 and 0.01 the best on MFPT and UESTC."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sim_to_real", description=__doc__)
    parser.add_argument("what", choices=("design", "score"))
    chosen = parser.parse_args()
    if chosen.what == "score":
        score()
    else:
        design()


def generated(count: int, seed: int) -> tuple[Floats, npt.NDArray[np.int_]]:
    """Features `(count, features)` and classes of generated windows, each from a stream of its own."""
    streams = np.random.SeedSequence(seed).spawn(count)
    classes = np.arange(count) % len(FAULTS)
    rows = []
    for which, stream in zip(classes, streams, strict=True):
        rows.append(describe(*window(np.random.default_rng(stream), FAULTS[which])))
    return np.array(rows), classes


def fitted() -> tuple[Pipeline, float]:
    """The classifier, fitted on generated windows alone, and its accuracy on others of them."""
    x, y = generated(WINDOWS + HELD, SEED)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=5000))
    model.fit(x[:WINDOWS], y[:WINDOWS])
    return model, float(np.mean(model.predict(x[WINDOWS:]) == y[WINDOWS:]))


def design() -> None:
    model, held = fitted()
    print(f"generated windows held out: {held:.1%} right")
    for name in ("mfpt", "uestc"):
        for source in get_args(SpeedSource):
            found = list(windows(name, overlap=0.5, speed_source=source))
            show(f"{name}, {source} speeds", judged(model, found))


def score() -> None:
    commit = _commit()
    known = list(csv.DictReader(SCORES.open(encoding="utf-8"))) if SCORES.exists() else []
    if commit in (row["commit"] for row in known):
        raise SystemExit(f"CWRU was scored at {commit}: its score stands in {SCORES.name}")
    model, _ = fitted()
    found = judged(model, list(windows("cwru")))
    show("cwru", found)
    row = {
        "commit": commit,
        "date": datetime.now(UTC).date().isoformat(),
        "windows": len(found["truth"]),
        "accuracy": round(found["accuracy"], 4),
        "auroc": round(found["auroc"], 4),
        "bearing_mean": round(float(np.mean(list(found["bearings"].values()))), 4),
        "bearing_sd": round(float(np.std(list(found["bearings"].values()), ddof=1)), 4),
    }
    with SCORES.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row.keys())
        writer.writeheader()
        writer.writerows([*known, row])


def _commit() -> str:
    """The commit that is checked out.  Raises `SystemExit` where files differ from it."""
    here = Path(__file__).parent
    told = subprocess.run(
        ["git", "status", "--porcelain", "--", "benchmarks/sim_to_real", "plugins"],
        cwd=here.parents[1],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    changed = [line for line in told.splitlines() if SCORES.name not in line]
    if changed:
        raise SystemExit("commit first: a score belongs to a commit, and these differ\n" + "\n".join(changed))
    command = ["git", "rev-parse", "--short=12", "HEAD"]
    return subprocess.run(command, cwd=here, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def judged(model: Pipeline, found: Sequence[Window]) -> dict[str, Any]:
    """Accuracy of windows, AUROC of each class against the others (mean of those there are), and by bearing."""
    truth = np.array([FAULTS.index(one.fault) for one in found])
    shares = model.predict_proba(np.array([describe(one.x, one.rpm, one.geometry) for one in found]))
    right = shares.argmax(axis=1) == truth
    areas = [roc_auc_score(truth == which, shares[:, which]) for which in sorted(set(truth))]
    by_bearing: dict[str, list[bool]] = {}
    for one, hit in zip(found, right, strict=True):
        by_bearing.setdefault(one.bearing, []).append(bool(hit))
    return {
        "truth": truth,
        "named": shares.argmax(axis=1),
        "accuracy": float(right.mean()),
        "auroc": float(np.mean(areas)),
        "bearings": {name: float(np.mean(hits)) for name, hits in sorted(by_bearing.items())},
    }


def show(name: str, found: dict[str, Any]) -> None:
    counts = Counter(FAULTS[which] for which in found["truth"])
    print(f"\n{name}: {found['accuracy']:.1%} of {len(found['truth'])} windows right, macro AUROC {found['auroc']:.3f}")
    print(f"  windows: {dict(counts)}; of chance {max(counts.values()) / len(found['truth']):.1%}")
    print("  truth \\ named   " + "  ".join(f"{fault:>10}" for fault in FAULTS))
    for fault, row in zip(
        FAULTS, confusion_matrix(found["truth"], found["named"], labels=range(len(FAULTS))), strict=True
    ):
        print(f"  {fault:<15} " + "  ".join(f"{value:>10}" for value in row))
    for bearing, share in found["bearings"].items():
        print(f"  {bearing:<40} {share:.0%}")


if __name__ == "__main__":
    main()

"""Pages of a job of each task, as each client shows it, to be looked at: `python -m tools.gallery FOLDER`.

The jobs run in a home within FOLDER, where they stay for the next call.  For each job there are `open.html` (what
`pfd open` makes), `notebook.html` (what a cell of a notebook shows) and, light and dark and for two widths,
`plotly-….json` with the figures as a dashboard gets them, and `plotly-….html` where plotly can be imported, which no
part of PFD needs.  `report.html` is the report of them all.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pfd import Dispatcher, JobHandle, Settings, State, Worker
from pfd.client.views.report import report
from pfd.views import PALETTES, Figure, to_plotly

PATIENCE = 600.0

WIDTHS = (1160, 400)
"""Pixels of a figure in a window of a desktop and of a telephone."""

RIG = {"name": "rig", "num_signals_per_fault": 6, "bearings_per_fault": 6, "duration_s": 1.5, "snr_db": 3.0}
ROTOR = {"name": "rotor", "simulator": "rotor", "num_signals_per_fault": 2, "bearings_per_fault": 2, "duration_s": 1.0}
NETWORK = {"model": "cnn1d", "dataset": "rig", "window": 1024, "epochs": 12, "learning_rate": 3e-3}
LEAKY = {"protocol": "leaky-random"}


def main() -> None:
    """Run what has not run yet, and write all pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recordings", type=Path, help="files to import, such as some of CWRU")
    given = parser.parse_args()
    home = given.folder.resolve() / "home"
    roots = {"roots": (given.recordings.resolve(),)} if given.recordings else {}
    settings = Settings(home=home, **roots)
    with Dispatcher(settings) as pfd, Worker(settings, slots=1):
        for left in pfd.jobs([State.PENDING, State.STARTED, State.PROGRESS, State.RETRY]):
            pfd.cancel(left.id)  # by a call that was broken off
        jobs = dict(_jobs(pfd, given.recordings))
        for name, handle in jobs.items():
            _write(pfd, handle, given.folder / name)
        all_jobs = [pfd.job(handle.id) for handle in jobs.values()]
        page = report(all_jobs, home, pfd.plugins, pfd.store)
        (given.folder / "report.html").write_text(page, encoding="utf-8")


def _jobs(pfd: Dispatcher, recordings: Path | None) -> Iterator[tuple[str, JobHandle]]:
    """A job of each task, by the name of its folder; one that ran in an earlier call is taken from there."""

    def run(name: str, task: str, params: dict[str, Any]) -> tuple[str, JobHandle]:
        for job in pfd.jobs(State.SUCCESS, tags=("gallery", name), limit=1):
            return name, pfd.handle(job.id)
        handle = pfd.submit(task, params, tags=("gallery", name))
        handle.get(PATIENCE)
        return name, handle

    yield run("generated", "generate_dataset_task", RIG)
    yield run("rotor", "generate_dataset_task", ROTOR)
    if recordings is not None:
        source = {"source": str(recordings.resolve()), "name": "measured"}
        yield run("imported", "import_mat_dataset_task", source)
    name, extracted = run("extracted", "extract_features_task", {"dataset": "rig", "window": 1024})
    yield name, extracted
    features = {"feature_set": extracted.get()["feature_set_id"]}
    yield run("importance", "compute_importance_task", features)
    yield run("importance-leaky", "compute_importance_task", features | {"split": LEAKY, "methods": ["forest"]})
    yield run("selected", "select_features_task", features | {"n_features": 8})
    yield run("correlated", "compute_correlation_task", features)
    yield run("correlated-leaky", "compute_correlation_task", features | {"split": LEAKY})
    forest = run("forest", "train_model_task", features | {"model": "random_forest"})
    network = run("network", "train_model_task", NETWORK)
    leaky = run("network-leaky", "train_model_task", NETWORK | {"split": LEAKY, "epochs": 4})
    yield from (forest, network, leaky)
    experiments = [handle.get()["experiment_id"] for _, handle in (forest, network, leaky)]
    yield run("roc", "generate_roc_analysis_task", {"experiments": experiments})
    yield "running", _running(pfd)


def _running(pfd: Dispatcher) -> JobHandle:
    """A training that has got some way, and is then cancelled."""
    handle = pfd.submit("train_model_task", NETWORK | {"epochs": 10_000, "split": LEAKY})
    while len(pfd.series(handle.id, "training").points) < 8 and not handle.ready():
        time.sleep(0.2)
    return handle


def _write(pfd: Dispatcher, handle: JobHandle, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    blocks = pfd.blocks(handle.id)
    page = pfd.page(handle.id)
    (folder / "open.html").write_text(page.html, encoding="utf-8")
    cell = f"<!doctype html><meta charset=utf-8><body>{page._repr_html_()}"
    (folder / "notebook.html").write_text(cell, encoding="utf-8")
    for theme, width in itertools.product(PALETTES, WIDTHS):
        figures = [to_plotly(block, theme, width) for block in blocks if isinstance(block, Figure)]
        (folder / f"plotly-{theme}-{width}.json").write_text(json.dumps(figures), encoding="utf-8")
        if (drawn := _by_plotly(figures, PALETTES[theme].paper)) is not None:
            (folder / f"plotly-{theme}-{width}.html").write_text(drawn, encoding="utf-8")
    if pfd.job(handle.id).state is not State.SUCCESS:
        pfd.cancel(handle.id)


def _by_plotly(figures: list[dict[str, Any]], paper: str) -> str | None:
    try:
        to_html = importlib.import_module("plotly.io").to_html
    except ImportError:
        return None
    parts = [to_html(figure, include_plotlyjs=not number, full_html=False) for number, figure in enumerate(figures)]
    return f'<!doctype html><meta charset=utf-8><body style="background:{paper}">{"".join(parts)}'


if __name__ == "__main__":
    main()

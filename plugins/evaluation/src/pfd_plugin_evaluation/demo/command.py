"""The command: what it needs, and what becomes of an interrupt."""

from __future__ import annotations

from pathlib import Path

import click

from pfd import PluginError
from pfd.cli.live import Attendant, open_display
from pfd.cli.state import Session, pass_session
from pfd_plugin_evaluation.demo.story import EXTRACT, GENERATE, IMPORT, ROC, TRAIN, Story
from pfd_plugin_evaluation.demo.summary import show_made, show_next, show_scores

PLUGINS = {GENERATE: "data", IMPORT: "mat_import", EXTRACT: "features", TRAIN: "training", ROC: "evaluation"}
"""Which plugin offers a task, so that an absent one can be named."""

SLOTS = 2
"""Both models train at once."""


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
        story = Story(session, display, attendant)
        try:
            story.tell(mat_dir)
        except KeyboardInterrupt:
            cancelled = story.cancel()
            raise KeyboardInterrupt(
                f"interrupted; {cancelled} of its jobs cancelled, what was made before is kept: 'pfd jobs --tag demo'"
            ) from None
    show_made(session, story.jobs)
    show_scores(story.jobs)
    show_next(session, story.jobs, generated=mat_dir is None)


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

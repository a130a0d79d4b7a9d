"""What training hands back, whatever the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pfd_plugin_training.checkpoint import Epoch
from pfd_plugin_training.predictions import Predictions


@dataclass(frozen=True)
class Outcome:
    """A trained model on disk and what it says.

    Parameters
    ----------
    classes : names, in the order of the columns of probabilities.
    parts : predictions by part; a part without windows is absent.
    model_path : the written model.
    config : what it was trained with, resolved.
    selection : how the kept state was chosen, for the provenance; empty where there was nothing to choose.
    band : how recordings of different rates were made alike, for the provenance; empty where they have one rate.
    """

    classes: tuple[str, ...]
    parts: Mapping[str, Predictions]
    model_path: Path
    config: Mapping[str, Any]
    selection: str = ""
    band: str = ""
    best_epoch: int | None = None
    history: tuple[Epoch, ...] = field(default=())

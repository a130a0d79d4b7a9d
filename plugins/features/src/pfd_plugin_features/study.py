"""A feature set under a split, and what has to stand beside whatever is learnt from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pfd import TaskContext
from pfd.views import Provenance
from pfd_plugin_data import Caution, DatasetEntry, choose_split, find_dataset
from pfd_plugin_features.cautions import cautions_of
from pfd_plugin_features.learning import LearningTable, deal
from pfd_plugin_features.params import OnFeatureSet
from pfd_plugin_features.store import FeatureSetEntry, find_feature_set
from pfd_plugin_features.table import read_features

NO_VALIDATION = "the split has no validation part"


@dataclass(frozen=True)
class Study:
    """A feature set, its dataset, and its windows dealt to the parts of a split."""

    entry: FeatureSetEntry
    source: DatasetEntry
    table: LearningTable

    @staticmethod
    def of(params: OnFeatureSet, ctx: TaskContext, *, needs_labels: bool = True) -> Study:
        """The feature set and the split that parameters ask for.

        Raises
        ------
        DataError : the dataset is not the one that the features were made from, or cannot be split so; a stored split
            is not of it.
        """
        with ctx.session() as session:
            entry = find_feature_set(session, params.feature_set, home=ctx.settings.home)
            source = find_dataset(session, entry.dataset_id, home=ctx.settings.home)
        entry.require_unchanged(source)
        with source.open() as dataset:
            recordings = dataset.recordings
        split = choose_split(
            params.split, source, recordings, seed=params.random_seed, sessions=ctx.session, needs_labels=needs_labels
        )
        ctx.log.info("split: %s", split.title)
        ctx.progress(0.02, "Reading the features")
        table = deal(
            read_features(entry),
            recordings,
            split,
            max_windows=params.max_windows,
            seed=params.random_seed,
            needs_labels=needs_labels,
        )
        return Study(entry, source, table)

    @property
    def title(self) -> str:
        return f"feature set {self.entry.id} of dataset {self.source.name}"

    @property
    def leaks(self) -> list[str]:
        """How what is judged has been looked at, in choosing the features and in training."""
        return [leak for leak in (self.entry.leak(self.table.split), self.table.split.leak) if leak]

    @property
    def provenance(self) -> str:
        """How it was split, and what the features were selected from, in one line for people."""
        entry, own = self.entry, self.entry.leak(self.table.split)
        said = (own and f"LEAKY: {own}", entry.provenance and f"of {entry.provenance}", self.table.split.title)
        return "; ".join(filter(None, (*said, entry.speeds)))

    @property
    def shown_provenance(self) -> Provenance:
        """The same for a figure, which marks a leaky split itself."""
        return Provenance(text=self.provenance.removeprefix("LEAKY: "), leaky=bool(self.leaks))

    def cautions(self, subject: str, reached: float | None) -> list[Caution]:
        """What has to be known of what is learnt; `reached` as for `cautions_of`."""
        return cautions_of(subject, self.table, reached, self.leaks)

    def judged(self, what: str, reached: float | None) -> str:
        """A sentence on the balanced accuracy of a model on the validation part."""
        table = self.table
        if reached is None or table.validation is None:
            return f"Balanced accuracy of a {what} on new recordings: unknown, {NO_VALIDATION}."
        return (
            f"Balanced accuracy of a {what} on the validation part ({len(table.validation)} windows): "
            f"{reached:.3f}; by chance {1 / len(table.classes):.3f}."
        )

    def looked_at(self) -> dict[str, Any]:
        """The fields of `LookedAt`, which begin each result."""
        entry, table = self.entry, self.table
        parts = {"train": table.train, "validation": table.validation}
        return {
            "dataset_id": entry.dataset_id,
            "dataset_fingerprint": entry.dataset_fingerprint,
            "stamp": self.provenance,
            "split_name": table.split.name,
            "split_fold": table.split.fold,
            "leaky": bool(self.leaks),
            "n_windows": {name: 0 if part is None else len(part) for name, part in parts.items()},
            "n_bearings": {
                name: 0 if part is None else int(np.unique(part.bearing_id).size) for name, part in parts.items()
            },
        }

"""Fitting a normalisation on the training part of a split, and on nothing else."""

from __future__ import annotations

from typing import Unpack

from pfd import DataError
from pfd_plugin_data.dataset import Dataset
from pfd_plugin_data.normalisation import Moments, ZNorm
from pfd_plugin_data.splits import PARTS, Split
from pfd_plugin_data.windows import Conditions, common_channel, common_rate, count_windows, iter_windows


def fit_znorm(dataset: Dataset, split: Split, *, window: int, hop: int, **conditions: Unpack[Conditions]) -> ZNorm:
    """The mean and standard deviation of the samples of all training windows, streamed.

    What a scaler learns from the test part is leakage, so it takes the split and not a list of recordings; of a leaky
    split it takes the windows that train.  All other parameters are those of `iter_windows`.

    Raises
    ------
    DataError : the training part has no window, or its samples are all the same; and as `iter_windows` does.
    """
    # Found once: they are those of all recordings, and each call below would look through all of them.
    conditions["channel"] = conditions.get("channel") or common_channel(dataset.recordings)
    conditions["sample_rate_hz"] = conditions.get("sample_rate_hz") or common_rate(dataset.recordings)
    moments, n_windows = Moments(), 0
    for record in split.train:
        total = count_windows(dataset, record, window=window, hop=hop, **conditions)
        trains = split.parts(record, total) == PARTS.index("train")
        taken = 0
        for batch in iter_windows(dataset, [record], window=window, hop=hop, **conditions):
            chosen = batch.x[trains[taken : taken + len(batch.x)]]
            taken += len(batch.x)
            n_windows += len(chosen)
            moments.add(chosen)
    if not n_windows:
        raise DataError(f"the training part holds no window of {window} samples", hint="choose a shorter window")
    if moments.is_constant:
        raise DataError("the samples of all training windows are the same: there is nothing to scale by")
    return ZNorm(moments.mean, moments.deviation, n_windows)

"""What they do."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from pfd import TaskContext
from pfd_contract.plugin.params import Anything, NoParams
from pfd_contract.plugin.witness import witnessed
from pfd_contract_libraries.plugin import LoadParams, Number, SearchParams


def load_data(params: LoadParams, ctx: TaskContext) -> Number:
    """Sums what the worker processes of a PyTorch loader bring."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    with witnessed(ctx):
        data = TensorDataset(torch.arange(params.rows))
        loader = DataLoader(data, batch_size=8, num_workers=params.workers)
        return Number(value=sum(int(batch.sum()) for (batch,) in loader))


def count_threads(params: NoParams, ctx: TaskContext) -> Anything:
    """How many threads each library uses, by its own account."""
    import joblib
    import threadpoolctl
    import torch

    with witnessed(ctx):
        np.ones((64, 64)) @ np.ones((64, 64))
        pools = [[pool["user_api"], pool["num_threads"]] for pool in threadpoolctl.threadpool_info()]
        return Anything(value=[["torch", torch.get_num_threads()], ["joblib", joblib.effective_n_jobs(-1)], *pools])


class _Slow(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator whose every fit takes a moment."""

    def __init__(self, amount: int = 0) -> None:
        self.amount = amount

    def fit(self, x: Any, y: Any) -> _Slow:
        time.sleep(0.1)
        return self

    def score(self, x: Any, y: Any) -> float:
        return float(self.amount)


def search(params: SearchParams, ctx: TaskContext) -> Number:
    """A search that takes any `Exception` in a fit for a bad candidate, and goes on: for ten minutes."""
    from sklearn.model_selection import GridSearchCV

    with witnessed(ctx) as witness:
        grid = GridSearchCV(
            _Slow(), {"amount": list(range(3000))}, cv=2, error_score=np.nan, n_jobs=params.n_jobs, refit=False
        )
        witness.note("searches")
        grid.fit(np.zeros((8, 1)), np.array([0, 1] * 4))
        return Number(value=int(grid.best_params_["amount"]))

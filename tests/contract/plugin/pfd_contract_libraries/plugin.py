"""The manifest."""

from __future__ import annotations

from pydantic import Field

from pfd import Params, Result, Task, hookimpl
from pfd_contract.plugin.params import Anything, NoParams


class LoadParams(Params):
    workers: int = Field(2, ge=0, le=8)
    rows: int = Field(64, ge=1)


class SearchParams(Params):
    n_jobs: int = Field(1, ge=1, le=8)


class Number(Result):
    value: int


TASKS = [
    Task(
        "contract_load_data",
        run="pfd_contract_libraries.tasks:load_data",
        params=LoadParams,
        result=Number,
        preload=("torch",),
    ),
    Task(
        "contract_count_threads",
        run="pfd_contract_libraries.tasks:count_threads",
        params=NoParams,
        result=Anything,
        preload=("numpy", "torch", "sklearn.ensemble"),
    ),
    Task(
        "contract_search",
        run="pfd_contract_libraries.tasks:search",
        params=SearchParams,
        result=Number,
        preload=("sklearn.model_selection", "sklearn.linear_model"),
    ),
]


@hookimpl
def pfd_register_tasks() -> list[Task]:
    return TASKS

"""Parameters drawn from each task's own JSON schema are refused with a reason, or make a valid job."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema

from pfd import Dispatcher, Job, ParameterError, State
from pfd.plugins import Registry
from pfd.schema import fields_of
from pfd.task import PathPolicy
from tests.support import examples
from tests.support.workspace import workspace_registry

TASKS = sorted(workspace_registry().tasks)
EXAMPLES = 100
RUNS = 4
SPREAD = 60
"""So many draws are made for those runs: a quarter of them valid would do."""

CHEAP: dict[str, dict[str, Any]] = {
    "generate_dataset_task": {
        "num_signals_per_fault": 2,
        "bearings_per_fault": 2,
        "duration_s": 0.1,
        "sample_rate_hz": 12_000,
    },
    "compute_importance_task": {"n_estimators": 5, "n_repeats": 1},
    "select_features_task": {"n_subsamples": 4},
    "train_model_task": {"epochs": 1, "n_estimators": 5, "window": examples.WINDOW, "device": "cpu"},
}
"""Values that decide how long a job takes; the others are run as drawn."""

FAIRLY_REFUSED = {"DataError", "ParameterError"}
"""How a job may end that asks for what the data do not have, such as a channel or a speed."""

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def dispatcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dispatcher]:
    """A dispatcher on a store of its own, with no worker: what it stores stays PENDING.

    Nothing is kept in that store, and it is not looked whether there is what parameters name.
    """
    monkeypatch.setattr(Registry, "references", lambda _: {})
    monkeypatch.setenv("PFD_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with Dispatcher() as found:
        yield found


@functools.cache
def _drawn(name: str) -> Any:
    """Parameters that fit the schema of a task."""
    schema = workspace_registry().task(name).params.model_json_schema()
    assert schema["additionalProperties"] is False
    # Field by field: what draws a whole object makes the strategies of its fields anew for each draw, at four fifths
    # of the processor time of these tests.
    return st.one_of([_by_field(schema, kind) for kind in schema.get("anyOf", [{}])])


def _by_field(schema: dict[str, Any], kind: dict[str, Any]) -> Any:
    """Objects of a schema that are of one of its kinds, which narrows some fields and requires more of them."""
    shared = {"$defs": schema.get("$defs", {})}
    narrowed = kind.get("properties", {})
    fields = {
        field: from_schema(({"allOf": [part, narrowed[field]]} if field in narrowed else part) | shared)
        for field, part in schema["properties"].items()
    }
    names = {*schema.get("required", ()), *kind.get("required", ())}
    return st.fixed_dictionaries({name: fields.pop(name) for name in sorted(names)}, optional=fields)


def _submit(dispatcher: Dispatcher, name: str, params: dict[str, Any]) -> Job | ParameterError:
    """The job that these parameters make, or why they were refused."""
    try:
        return dispatcher.submit(name, params).job
    except ParameterError as error:
        return error


@pytest.mark.parametrize("name", TASKS)
def test_parameters_that_fit_the_schema_make_a_job_or_are_refused_with_a_reason(
    name: str, dispatcher: Dispatcher, note: Callable[[str], None]
) -> None:
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()

    @fuzzed
    @given(_drawn(name))
    def submit(params: dict[str, Any]) -> None:
        outcome = _submit(dispatcher, name, params)
        if isinstance(outcome, ParameterError):
            assert outcome.problems, outcome
            assert outcome.hint
            reasons[outcome.problems[0].partition("=")[0].partition(":")[0]] += 1
            counts["refused"] += 1
        else:
            assert outcome.state is State.PENDING
            # What is stored is whole: it can be read back, and says the same.
            again = dispatcher.tasks[name].validate(outcome.params, PathPolicy((Path("/"),)))
            assert again.model_dump(mode="json") == outcome.params
            counts["valid"] += 1

    submit()
    tried = counts.total()
    share = counts["valid"] / tried
    note(f"parameters of {name}: {counts['valid']} of {tried} valid ({share:.0%}); refused for {dict(reasons)}")
    assert len(dispatcher.jobs(task=name, limit=10 * EXAMPLES)) == counts["valid"]
    assert share >= 0.25


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", TASKS)
def test_any_json_at_all_makes_a_job_or_is_refused_with_a_reason(name: str, dispatcher: Dispatcher) -> None:
    fields = st.sampled_from([*dispatcher.tasks[name].params.model_fields, "no_such_field"])

    @fuzzed
    @given(_drawn(name), st.dictionaries(fields, anything, min_size=1, max_size=3))
    def submit(params: dict[str, Any], odd: dict[str, Any]) -> None:
        outcome = _submit(dispatcher, name, params | odd)
        if isinstance(outcome, ParameterError):
            assert outcome.problems, outcome
        else:
            assert outcome.state is State.PENDING
            assert "no_such_field" not in odd

    submit()


@pytest.mark.slow("a bounded part of all values, for each task")
def test_some_of_the_valid_ones_are_run(pfd_home: Path, note: Callable[[str], None]) -> None:
    with Dispatcher() as dispatcher:
        there = _what_is_there(dispatcher, pfd_home.parent)
        for name in TASKS:
            ends = Counter(_ends(dispatcher, name, there))
            note(f"runs of {name} with drawn parameters: {dict(ends)}")
            assert ends.total() >= RUNS
            assert set(ends) <= {"SUCCESS", *FAIRLY_REFUSED}
            assert ends["SUCCESS"]


def _what_is_there(dispatcher: Dispatcher, folder: Path) -> dict[str, Any]:
    """Run one job of each task; returns the references that drawn parameters are pointed at."""

    def run(task: str, params: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = dispatcher.submit(task, params).get()
        return result

    examples.write_uestc(folder / "mat")
    forest = examples.train_forest(run)
    return {
        "source": str(folder / "mat"),
        "dataset": 1,
        "feature_set": 1,
        "experiments": [forest["experiment_id"]],
    }


def _ends(dispatcher: Dispatcher, name: str, there: dict[str, Any]) -> Iterator[str]:
    """How runs with drawn parameters ended: a state, or the type of the error."""
    valid: list[dict[str, Any]] = []
    model = dispatcher.tasks[name].params
    fixed = there | CHEAP.get(name, {}) | {"experiment_id": None}

    def complete(params: dict[str, Any]) -> dict[str, Any]:
        applying = {field.name for field in fields_of(model, params)}
        params = {name: value for name, value in params.items() if name in applying}  # what has no effect names nothing
        return params | {field: value for field, value in fixed.items() if field in applying}

    @settings(fuzzed, max_examples=SPREAD)
    @given(_drawn(name))
    def collect(params: dict[str, Any]) -> None:
        try:
            dispatcher.tasks[name].validate(complete(params))
        except ParameterError:
            return
        valid.append(complete(params))

    collect()
    # Spread over the draw: the first ones are the plainest.
    for params in valid[:: max(1, len(valid) // RUNS)]:
        job = dispatcher.submit(name, params).job
        yield job.failure.type if job.failure else job.state.value

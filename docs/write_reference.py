"""Writes the pages under `reference/` from the code: `python -m docs.write_reference`.

`tasks.md` comes from the declarations of the installed plugins, `settings.md` from the model of the settings,
`metrics.md` from the catalogue of metrics, `features.md` from the definitions of the features plugin, `jobs.md` from
the fields of a job, `hooks.md` from the specifications of hooks, and `console.md` from what commands print with.  The
diagrams of `explanation/architecture.md` are drawn anew as well.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs import console, diagrams, hooks

from pfd import Job, Settings, Task
from pfd.cli.tasks import gpu_words, parameter_cells
from pfd.plugins import Registry, load_registry
from pfd.schema import fields_of, listed, type_in_words
from pfd.setting_tables import shown_settings
from pfd_plugin_features import EQUAL_TO_TSFEL, FEATURES, UNLIKE_TSFEL, VERSION
from pfd_plugin_observability.catalogue import METRICS, RUNS, STORE, WORKER

REFERENCE = Path(__file__).parent / "reference"
ARCHITECTURE = Path(__file__).parent / "explanation" / "architecture.md"

JOBS_HEAD = """\
# Jobs

Written from the code by `make docs`; a test holds it current. What `Dispatcher.job()` and `handle.job` give, and
`pfd job --json` prints, in which `seq`, `light` and an empty `damage` are left out. [What happens to a
job](../explanation/architecture.md#one-job-from-submission-to-result) shows how it moves from state to state.

Times are seconds since the epoch, UTC.

| field | type | meaning |
|---|---|---|
"""

TASKS_HEAD = """\
# Tasks

Written from the declarations by `make docs`; a test holds it current.

What is the same for all tasks:

- **Progress**: `progress`, a float from 0 to 1 that never goes back within an attempt, and `status`, one line of text.
- **Errors**: `ParameterError` where the job is submitted, with the field, its value and what is allowed; nothing is
  stored then. A job that ends badly ends as FAILURE with type, message and, where known, a hint. Data that cannot be
  used make it a `DataError`.
- **Artifacts** are files of the job, published when it succeeds: `pfd job ID` lists them, `pfd open ID` shows plots.
"""

PLUGIN_SETTINGS_HEAD = """
## Settings of plugins

In `pfd.toml` these are tables: `[data]` with the names below in small letters and without `PFD_DATA_`. In the
environment, lists are separated by commas, and what is nested is JSON. A relative path in a file starts from there.
One that is wrong is an error of its plugin alone; a table of a plugin that is not loaded is ignored, which `pfd config`
says.

| setting | default | meaning |
|---|---|---|
"""

SETTINGS_HEAD = """\
# Settings

Written from the code by `make docs`; a test holds it current. `pfd config` shows each setting and where it comes from.

Order: the command line, the environment, `pfd.toml` (found upwards from the working directory, with the names below in
small letters and without `PFD_`), defaults. Lists are separated by commas in the environment; `PFD_ROOTS` and
`PFD_TRUST` by the separator of `PATH`. `CELERY_BROKER_URL`, `CELERY_RESULT_BACKEND` (its `db+` form is the store) and
`CELERY_ALWAYS_EAGER` are understood where the `PFD_` name is absent.

A `pfd.toml` decides which plugins are loaded and where data lies, so one that others could have written is ignored, and
the next above is looked for: where the file, its folder or one above belongs to another user than you or root, or where
others can write to it. A sticky folder such as `/tmp` is none of that, nor a group that is yours alone (of your name,
and with no other members). It is told on standard error, in `pfd config` and in `pfd doctor`. `PFD_TRUST` names folders
whose `pfd.toml` is taken all the same: that of a checkout of another user, as in a container or a CI job that runs as
root. It is read from the environment only.

A file of settings, of parameters or of a pipeline is UTF-8, with a byte-order mark or without, and its lines end as on
any system. `PFD_HOME` may have any name that is UTF-8. In `PFD_DATABASE_URL`, as in any URL, `%` is `%25` and `?` is
`%3F`. A user without a home folder has to set `PFD_HOME`.

`PFD_HOME` is made for its user alone (0700), and what lies in it is open to no more than the home is: rows, logs and
artifacts (0600). With `PFD_SHARE=group` it is made for its group (2770, 0660); `chgrp` it to the group that is meant. A
home that is there stays as it is: `pfd doctor` warns of one that others can read, and gives the command that closes it.
The processes of jobs, warm servers and `pfd worker` have the umask 077, or 007; a program that uses PFD as a library
keeps its own, and an artifact that an inline task writes there by itself has that.

| setting | default | meaning |
|---|---|---|
"""

METRICS_HEAD = """\
# Metrics

Written from the code by `make docs`; a test holds it current. [Watch workers](../how-to/watch-workers.md) says how to
have them served, and what to do with them.

All times are in seconds. Ages are taken from a clock that nobody can set; only the oldest due job and the waiting times
compare clocks of machines, those that submit with those that run. Beside these, a worker on Linux serves the usual
`process_` metrics of its own process, such as `process_resident_memory_bytes`; its jobs run in other processes.
"""

METRICS_GROUPS = {
    STORE: """
The same at each worker of a store, so aggregate with `max`, never with `sum`. Read when asked for, at most every two
seconds; missing while the store does not answer.
""",
    WORKER: """
What a worker knows without asking anybody; there while the store is away.
""",
    RUNS: """
Changes that this worker has stored, since it started; aggregate with `sum`. What a client stores, such as the cancel of
a job that is queued, is counted by no worker. `pfd_jobs_` counters are there from the start, at 0, for each installed
task and its queue.
""",
}

FEATURES_HEAD = """\
# Features

Written from the code by `make docs`; a test holds it current. These are definitions {version}; a stored set says by
which it was made.

`extract_features_task` computes them of each window, domain by domain (`domains=`). A window is taken about its mean,
since an offset of the sensor is not vibration. *signal* stands for the unit of the signal; *1* is a pure number. Where
a feature needs what is not known of every recording (the speed, the bearing's geometry), or a longer window, its column
is absent, and the result says why.

Orders, fault lines and ratios of harmonics go by the speed of the recording. Where this changes, and its course is
stored with the recording (`speed_hz`), each window goes by its own mean speed; where it changes and no course is
stored, the speed counts as unknown. What changes within a window still smears its lines.

{count} features.
"""

DOMAINS = {
    "time": "The waveform x about its mean; N samples.",
    "frequency": "The power P of each bin under a Hann window, at the frequencies f.",
    "envelope": """\
The envelope of the band from 500 Hz to 10 kHz, or to 90 % of what the recordings hold. Lines of faults need the
speed and the bearing's geometry.""",
    "wavelet": "Coefficients c of the db4 filter bank, 5 levels: d1 is the upper half of the band, a5 its lowest 32nd.",
    "bispectrum": """\
B(f1, f2) = mean of X(f1)·X(f2)·X*(f1 + f2) over segments of 128 samples, overlapping by half, under a Hann window.""",
    "advanced": """\
Wavelet packets, regularity and memory, spectral kurtosis and the kurtogram, and orders of the shaft, which need the
speed. Sample entropy takes 6 ms a window of 2048 samples, all else together 1 ms.""",
    "general": """\
What general libraries compute of any time series, each as TSFEL 0.2 defines it: for comparison with work that used
those. d are differences of x, m the magnitude of its Fourier transform without a window function, F the running sum
of m.""",
}

EQUAL_HEAD = """
## Beside TSFEL

{count} features have the value that TSFEL 0.2 gives for the same window about its mean, to 1e-6; a test holds it.
Moments (`scipy.stats`), the periodogram and the analytic signal (`scipy.signal`), the filter bank and the packets
(PyWavelets) are held against those libraries as well.

| feature | in TSFEL | what its value needs |
|---|---|---|
"""

DIFFERENT_HEAD = """
Of the same name or aim, with another definition:

| feature | in TSFEL | the difference |
|---|---|---|
"""


def pages(registry: Registry) -> dict[Path, str]:
    """Each page and what is to stand on it."""
    return {
        REFERENCE / "tasks.md": _tasks(registry),
        REFERENCE / "settings.md": SETTINGS_HEAD + "".join(_settings(registry)),
        REFERENCE / "metrics.md": METRICS_HEAD + "".join(_metrics()),
        REFERENCE / "features.md": "".join(_features()),
        REFERENCE / "jobs.md": JOBS_HEAD + "".join(_fields_of_a_job()),
        REFERENCE / "console.md": "".join(console.page()),
        REFERENCE / "hooks.md": "".join(hooks.page(commented_fields)),
        ARCHITECTURE: diagrams.filled(
            ARCHITECTURE.read_text(encoding="utf-8"),
            {"states": diagrams.states(), "processes": diagrams.processes()},
        ),
    }


def _fields_of_a_job() -> Iterator[str]:
    for name, text in commented_fields(Job).items():
        [field] = [one for one in dataclasses.fields(Job) if one.name == name]
        yield f"| `{name}` | {str(field.type).replace('|', chr(92) + '|')} | {text} |\n"


def commented_fields(kind: type[Any]) -> dict[str, str]:
    """The fields of a class, each with the text that stands below it in the code; empty where there is none."""
    [declared] = ast.parse(inspect.getsource(kind)).body
    assert isinstance(declared, ast.ClassDef)
    found: dict[str, str] = {}
    for statement, following in zip(declared.body, [*declared.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = following.value if isinstance(following, ast.Expr) else None
            found[statement.target.id] = str(text.value) if isinstance(text, ast.Constant) else ""
    return found


def _features() -> Iterator[str]:
    yield FEATURES_HEAD.format(version=VERSION, count=len(FEATURES))
    for domain, text in DOMAINS.items():
        yield f"\n## {domain}\n\n{text}\n\n| feature | unit | definition and source |\n|---|---|---|\n"
        for feature in FEATURES:
            if feature.domain == domain:
                yield f"| `{feature.name}` | {feature.unit} | {_cell(' '.join(feature.definition.split()))} |\n"
    yield EQUAL_HEAD.format(count=len(EQUAL_TO_TSFEL))
    for head, references in (("", EQUAL_TO_TSFEL), (DIFFERENT_HEAD, UNLIKE_TSFEL)):
        yield head
        for one in references:
            yield f"| `{one.feature}` | `{one.function}` | {_cell(one.note) or 'nothing'} |\n"


def _metrics() -> Iterator[str]:
    for group, text in METRICS_GROUPS.items():
        yield f"\n## {group}\n{text}\n| metric | kind | labels | meaning |\n|---|---|---|---|\n"
        for metric in METRICS:
            if metric.group == group:
                labels = ", ".join(f"`{label}`" for label in metric.labels)
                yield f"| `{metric.name}` | {metric.kind} | {labels} | {_cell(metric.help)} |\n"


def _settings(registry: Registry) -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        value = field.get_default()
        shown = f"`{value}`" if value not in (None, "", ()) else "none"
        if value is False:
            shown = "off"
        if name == "home":
            shown = "the user's data folder, `pfd/`"
        yield f"| `PFD_{name.upper()}` | {shown} | {_cell(field.description or '')} |\n"
    yield PLUGIN_SETTINGS_HEAD
    for model in registry.settings_models().values():
        for row in shown_settings(model, Settings(home=Path("/"))):
            shown = f"`{row.value}`" if row.value else "none"
            yield f"| `{row.variable}` | {shown} | {_cell(row.meaning)} |\n"


def _tasks(registry: Registry) -> str:
    views = registry.result_views()
    parts = [TASKS_HEAD, *_overview(registry)]
    for task in registry.tasks.values():
        owner = registry.owner(task.name)
        assert owner
        parts += _task(task, owner.distribution, views[task.name].artifacts if task.name in views else ())
    return "\n".join(parts).rstrip() + "\n"


def _overview(registry: Registry) -> Iterator[str]:
    yield "| task | plugin | queue | isolation |"
    yield "|---|---|---|---|"
    for task in registry.tasks.values():
        owner = registry.owner(task.name)
        yield f"| [`{task.name}`](#{task.name}) | {owner.name if owner else ''} | {task.queue} | {task.isolation} |"
    yield ""


def _task(task: Task, distribution: str, artifacts: tuple[str, ...]) -> Iterator[str]:
    yield f"## {task.name}\n"
    yield f"From `{distribution}`.\n"
    if text := inspect.getdoc(task.load()):
        yield text + "\n"
    yield "| parameter | type | default | allowed | unit | only where | group | meaning |"
    yield "|---|---|---|---|---|---|---|---|"
    for field in listed(fields_of(task.params)):
        yield _row(f"`{field.path}`", *parameter_cells(field)[1:])
    yield ""
    yield "| result | type | meaning |"
    yield "|---|---|---|"
    for field in listed(fields_of(task.result, mode="serialization")):
        yield _row(f"`{field.path}`", type_in_words(field.shape), field.description)
    yield ""
    if artifacts:
        yield "Plots: " + ", ".join(f"`{name}`" for name in artifacts) + ".\n"
    if limits := ", ".join(_limits(task)):
        yield f"Limits: {limits}.\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _limits(task: Task) -> Iterator[str]:
    if task.soft_time_limit:
        yield f"asked to stop after {task.soft_time_limit:g} s"
    if task.time_limit:
        yield f"ended after {task.time_limit:g} s"
    if task.memory_limit:
        yield f"at most {task.memory_limit / 2**20:.0f} MiB"
    if task.max_attempts > 1:
        yield f"up to {task.max_attempts} attempts"
    if task.gpu:
        yield gpu_words(task)


def main() -> None:
    for path, text in pages(load_registry(Settings())).items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(REFERENCE.parents[1]))


if __name__ == "__main__":
    main()

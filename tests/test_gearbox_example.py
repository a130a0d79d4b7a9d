"""The example that uses all that a plugin can, from outside: installed, run by `pfd`, and broken at each seam."""

from __future__ import annotations

import html
import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pfd_contract import until
from tests.support.environments import Environment, build
from tests.support.workspace import ROOT

PACKAGE = "pfd_example_gearbox"
BEARING = ("n_balls=9", "ball_d_mm=7.94", "pitch_d_mm=39.04", "rpm=1800")
SPECTRUM = ("mesh_spectrum_task", "gearbox=mill", "fault=eccentric", "blocks=8")
MB = 1_000_000

Break = Callable[[str, str, str], None]

SERIES = """
import sys
from pfd import Dispatcher

with Dispatcher() as dispatcher:
    print(len(dispatcher.series(sys.argv[1], "averaging").points))
"""
READER = """
import json, resource, sys, time
from pfd import Dispatcher

with Dispatcher() as dispatcher:
    dispatcher.job(sys.argv[1])
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    points = dispatcher.series(sys.argv[1], "averaging").points
    seconds = time.process_time() - began
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps([len(points), points[-1].step, seconds, more * 1024]))
"""


@pytest.fixture(scope="module")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The core, what draws, and two plugins from outside; nobody changes it."""
    made = Environment.create(tmp_path_factory.mktemp("gearbox"), wheels)
    for example in ("gearbox", "good"):
        build(ROOT / "examples" / f"{example}_plugin", made.folder)
    made.install("pfd-core[plots]", *map(str, made.folder.glob("*.whl")))
    return made


@pytest.fixture
def outside(installed: Environment, tmp_path: Path) -> Environment:
    """The same with a home of this test alone, in which there is a gearbox."""
    made = replace(installed, home=tmp_path / "home", variables={"PFD_GPUS": "none", "COLUMNS": "200"})
    made.submit("add_gearbox_task", "name=mill", "teeth=23,67,19,71")
    return made


@pytest.fixture
def break_in(outside: Environment, tmp_path: Path) -> Break:
    """Puts something else into a module of the example, as its author would by mistake."""
    folder = tmp_path / "edited"

    def edit(module: str, old: str, new: str) -> None:
        if not folder.exists():
            [there] = outside.folder.glob(f"lib/python*/site-packages/{PACKAGE}")
            shutil.copytree(there, folder / PACKAGE)
        path = folder / PACKAGE / f"{module}.py"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, (module, old)
        path.write_text(text.replace(old, new), encoding="utf-8")
        outside.variables["PYTHONPATH"] = str(folder)

    return edit


def job_of(environment: Environment, *words: str) -> dict[str, Any]:
    """A job that a worker runs elsewhere, once it has ended."""
    number = environment.pfd_json("submit", *words)["id"]

    def ended() -> dict[str, Any]:
        found: dict[str, Any] = environment.pfd_json("job", number)
        return found if found["state"] in ("SUCCESS", "FAILURE", "REVOKED") else {}

    return until(ended, f"{words[0]} has ended", 120)


def page_of(environment: Environment, ref: str = "@last") -> str:
    """The report of a job, without the tags of its texts."""
    return re.sub(r"<style>.*?</style>|<[^>]+>", " ", environment.pfd("report", ref, "--to", "-"), flags=re.DOTALL)


def others_run_on(environment: Environment) -> None:
    """A job of another plugin is run by the same worker."""
    assert job_of(environment, "fault_lines_task", *BEARING)["state"] == "SUCCESS"


# -- all that works -------------------------------------------------------------------------------------------------


@pytest.mark.slow("an environment, a worker, and jobs that take as long as a rig", first=True)
def test_the_example_is_used_from_outside(outside: Environment, tmp_path: Path) -> None:
    plugins = {plugin["name"]: plugin["status"] for plugin in outside.pfd_json("plugins")}
    assert plugins == {"gearbox": "loaded", "kinematics": "loaded"}
    assert outside.pfd("plugins", "check", "gearbox") == "gearbox: nothing is wrong\n"

    outside.variables.update(_PFD_COMPLETE="bash_complete", COMP_CWORD="3")
    outside.variables["COMP_WORDS"] = "pfd submit mesh_spectrum_task gearbox="
    assert "plain,gearbox=mill" in outside.run("pfd").stdout.splitlines()
    outside.variables["COMP_WORDS"] = "pfd submit mesh_spectrum_task fault="
    assert "plain,fault=eccentric" in outside.run("pfd").stdout.splitlines()
    for name in ("_PFD_COMPLETE", "COMP_CWORD", "COMP_WORDS"):
        del outside.variables[name]

    shown = outside.pfd("tasks", "show", "mesh_spectrum_task")
    for said in ("rev/min", "operation", "fault other than none", "0.3 where fault=eccentric"):
        assert said in shown
    assert "depth belongs to fault other than none" in outside.refused("submit", *SPECTRUM[:2], "depth=0.5")

    alarms = tmp_path / "alarms.txt"
    outside.variables.update(PFD_GEARBOX_LIMIT="0.2", PFD_GEARBOX_ALARMS=str(alarms))
    with outside.running("worker"):
        number = outside.pfd_json("submit", *SPECTRUM[:3], "blocks=10000", "realtime=true", "rpm=6000")["id"]

        def recorded() -> int:
            return int(outside.run("python", "-c", SERIES, number).stdout)

        first = until(recorded, "something is recorded")
        until(lambda: recorded() > first, "more is recorded")
        assert "sideband ratio so far" in page_of(outside, number)
        [page] = outside.pfd_json("open", number, "--print")
        assert "Averaging" in Path(page).read_text(encoding="utf-8")
        shutil.rmtree(Path(page).parent)
        [row] = outside.pfd_json("gearbox", "spectra")
        assert (row["gearbox"], row["status"], row["sideband_ratio"]) == ("mill", "RUNNING", None)
        outside.pfd("cancel", number)
        until(lambda: outside.pfd_json("gearbox", "spectra")[0]["status"] == "CANCELLED", "it is cancelled")
        assert "sideband ratio so far" in page_of(outside, number)
        done = job_of(outside, *SPECTRUM)["id"]

    # A modulation of depth m gives each line two sidebands of m/2: the ratio is m / √2, and noise adds a little.
    row = outside.pfd_json("gearbox", "spectra")[0]
    assert row["status"] == "SUCCESS"
    assert row["sideband_ratio"] == pytest.approx(0.3 / 2**0.5, rel=0.05)
    assert re.fullmatch(rf"mill: sideband ratio 0\.2\d\d in job {done}\n", alarms.read_text(encoding="utf-8"))
    report = page_of(outside, done)
    for said in ("look at the gear", "tooth mesh", "575 Hz", "Stage 1 of mill", "the lines as JSON", "sideband"):
        assert said in report
    [picture] = outside.pfd_json("open", done, "spectrum.png", "--print")
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    assert len(json.loads((Path(picture).parent / "lines.json").read_text(encoding="utf-8"))) == 10

    rows = outside.pfd_json("gearbox", "lines", "mill", "--rpm", "1500", "--rpm", "3000")
    assert [row["mesh_hz"] for row in rows] == pytest.approx([575, 163.06, 1150, 326.12], abs=0.01)
    assert "163.06" in outside.pfd("gearbox", "lines", "mill")
    assert "mill" in outside.pfd("gearbox", "ls")
    assert "suspect above 0.2" in outside.pfd("gearbox", "spectra")


@pytest.mark.slow("a worker, and five jobs below one")
def test_a_campaign_spares_what_it_need_not_measure(outside: Environment) -> None:
    with outside.running("worker"):
        words = ("gearbox=mill", "realtime=true", "rpm=6000", "blocks=20", "depths=0.1,0.4,0.8,1.6", "enough=0.2")
        job = job_of(outside, "gear_campaign_task", *words)
    assert job["result"] == {"smallest_suspect": 0.4, "measured": 2, "spared": 2, "failed": 0}
    report = page_of(outside, job["id"])
    assert report.count("REVOKED") == 2
    states = {row["status"] for row in outside.pfd_json("gearbox", "spectra")}
    assert states == {"SUCCESS", "CANCELLED"}


# -- what goes wrong ------------------------------------------------------------------------------------------------


@pytest.mark.slow("a worker, and a report for each mistake")
def test_a_view_that_goes_wrong_is_a_warning_above_the_generic_one(outside: Environment, break_in: Break) -> None:
    with outside.running("worker"):
        job = job_of(outside, *SPECTRUM)
        right = "def spectrum_ended(view: JobView) -> Iterator[Block]:"
        for wrong, said in (
            ("raise KeyError('no such field')", "KeyError: 'no such field' (views.py:"),
            ("raise SystemExit(3)", "SystemExit: 3"),
            ("return 5", "returned int, and no blocks"),
            ("yield 'no block'", "block 0: "),
            ("yield {'block': 'pie'}", "'pie'"),
            ("yield view.figure('none')", " 'none.figure.json'; it has: lines.json, "),
        ):
            instead = f"def spectrum_ended(view):\n    {wrong}\n\n\ndef was(view):"
            break_in("views", right, instead)
            report = page_of(outside, job["id"])
            warning = "the view of mesh_spectrum_task cannot be made: "
            assert said in html.unescape(report.partition(warning)[2]).partition("  ")[0], report[:2000]
            assert "Stage 1 of mill" in report, wrong
            assert "Recorded while the task ran" in report, wrong
            break_in("views", instead, right)
        others_run_on(outside)


@pytest.mark.slow("a worker, and seven commands")
def test_a_wrong_setting_is_the_matter_of_its_plugin_alone(outside: Environment) -> None:
    wrong = replace(outside, variables={**outside.variables, "PFD_GEARBOX_SIDEBANDS": "-3"})
    refused = wrong.refused("submit", *SPECTRUM)
    for said in ("gearbox.sidebands=", "-3", "PFD_GEARBOX_SIDEBANDS", "greater than or equal to 1"):
        assert said in refused
    assert {one["name"]: one["status"] for one in wrong.pfd_json("plugins")}["gearbox"] == "misconfigured"
    assert wrong.pfd("--help")
    with wrong.running("worker"):
        failed = job_of(outside, *SPECTRUM)  # which whoever submits cannot know
        assert (failed["state"], failed["attempt"]) == ("FAILURE", 1)
        assert "gearbox.sidebands=" in failed["failure"]["message"]
        assert "PFD_GEARBOX_SIDEBANDS" in failed["failure"]["message"]
        others_run_on(wrong)


@pytest.mark.slow("a worker, and eight commands")
def test_a_gearbox_that_is_gone_fails_what_names_it_and_says_so(outside: Environment) -> None:
    number = outside.pfd_json("submit", *SPECTRUM)["id"]
    assert outside.pfd_json("gearbox", "spectra")[0]["status"] == "QUEUED"
    assert outside.pfd("gearbox", "rm", "mill") == "removed mill\n"
    refused = outside.refused("submit", *SPECTRUM)
    assert "gearbox: no gearbox mill" in refused
    assert "add_gearbox_task makes one" in refused
    with outside.running("worker"):
        until(lambda: outside.pfd_json("job", number)["state"] == "FAILURE", "it has failed", 60)
        others_run_on(outside)
    [row] = outside.pfd_json("gearbox", "spectra")
    assert (row["status"], row["reason"]) == ("FAILED", "DataError: no gearbox mill")
    report = page_of(outside, number)
    assert "no gearbox mill" in report
    assert "Nothing has been averaged yet" in report


@pytest.mark.slow("a worker, and seven commands")
def test_a_row_that_cannot_be_written_refuses_its_job_alone(outside: Environment, break_in: Break) -> None:
    first = "    known = {name: value"
    break_in("store", first, f"    raise ZeroDivisionError('of the plugin')\n{first}")
    before = len(outside.pfd_json("jobs"))
    refused = outside.refused("submit", *SPECTRUM)
    assert "the row of the job cannot be written: ZeroDivisionError('of the plugin')" in refused
    break_in("store", f"    raise ZeroDivisionError('of the plugin')\n{first}", first)
    with sqlite3.connect(outside.home / "pfd.sqlite3") as connection:
        connection.execute("DROP TABLE gearbox_spectrum")
    connection.close()
    done = outside.run("pfd", "submit", *SPECTRUM)
    assert done.returncode != 0
    assert "the row of the job cannot be written: no such table: gearbox_spectrum" in done.stderr
    assert "a migration is missing" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(outside.pfd_json("jobs")) == before
    with outside.running("worker"):
        others_run_on(outside)


@pytest.mark.slow("a million points")
def test_a_series_of_a_million_points_is_bounded_where_it_is_kept_read_and_shown(
    outside: Environment, break_in: Break
) -> None:
    call = '                ctx.record("averaging", done, sideband_ratio=_sideband_ratio(total, lines, sidebands))\n'
    many = "                for step in range(1_000_000 if done == 0 else 0):\n"
    many += '                    ctx.record("averaging", step, sideband_ratio=step / 7)\n'
    break_in("spectrum", call, many)
    with outside.running("worker"):
        job = job_of(outside, *SPECTRUM)
        assert job["state"] == "SUCCESS", job
        others_run_on(outside)
    [file] = (outside.home / "logs" / job["id"]).glob("*.series")
    done = outside.run("python", "-c", READER, job["id"])
    assert done.returncode == 0, done.stderr
    points, last, seconds, memory = json.loads(done.stdout)
    page = outside.pfd("report", job["id"], "--to", "-")
    measured = (file.stat().st_size, points, last, seconds, memory, len(page))
    assert file.stat().st_size < 10 * MB, measured
    assert 10_000 < points < 100_000, measured
    assert last == 999_999, measured
    assert seconds < 5, measured
    assert memory < 100 * MB, measured
    assert len(page) < 2 * MB, measured
    assert "more than 10000 points" in outside.pfd("logs", job["id"])


@pytest.mark.slow("a worker, and jobs for each kind of nonsense")
def test_a_figure_of_nan_infinities_or_nothing_is_drawn_with_gaps(outside: Environment, break_in: Break) -> None:
    good = "curve = Curve(x=np.arange(len(power)) * mesh.shaft_hz, y=amplitude"
    for wrong, kept in (
        ("curve = Curve(x=np.arange(len(power)) * mesh.shaft_hz, y=amplitude * np.nan", {None}),
        ("curve = Curve(x=np.arange(len(power)) * mesh.shaft_hz, y=amplitude * -np.inf", {None}),
        ("curve = Curve(x=np.zeros(0), y=np.zeros(0)", set()),
    ):
        break_in("spectrum", good, wrong)
        with outside.running("worker"):  # one that has loaded the code keeps it
            job = job_of(outside, *SPECTRUM)
        assert job["state"] == "SUCCESS", (wrong, job)
        [picture] = outside.pfd_json("open", job["id"], "spectrum.png", "--print")
        assert Path(picture).read_bytes().startswith(b"\x89PNG"), wrong
        figure = json.loads(Path(picture).with_name("spectrum.figure.json").read_text(encoding="utf-8"))
        assert set(figure["panels"][0]["marks"][0]["y"]) == kept
        assert "Stage 1 of mill" in page_of(outside, job["id"])
        break_in("spectrum", wrong, good)
    break_in("spectrum", "panels=(panel,)", "panels=()")
    with outside.running("worker"):
        job = job_of(outside, *SPECTRUM)
        others_run_on(outside)
    assert job["state"] == "FAILURE"
    assert "panels" in job["failure"]["message"]
    assert "Averaging" in page_of(outside, job["id"])


@pytest.mark.slow("a worker")
def test_a_hook_that_raises_is_told_of_and_nothing_else_happens(
    outside: Environment, break_in: Break, capfd: pytest.CaptureFixture[str]
) -> None:
    first = "    found = job.result or {}\n"
    break_in("alarm", first, f"    raise RuntimeError('no bell')\n{first}")
    with outside.running("worker"):
        assert job_of(outside, *SPECTRUM)["state"] == "SUCCESS"
        assert job_of(outside, *SPECTRUM)["state"] == "SUCCESS"
        others_run_on(outside)
    said = capfd.readouterr().err
    assert "no bell" in said
    assert "gearbox" in said
    assert "pfd_after_job" in said


@pytest.mark.slow("a worker, and three jobs below one")
def test_a_child_that_fails_is_told_of_by_its_parent_and_ends_nothing(outside: Environment, break_in: Break) -> None:
    first = "    settings = ctx.settings.of(GearboxSettings)\n    with"
    wrong = "    if params.depth == 0.4:\n        raise ValueError('the sensor fell off')\n"
    break_in("spectrum", first, wrong + first)
    with outside.running("worker"):
        job = job_of(outside, "gear_campaign_task", "gearbox=mill", "depths=0.1,0.4,0.8", "enough=9", "blocks=8")
        others_run_on(outside)
    assert job["result"] == {"smallest_suspect": 0.8, "measured": 2, "spared": 0, "failed": 1}
    assert "the sensor fell off" in page_of(outside, job["id"])
    reasons = {row["reason"] for row in outside.pfd_json("gearbox", "spectra")}
    assert reasons == {"", "ValueError: the sensor fell off"}

"""Foreign texts in pictures, and in what the commands of this plugin print."""

from __future__ import annotations

import json
import unicodedata
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pfd import writing
from pfd_plots import save
from pfd_plugin_data import (
    ChannelInfo,
    Finding,
    generate_dataset_task,
    open_dataset,
    plain_lines,
    plain_text,
    register_dataset,
)
from pfd_plugin_data.cli import data
from pfd_plugin_data.plots import recording_figure
from pfd_plugin_data.stretch import Stretch
from tests.support.hostile import ALL_HOSTILE as HOSTILE


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text)[:20] for text in HOSTILE])
def test_a_recording_of_any_name_is_drawn(make_info, tmp_path: Path, text: str) -> None:
    info = replace(make_info("r0"), record_id=text or "r0", bearing_id=text or "r0", load=text)
    x = np.random.default_rng(0).standard_normal(1000)
    save(recording_figure(Stretch(info, text, text, x, 0.0, (1000, 5000))), tmp_path / "a.svg")
    ET.parse(tmp_path / "a.svg")  # which no control character may be in


def test_the_guard_of_texts_is_still_found_where_it_was() -> None:
    with pytest.deprecated_call(match=r"pfd_plots\.plain_text"):
        assert plain_text("1 $ and 2 $") == r"1 \$ and 2 \$"
    with pytest.deprecated_call(match=r"pfd_plots\.plain_lines"):
        assert plain_lines("one two", 4) == ["one", "two"]


@pytest.fixture
def hostile_dataset(pfd_home: Path, make_info, write_dataset) -> Path:
    """A dataset whose texts would steer a terminal and be markup, registered."""
    text = "a\x1b]0;PWNED\x07\x1b[2J\u202e\u2028\x7f[red]x[/red]:smile:"
    infos = [
        replace(
            make_info(f"{number}{text}", bearing_id=f"{number}{text}", n_samples=4000),
            load=text,
            specimen=text,
            source=text,
            licence=text,
            severity=text,
            channels=(ChannelInfo(text, text, text),),
            origins={"load": text},
            fault_type=("ball", "normal")[number % 2],
        )
        for number in range(6)
    ]
    rng = np.random.default_rng(0)
    recordings = [(info, rng.standard_normal((1, 4000)).astype(np.float32)) for info in infos]
    path: Path = write_dataset(recordings, "bench", [Finding("odd", (infos[0].record_id,), text)])
    made = generate_dataset_task.delay({"name": "bench", "num_signals_per_fault": 3, "duration_s": 0.1})
    made.get()
    path = path.rename(pfd_home / "bench.h5")
    with open_dataset(path) as dataset, writing() as session:
        register_dataset(session, dataset, job_id=made.id, home=pfd_home)
    return path


def test_no_command_lets_a_dataset_steer_a_terminal_nor_what_reads_its_pipe(hostile_dataset: Path) -> None:
    runner = CliRunner()
    printed = ""
    for words in (
        ["ls"],
        ["ls", "--json"],
        ["show", "bench"],
        ["show", "bench", "--json"],
        ["card", "bench"],
        ["split", "bench", "one"],
        ["split", "bench", "two", "--leave-out", "normal", "--json"],
        ["splits"],
        ["splits", "--json"],
    ):
        ran = runner.invoke(data, words)
        assert ran.exit_code == 0 or "split" in words[0], (words, ran.exception)
        printed += ran.output
        odd = {char for char in ran.output if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
        assert odd <= {"\n"}, words
        if ran.output and words[-1] in ("--json", "bench") and words[0] in ("ls", "card"):
            json.loads(ran.output)
    folder = hostile_dataset.parent
    runner.invoke(data, ["card", "bench", "--out", str(folder / "card.json")])
    assert (folder / "card.json").read_text(encoding="utf-8") == runner.invoke(data, ["card", "bench"]).output
    runner.invoke(data, ["export", "bench", str(folder / "out"), "--format", "csv"])
    described = (folder / "out" / "dataset.json").read_text(encoding="utf-8")
    assert "\u202e" not in described
    assert json.loads(described)["recordings"][0]["load"].startswith("a\x1b]0;PWNED")
    assert r"a\x1b]0;PWNED\x07" in printed
    assert "[red]x[/red]:smile:" in printed

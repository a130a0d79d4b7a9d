"""A thousand damaged files, read one after the other: each gives a recording or a reason, in bounded time."""

from __future__ import annotations

import random
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from pfd_plugin_data import DatasetWriter
from pfd_plugin_mat_import.findings import Measured, find
from pfd_plugin_mat_import.importing import import_files
from pfd_plugin_mat_import.measures import measure
from pfd_plugin_mat_import.params import ChannelMap, FileMapping
from pfd_plugin_mat_import.reader import Reader
from pfd_plugin_mat_import.report import write_findings, write_table
from pfd_plugin_mat_import.sources import find_files
from tests.support.mutation import mutated, mutated_numbers, mutated_zip

MUTATIONS = 1000
ANYTHING = FileMapping(
    channels=(ChannelMap(variable="*"),), values={"fault_type": "ball", "bearing_id": "b", "sample_rate_hz": 1000}
)
FIRST = ANYTHING.model_copy(update={"channels": (ChannelMap(variable="1"),)})
"""Read the one variable of a file, whatever it is, or the first column of a table, so that mutations get behind the
recognition of layouts."""


def fuzz(
    tmp_path: Path,
    originals: list[Path],
    count: int,
    mapping: FileMapping | None,
    seed: int,
    mutate: Callable[[bytes, random.Random], bytes] = mutated,
) -> tuple[int, int]:
    rng = random.Random(seed)
    folder = tmp_path / f"fuzz{seed}"
    folder.mkdir()
    contents = [(path.name, path.read_bytes()) for path in originals]
    for index in range(count):
        name, whole = contents[index % len(contents)]
        (folder / f"{index}").mkdir()
        (folder / f"{index}" / name).write_bytes(mutate(whole, rng))
    with Reader(mapping=mapping) as reader:
        suffixes = {path.suffix for path in originals}
        files = [file for suffix in suffixes for file in find_files(folder / "*" / f"*{suffix}", reader)]
        assert len(files) == count or any(path.suffix == ".zip" for path in originals)
        outcomes = list(import_files(files, reader))
    kept = []
    good = 0
    with DatasetWriter(tmp_path / f"fuzz{seed}.h5", "fuzz") as writer:
        for outcome in outcomes:
            if (made := outcome.imported) is not None:
                assert np.isfinite(made.signal).all()
                found = Measured(made.info, measure(made.info, made.signal), made.notes)
                writer.add(made.info, made.signal)
                kept.append((outcome.file, found))
            else:
                assert 0 < len(outcome.reason) < 500
            # A recording that was read a second time is refused as a double: the mutation did no harm.
            refused = "was imported already" in outcome.reason or "as well, with other content" in outcome.reason
            good += made is not None or refused
    write_findings(tmp_path / f"fuzz{seed}.json", find([found for _, found in kept]), kept)
    write_table(tmp_path / f"fuzz{seed}.csv", kept)
    return good, len(outcomes) - good


@pytest.fixture
def fixtures(save, cwru, mfpt, uestc, v73) -> list[Path]:
    """One small file of each layout, version and kind of container."""
    whole = save("118.mat", cwru(118))
    packed = whole.with_name("packed.zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(whole, "118.mat")
        file.write(whole, "sub/119.mat")
    return [
        save("105.mat", cwru(105)),
        save("106.mat", cwru(106), do_compression=True),
        save("107.mat", cwru(107), format="4"),
        save("baseline_1.mat", mfpt(), do_compression=True),
        save("baseline_2.mat", mfpt()),
        save("N_800_1.mat", uestc(), do_compression=True),
        v73("B_800_1.mat", {"Data": np.arange(300.0)[None], "SampleFrequency": [[20e3]]}),
        packed,
    ]


@pytest.mark.slow
def test_none_of_a_thousand_mutations_crashes_or_hangs_the_import(tmp_path: Path, fixtures: list[Path]) -> None:
    began = time.monotonic()
    good, bad = fuzz(tmp_path, fixtures, MUTATIONS, None, seed=1)
    assert good + bad >= MUTATIONS
    # Were all refused, or all read, the mutations would reach little of the code.
    assert min(good, bad) > MUTATIONS / 10
    assert time.monotonic() - began < 240


@pytest.mark.slow
def test_no_mutation_of_the_files_of_other_readers_tests_crashes_or_hangs_the_import(
    tmp_path: Path, test_data: Path
) -> None:
    originals = [path for path in sorted((test_data / "mat_fixtures").glob("*.mat")) if path.stat().st_size < 100_000]
    assert len(originals) >= 10
    good, bad = fuzz(tmp_path, originals, MUTATIONS // 2, ANYTHING, seed=2)
    assert good + bad == MUTATIONS // 2
    assert bad > 0


def mutated_text(whole: bytes, rng: random.Random) -> bytes:
    """Numbers of a table replaced, or delimiters and ends of lines put, taken away and doubled."""
    if rng.random() < 0.3:
        return mutated_numbers(whole, rng)
    if rng.random() < 0.3:
        return mutated(whole, rng)
    content = bytearray(whole)
    for _ in range(rng.choice([1, 2])):
        at = rng.randrange(len(content))
        content[at : at + rng.choice([0, 1])] = rng.choice([b";", b",", b"\n", b"\r", b'"', b" ", b"-", b"\xff", b""])
    return bytes(content)


@pytest.mark.parametrize(
    ("suffix", "mutate"),
    [(".csv", mutated_text), (".txt", mutated_text), (".npz", mutated_zip), (".npy", mutated), (".h5", mutated)],
)
def test_no_mutation_of_a_file_of_another_format_crashes_or_hangs_the_import(
    tmp_path: Path, suffix: str, mutate: Callable[[bytes, random.Random], bytes]
) -> None:
    path = tmp_path / f"a{suffix}"
    signal = np.arange(300.0)
    if suffix == ".csv":
        path.write_text("Data\nx;b\n" + "".join(f"{value:.1f};a\n" for value in signal), encoding="utf-8")
    elif suffix == ".txt":
        np.savetxt(path, np.stack([signal, signal], axis=1))
    elif suffix == ".npz":
        np.savez(path, x=signal)
    elif suffix == ".npy":
        np.save(path, signal)
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("x", data=signal, chunks=(100,), compression="gzip")
    mapping = {".csv": FIRST, ".txt": FIRST}.get(suffix, ANYTHING)
    good, bad = fuzz(tmp_path, [path], MUTATIONS // 10, mapping, 3, mutate)
    assert min(good, bad) > MUTATIONS / 100

"""Models and predictions of somebody else's making: each is what it should be, or is refused before it does harm."""

from __future__ import annotations

import io
import json
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pfd import DataError
from pfd_plugin_training.checkpoint import Checkpoint, Epoch, copy_of, fits, moments_of
from pfd_plugin_training.cnn1d import Cnn1dConfig, build
from pfd_plugin_training.forest import fit_forest
from pfd_plugin_training.forest_file import ForestNames, load_forest, save_forest
from pfd_plugin_training.models import load_network, save_network
from pfd_plugin_training.predictions import Predictions, read_part, write_predictions

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((200, 6)), RNG.integers(0, 3, 200)

Members = dict[str, bytes]


@pytest.fixture
def forest_path(tmp_path: Path) -> Path:
    names = ForestNames(tuple("abcdef"), ("x", "y", "z"))
    save_forest(tmp_path / "model.skops", fit_forest(X, Y, n_estimators=3, seed=0), names)
    return tmp_path / "model.skops"


def members_of(path: Path) -> Members:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def write(path: Path, members: Members) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)


def array_of(content: bytes) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = np.load(io.BytesIO(content), allow_pickle=False)
    return array


def as_bytes(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def nodes_of(members: Members) -> tuple[str, np.ndarray[Any, Any]]:
    """The first array that holds the nodes of a tree."""
    for name, content in members.items():
        if name.endswith(".npy") and (array := array_of(content)).dtype.names:
            return name, array.copy()
    raise AssertionError


def inner(nodes: np.ndarray[Any, Any]) -> int:
    return int(np.flatnonzero(nodes["left_child"] != -1)[1])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("left_child", lambda at: at, "no child behind it"),
        ("right_child", lambda at: 0, "no child behind it"),
        ("left_child", lambda at: 2**31, "no child behind it"),
        ("right_child", lambda at: -2, "no child behind it"),
        ("feature", lambda at: 10**9, "a feature that is none of 6"),
        ("feature", lambda at: -2, "a feature that is none of 6"),
        ("threshold", lambda at: np.nan, "compares with no number"),
    ],
)
def test_a_tree_that_would_hang_or_crash_a_prediction_is_refused(
    forest_path: Path, field: str, value: Callable[[int], float], message: str
) -> None:
    members = members_of(forest_path)
    name, nodes = nodes_of(members)
    at = inner(nodes)
    nodes[field][at] = value(at)
    write(forest_path, members | {name: as_bytes(nodes)})
    with pytest.raises(DataError, match=message) as raised:
        load_forest(forest_path)
    assert str(forest_path) in raised.value.message
    assert raised.value.hint


def test_a_tree_of_fewer_nodes_than_it_says_is_refused(forest_path: Path) -> None:
    members = members_of(forest_path)
    name, nodes = nodes_of(members)
    write(forest_path, members | {name: as_bytes(nodes[:-1])})
    with pytest.raises(DataError, match="nodes has"):
        load_forest(forest_path)


def edited(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    members = members_of(path)
    schema = json.loads(members["schema.json"])
    edit(schema)
    write(path, members | {"schema.json": json.dumps(schema).encode()})


def find(schema: Any, loader: str) -> list[dict[str, Any]]:
    found = []
    if isinstance(schema, dict):
        found = [schema] if schema.get("__loader__") == loader else []
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    return [*found, *(node for part in parts for node in find(part, loader))]


def outputs(schema: dict[str, Any]) -> None:
    number = find(schema, "TreeNode")[0]["__reduce__"]["args"]["content"][2]
    number["content"], number["__id__"] = "1000000", 1


def shared_array(schema: dict[str, Any]) -> None:
    first, second, *_ = find(schema, "NdArrayNode")
    second["file"] = first["file"]


def method(schema: dict[str, Any]) -> None:
    attributes = schema["content"]["content"]
    attributes["predict_proba"] = dict(attributes["n_estimators"])


def several(schema: dict[str, Any]) -> None:
    # Twenty lists, each of which names the next one ten times: ten to the twentieth places to look at.
    leaf = dict(schema["content"]["content"]["n_estimators"])
    made: Any = leaf
    for number in range(20):
        again = {**made, "content": []} if made is not leaf else leaf
        parts = [made, *[again] * 9]
        made = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": parts}
        made["__id__"] = number + 10
    schema["content"]["content"]["criterion"] = made


def deep(schema: dict[str, Any]) -> None:
    made: Any = dict(schema["content"]["content"]["n_estimators"])
    for number in range(200):
        made = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": [made]}
        made["__id__"] = number + 10
    schema["content"]["content"]["criterion"] = made


def two_meanings(schema: dict[str, Any]) -> None:
    # skops takes the first of them for both, and a check that reads the second would be of no use.
    first, second, *_ = [node for node in find(schema, "JsonNode") if node["content"].isdigit()]
    second["__id__"] = first["__id__"]
    second["content"] = "7"


@pytest.mark.parametrize("edit", [outputs, shared_array, method, several, deep, two_meanings])
def test_a_description_that_is_not_of_a_forest_is_refused_in_no_time(
    forest_path: Path, edit: Callable[[dict[str, Any]], None]
) -> None:
    edited(forest_path, edit)
    with pytest.raises(DataError, match="cannot be read"):
        load_forest(forest_path)


def test_a_description_of_a_gigabyte_in_a_megabyte_is_refused_before_it_is_unpacked(forest_path: Path) -> None:
    members = members_of(forest_path)
    padded = b" " * 300_000_000 + members["schema.json"]
    write(forest_path, members | {"schema.json": padded})
    del padded
    tracemalloc.start()
    with pytest.raises(DataError, match="unpacks to"):
        load_forest(forest_path)
    assert tracemalloc.get_traced_memory()[1] < 64 * 1024**2
    tracemalloc.stop()


def test_an_array_that_claims_more_than_is_there_takes_no_memory(forest_path: Path) -> None:
    members = members_of(forest_path)
    name, nodes = nodes_of(members)
    real = as_bytes(nodes)
    claimed = real.replace(str(nodes.shape).encode(), b"(99999999999,)", 1)
    write(forest_path, members | {name: claimed})
    with pytest.raises(DataError, match="cannot be read"):
        load_forest(forest_path)


def test_a_forest_runs_on_one_thread_whatever_its_file_says(forest_path: Path) -> None:
    edited(forest_path, lambda schema: schema["content"]["content"]["n_jobs"].update(content="1000000", __id__=1))
    assert load_forest(forest_path).n_jobs == 1


def test_a_network_of_two_hundred_bytes_takes_no_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    shape = {"n_classes": 4, "channels": [32, 20000, 20000], "kernels": [64, 16, 8], "strides": [8, 4, 2]}
    save_file({"x": torch.zeros(1)}, path, metadata={"architecture": json.dumps(shape)})
    with pytest.raises(DataError, match="its architecture asks for"):
        load_network(path)


@pytest.mark.parametrize(
    "change",
    [
        {"strides": [0, 4, 2]},
        {"n_classes": -1},
        {"kernels": [64, 16]},
        {"channels": [32, 64, 1e9]},
        {"channels": "abc"},
    ],
)
def test_an_architecture_that_is_none_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path, network = tmp_path / "m.safetensors", build(Cnn1dConfig(3), seed=4)
    architecture = {"architecture": json.dumps(network.config.to_json() | change)}
    save_file(network.state_dict(), path, metadata=architecture)
    with pytest.raises(DataError, match="cannot be read"):
        load_network(path)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    network = build(Cnn1dConfig(3), seed=4)
    network.head.bias.data[0] = torch.nan
    save_network(tmp_path / "m.safetensors", network)
    with pytest.raises(DataError, match="weights that are not numbers"):
        load_network(tmp_path / "m.safetensors")


def predictions(**changes: Any) -> Predictions:
    given: dict[str, Any] = {
        "classes": ("normal", "ball"),
        "record": np.array([0, 4]),
        "start": np.array([0, 2048]),
        "bearing_id": np.array(["one", "another"]),
        "y_true": np.array([1, 0]),
        "probabilities": np.array([[0.25, 0.75], [0.5, 0.5]], dtype=np.float32),
    }
    return Predictions(**(given | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"y_true": np.array([1, 2])},
        {"y_true": np.array([-1, 0])},
        {"y_true": np.array([1.0, 0.0])},
        {"record": np.array([0, 4, 5])},
        {"start": np.array([[0, 1]])},
        {"probabilities": np.array([[0.25, np.nan], [0.5, 0.5]], dtype=np.float32)},
        {"probabilities": np.array([[0.25, 7.0], [0.5, 0.5]], dtype=np.float32)},
        {"probabilities": np.ones((2, 3), dtype=np.float32)},
        {"classes": ()},
    ],
)
def test_predictions_that_no_classifier_makes_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_predictions(tmp_path / "p.npz", {"test": predictions(**changes)})
    with pytest.raises(DataError, match=r"p\.npz cannot be read"):
        read_part(tmp_path / "p.npz", "test")


def test_predictions_of_few_bytes_take_no_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    write_predictions(path, {"test": predictions()})
    members = members_of(path)
    header = as_bytes(np.zeros(0, np.float32)).replace(b"(0,)", b"(400000000,)")
    write(path, members | {"test_probabilities.npy": header + bytes(1_600_000_000 // 8)})
    with pytest.raises(DataError, match="unpacks to"):
        read_part(path, "test")


def test_predictions_of_a_million_classes_are_refused(tmp_path: Path) -> None:
    none = {"record": np.empty(0, int), "start": np.empty(0, int), "y_true": np.empty(0, int)}
    many = tuple(map(str, range(20_000)))
    empty = predictions(
        classes=many, bearing_id=np.empty(0, str), probabilities=np.empty((0, len(many)), np.float32), **none
    )
    write_predictions(tmp_path / "p.npz", {"test": empty})
    with pytest.raises(DataError, match="20,000 classes"):
        read_part(tmp_path / "p.npz", "test")


def test_a_tensor_of_very_many_sides_is_refused_in_no_time(tmp_path: Path) -> None:
    shape = [9_999_999_999] * 200_000
    header = json.dumps({"x": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}}).encode()
    (tmp_path / "m.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    began = time.monotonic()
    with pytest.raises(DataError, match="200000 sides"):
        load_network(tmp_path / "m.safetensors")
    assert time.monotonic() - began < 5


def test_a_description_of_more_parts_than_its_trees_have_is_refused(forest_path: Path) -> None:
    members = members_of(forest_path)
    parts = b"{" + b",".join(b'"%d":1' % number for number in range(100_000)) + b"}"
    write(forest_path, members | {"schema.json": parts})
    with pytest.raises(DataError, match="its description has more than"):
        load_forest(forest_path)


def trained() -> tuple[Any, Checkpoint]:
    network = build(Cnn1dConfig(3), seed=0)
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.zeros(2, 1, 512)).sum().backward()
    optimiser.step()
    weights, best = copy_of(network.state_dict()), copy_of(network.state_dict())
    return network, Checkpoint("run", (Epoch(1, 0.5, None, None),), 1, weights, best, moments_of(optimiser))


def without_numbers(kept: Checkpoint) -> Checkpoint:
    floats = {name: torch.full_like(x, torch.nan) for name, x in kept.weights.items() if x.is_floating_point()}
    return replace(kept, weights=kept.weights | floats)


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: replace(kept, weights={"x": torch.zeros(1)}),
        lambda kept: replace(kept, best={}),
        lambda kept: replace(kept, best_epoch=7),
        lambda kept: replace(kept, history=()),
        lambda kept: replace(kept, history=(Epoch("a", [], None, None),)),  # type: ignore[arg-type]
        lambda kept: replace(kept, optimiser={}),
        without_numbers,
    ],
)
def test_a_checkpoint_that_is_none_of_the_network_is_not_gone_on_from(
    change: Callable[[Checkpoint], Checkpoint],
) -> None:
    network, kept = trained()
    assert fits(kept, network)
    assert not fits(change(kept), network)

"""A random forest as a file of skops, and what such a file has to be before scikit-learn gets it.

skops builds only types that it is told to trust, but of these it builds whatever the file describes.  A tree whose
child is its own parent never ends a prediction, one that asks for feature 10⁹ reads memory that is not its own, and a
graph of few nodes that share their parts is walked for hours.  So the description is compared with what `save_forest`
writes, and the numbers of each tree are checked, before anything is built.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt
import sklearn
from sklearn.ensemble import RandomForestClassifier
from skops import io as skops

from pfd import DataError, replacing
from pfd_plugin_data import open_zip, read_array, reading_foreign

_HINT = "restore it from a backup, or train the model again"
_SCHEMA = "schema.json"

NAMES = "pfd.json"
"""The member that says what the columns of the forest are called; skops passes it over."""

MAX_NAMES_BYTES = 8 * 1024**2
"""Most bytes of it."""

_TREE = "sklearn.tree._tree.Tree"

TRUSTED = (_TREE,)
"""What a forest's file may hold beside skops' own list: only since each tree is checked here."""

_FOREST = "sklearn.ensemble._forest.RandomForestClassifier"
_ESTIMATOR = "sklearn.tree._classes.DecisionTreeClassifier"
_KINDS: Mapping[str, frozenset[str]] = {
    "ObjectNode": frozenset({_FOREST, _ESTIMATOR}),
    "TreeNode": frozenset({_TREE}),
    "NdArrayNode": frozenset({"numpy.ndarray", "numpy.float64", "numpy.int64"}),
    "DictNode": frozenset({"builtins.dict"}),
    "ListNode": frozenset({"builtins.list"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "JsonNode": frozenset({"builtins.str"}),
    "TypeNode": frozenset({"builtins.str", "builtins.int"}),
}
"""The nodes that describe a forest: types by skops' word for how they are built."""

_SHARED = frozenset({"JsonNode", "TypeNode", "NdArrayNode"})
_SHARED_KINDS = frozenset({_ESTIMATOR}.union(*(_KINDS[loader] for loader in _SHARED)))
"""Those that one description may hold several times: they have no parts, but for the estimator that all trees are
copies of, which is held as what the user gave and as what was used."""

MAX_DEPTH = 32
MAX_PARTS = 5_000_000
PARTS_A_MEMBER = 500
"""Deepest nesting of a description, and most lists, objects and values in it, in all and for each array beside it: a
tree has about 700 parts and five arrays."""

_Node = dict[str, Any]


@dataclass(frozen=True)
class ForestNames:
    """The features that the columns of a forest are, and the classes that those of its probabilities are, in order."""

    features: tuple[str, ...]
    classes: tuple[str, ...]


def save_forest(path: Path, forest: RandomForestClassifier, names: ForestNames) -> None:
    """Write a forest, and what its columns are called, so that the file can be used by itself.

    Raises
    ------
    DataError : it is larger than `load_forest` would load.
    """
    with replacing(path) as temporary:
        skops.dump(forest, temporary, compression=ZIP_DEFLATED)
        with ZipFile(temporary, "a") as file:
            # Of no time: the same forest gives the same bytes.
            file.writestr(ZipInfo(NAMES), json.dumps(asdict(names)), ZIP_DEFLATED)
        with reading_foreign(path, "train fewer trees (n_estimators), or on fewer windows"), open_zip(temporary):
            pass


def load_forest(path: Path) -> RandomForestClassifier:
    """Load a forest, on one processor thread, without unpickling anything.

    Raises
    ------
    DataError : the file is missing or damaged, or is anything else than the forest that `save_forest` writes.
    """
    with reading_foreign(path, _HINT):
        with open_zip(path) as file:
            _check(file)
        forest = skops.load(path, trusted=list(TRUSTED))
        _check_forest(forest)
    forest.n_jobs = 1
    return forest


def read_names(path: Path) -> ForestNames | None:
    """What the columns of a forest are called; None where its file does not say, as one of an earlier version.

    Raises
    ------
    DataError : the file is missing or damaged, or says what is not a list of different names.
    """
    with reading_foreign(path, _HINT), open_zip(path) as file:
        if NAMES not in file.namelist():
            return None
        if (size := file.getinfo(NAMES).file_size) > MAX_NAMES_BYTES:
            raise DataError(f"its {NAMES!r} has {size:,} bytes, at most {MAX_NAMES_BYTES:,} are read")
        said = json.loads(file.read(NAMES))
        return ForestNames(_texts(said["features"]), _texts(said["classes"]))


def _texts(said: Any) -> tuple[str, ...]:
    if not isinstance(said, list) or not all(isinstance(name, str) for name in said) or len(set(said)) < len(said):
        raise DataError("what it says of its columns is not a list of different names")
    return tuple(said)


# -- the description ------------------------------------------------------------------------------------------------


def _check(file: ZipFile) -> None:
    text = file.read(_SCHEMA)
    most = min(MAX_PARTS, PARTS_A_MEMBER * (10 + len(file.namelist())))
    if sum(map(text.count, (b"{", b"[", b","))) > most:
        raise DataError(f"its description has more than {most:,} parts")
    schema = json.loads(text)
    trees: list[_Node] = []
    described: dict[int, tuple[object, ...]] = {}
    files: dict[str, int] = {}
    arrays: dict[int, npt.NDArray[Any]] = {}
    for node in _nodes(schema):
        loader, number = node["__loader__"], node["__id__"]
        kind = f"{node['__module__']}.{node['__class__']}"
        if kind not in _KINDS.get(loader, ()):
            raise DataError(f"it holds a {kind[:100]!r} as {str(loader)[:40]!r}, which no forest has")
        # skops takes the first of two nodes of one number for both.
        whole = (loader, kind, node.get("content"), node.get("file")) if loader in _SHARED else (loader, kind)
        known = described.setdefault(number, whole)
        if type(number) is not int or known != whole or (known is not whole and kind not in _SHARED_KINDS):
            raise DataError(f"two places of its description are one {kind}")
        if loader == "NdArrayNode" and (
            node.get("type") != "numpy" or files.setdefault(node["file"], number) != number
        ):
            raise DataError(f"two arrays of its description are one file, {str(node.get('file'))[:40]!r}")
        if loader == "NdArrayNode" and number not in arrays:
            arrays[number] = read_array(file, node["file"])
        elif loader == "ObjectNode":
            _check_names(node, kind)
        elif loader == "TreeNode":
            trees.append(node)
    if f"{schema['__module__']}.{schema['__class__']}" != _FOREST:
        raise DataError(f"it holds a {schema['__class__']}, not a forest")
    for tree in trees:
        _check_tree(*_described(tree, arrays))


def _nodes(schema: Any) -> Iterator[_Node]:
    """The nodes of a description, each before its parts."""
    waiting = [(schema, 0)]
    while waiting:
        found, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise DataError(f"its description nests deeper than {MAX_DEPTH}")
        if isinstance(found, dict):
            if "__loader__" in found:
                yield found
            waiting.extend((part, depth + 1) for part in found.values() if isinstance(part, dict | list))
        else:
            waiting.extend((part, depth + 1) for part in found if isinstance(part, dict | list))


def _check_names(node: _Node, kind: str) -> None:
    """Refuse an estimator with attributes that none has: one named as a method would stand in its place."""
    content = node.get("content")
    if content is None:  # another mention of one that is described elsewhere
        return
    if unknown := set(content["content"]) - _attributes(kind):
        raise DataError(f"a {kind} of scikit-learn {sklearn.__version__} has no attribute {min(unknown)[:100]!r}")


@cache
def _attributes(kind: str) -> frozenset[str]:
    forest = RandomForestClassifier(n_estimators=1).fit([[0.0], [1.0]], [0, 1])
    return frozenset({*vars(forest if kind == _FOREST else forest.estimators_[0]), "_sklearn_version"})


def _described(
    node: _Node, arrays: Mapping[int, npt.NDArray[Any]]
) -> tuple[int, npt.NDArray[Any], int, int, npt.NDArray[Any], npt.NDArray[Any]]:
    """Features, numbers of classes, outputs, number of nodes, nodes and values of a tree that is not built yet."""
    features, classes, outputs = node["__reduce__"]["args"]["content"]
    state = node["content"]["content"]
    if set(state) != {"max_depth", "node_count", "nodes", "values"}:
        raise DataError("a tree is described by other numbers than its own")
    return (
        _number(features),
        arrays[classes["__id__"]],
        _number(outputs),
        _number(state["node_count"]),
        arrays[state["nodes"]["__id__"]],
        arrays[state["values"]["__id__"]],
    )


def _number(node: _Node) -> int:
    number = json.loads(node["content"])
    if type(number) is not int or not 0 < number < 2**31:
        raise DataError(f"a tree is said to have {str(number)[:40]} of something")
    return number


# -- the numbers ----------------------------------------------------------------------------------------------------


def _check_tree(
    features: int,
    classes: npt.NDArray[Any],
    outputs: int,
    count: int,
    nodes: npt.NDArray[Any],
    values: npt.NDArray[Any],
) -> None:
    """Refuse a tree that a prediction would not come to the end of, or on which it would leave its arrays.

    `nodes` is `(count,)`, `values` `(count, outputs, classes)`.  A node is a leaf where its left child is -1; any other
    has two children behind it, so that each step leads on.
    """
    if classes.shape != (1,) or outputs != 1 or classes.dtype.kind not in "iu" or not 1 <= classes[0] < 2**31:
        raise DataError(f"a tree has {classes.shape} outputs, and a forest of ours one")
    if nodes.dtype.names is None or nodes.shape != (count,) or values.shape != (count, 1, int(classes[0])):
        raise DataError(f"a tree of {count} nodes has {nodes.shape}, and values of {values.shape}")
    if values.dtype.kind != "f" or not np.isfinite(values).all() or (values < 0).any():
        raise DataError("values of a tree are not shares of classes")
    left, right = nodes["left_child"], nodes["right_child"]
    inner = left != -1
    at = np.flatnonzero(inner)
    for child in (left[inner], right[inner]):
        if (child <= at).any() or (child >= count).any():
            raise DataError("a node of a tree has no child behind it")
    feature, threshold = nodes["feature"][inner], nodes["threshold"][inner]
    if (feature < 0).any() or (feature >= features).any():
        raise DataError(f"a node of a tree asks for a feature that is none of {features}")
    if np.isnan(threshold).any():
        raise DataError("a node of a tree compares with no number")


def _check_forest(forest: Any) -> None:
    """Refuse a forest whose trees are not of its classes and features."""
    if not isinstance(forest, RandomForestClassifier):
        raise DataError(f"it holds a {type(forest).__name__}, not a forest")
    classes = forest.classes_
    sides = (int(forest.n_features_in_), int(forest.n_classes_), int(forest.n_outputs_))
    if not forest.estimators_ or classes.shape != sides[1:2] or sides[2] != 1:
        raise DataError(f"a forest of {len(forest.estimators_)} trees has classes {classes.shape}")
    if len(forest.estimators_) != forest.n_estimators:
        raise DataError(f"a forest of {forest.n_estimators} trees has {len(forest.estimators_)}")
    for one in forest.estimators_:
        tree = one.tree_
        if (tree.n_features, int(tree.n_classes[0]), tree.n_outputs) != sides:
            raise DataError("a tree is of other classes or features than its forest")
        if (int(one.n_features_in_), int(one.n_classes_), int(one.n_outputs_)) != sides or len(one.classes_) != sides[
            1
        ]:
            raise DataError("a tree is said to be of other classes or features than it is")

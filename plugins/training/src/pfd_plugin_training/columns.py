"""Columns of a table by their names: a model never takes what merely stands where its feature stood."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pfd import DataError
from pfd_plugin_features import FeatureTable

Matrix = npt.NDArray[np.float64]

_HINT = "extract_features_task computes columns of these names; rename yours only where they are the same quantity"
_SHOWN = 100
"""Characters of a name in a message."""


def by_name(table: Any, wanted: Sequence[str], names: Sequence[str] | None = None) -> Matrix:
    """The columns `(n, len(wanted))` of a table, in the order wanted.  Columns that are not wanted are left aside.

    Parameters
    ----------
    table : a `FeatureTable`, a mapping of names to columns `(n,)`, a data frame (pandas, polars, Arrow), or a
        structured array; or an array `(n, f)` without names, where `names` gives them.
    names : of the columns of an array that has none, in its order.

    Raises
    ------
    DataError : the table names no columns, one twice, or lacks some (all of these are told, with names that are near);
        or a column is of another length than the first, or holds what is not a finite number.
    """
    columns = _named(table) if names is None else _numbered(table, list(names))
    _require(wanted, list(columns))
    found: list[Matrix] = []
    for name in wanted:
        column = _numbers(columns[name], name)
        if column.ndim != 1 or (found and column.shape != found[0].shape):
            expected = f"{found[0].shape}, as {_quoted(wanted[0])} has" if found else "(n,)"
            raise DataError(f"column {_quoted(name)} has shape {column.shape}, expected {expected}")
        found.append(column)
    return np.stack(found, axis=1)


def _named(table: Any) -> Mapping[Any, Any]:
    """The columns of what names them itself."""
    if isinstance(table, FeatureTable):
        return _numbered(table.x, list(table.names))
    if isinstance(table, Mapping):
        return table
    if isinstance(table, np.ndarray) and table.dtype.names is not None:
        return {name: table[name] for name in table.dtype.names}
    # Arrow's tables have `columns` as well, but these are the columns themselves.
    names = getattr(table, "column_names", None) or getattr(table, "columns", None)
    if names is None:
        shape = getattr(table, "shape", None)
        what = type(table).__name__ if shape is None else f"{type(table).__name__} of shape {tuple(shape)}"
        raise DataError(
            f"a table has to name its columns, and this {what} does not: columns in another order would be taken "
            "for one another",
            hint="give a mapping of names to columns, a data frame, a structured array, or names=[…] beside the array",
        )
    _require_each_once(list(names))
    return {name: table[name] for name in names}


def _numbered(table: Any, names: list[str]) -> Mapping[Any, Any]:
    """The columns of an array without names."""
    x = np.asarray(table)
    if x.dtype.names is not None or x.ndim != 2 or x.shape[1] != len(names):
        raise DataError(f"an array of shape {x.shape} is given with {len(names)} names, expected (n, {len(names)})")
    _require_each_once(names)
    return dict(zip(names, x.T, strict=True))


def _require_each_once(names: Sequence[Any]) -> None:
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(
            f"columns of one name: {', '.join(map(_quoted, twice))}", hint="name each column once, or drop all but one"
        )


def _require(wanted: Sequence[str], given: Sequence[Any]) -> None:
    """Refuse a table that lacks a column, and say all that it lacks."""
    there = set(given)
    missing = [name for name in wanted if name not in there]
    if not missing:
        return
    # Where a letter is large that was small, nearly everything about a name is the same.
    spare = {name.casefold(): name for name in given if isinstance(name, str) and name not in set(wanted)}
    told = []
    for name in missing:
        near = difflib.get_close_matches(name.casefold(), spare, n=1)
        told.append(_quoted(name) + (f" (there is {_quoted(spare[near[0]])})" if near else ""))
    raise DataError(
        f"the table lacks {len(missing)} of the {len(wanted)} columns that the model was trained on: {', '.join(told)}",
        hint=_HINT,
    )


def _numbers(column: Any, name: str) -> Matrix:
    values = np.asarray(column)
    if values.dtype.kind not in "biufO":
        raise DataError(f"column {_quoted(name)} holds {values.dtype}, and no numbers")
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"column {_quoted(name)} holds what is not a number: {str(error)[:_SHOWN]}") from error
    if not np.isfinite(numbers).all():
        raise DataError(f"column {_quoted(name)} holds values that are not finite", hint="leave those windows out")
    return numbers


def _quoted(name: Any) -> str:
    return repr(str(name)[:_SHOWN])

"""Statements compiled once: the few that every job passes through several times.

SQLAlchemy's ordinary execution costs several times what SQLite needs for the statement itself, and all of it while the
write lock is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection, CursorResult
from sqlalchemy.sql.expression import Executable


class Prepared:
    """A statement whose parameters are all named and of plain types."""

    def __init__(self, statement: Executable) -> None:
        self._statement: Any = statement
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}

    def __call__(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            compiled = self._statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
            names = tuple(compiled.positiontup) if compiled.positional else None
            self._compiled[dialect.name] = (str(compiled), names, dict(compiled.params))
        sql, names, constants = self._compiled[dialect.name]
        merged = {**constants, **values}
        if names is None:
            return connection.exec_driver_sql(sql, {name: merged[name] for name in constants})
        return connection.exec_driver_sql(sql, tuple(merged[name] for name in names))

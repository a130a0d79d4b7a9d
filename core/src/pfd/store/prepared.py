"""Statements compiled once: the few that every job passes through several times.

SQLAlchemy writes the SQL; the driver runs it.  The ordinary execution costs several times what SQLite needs for the
statement itself, and all of it while the write lock is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import Executable


class Prepared:
    """A statement whose parameters are all named and of plain types."""

    def __init__(self, statement: Executable) -> None:
        self._statement: Any = statement
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}

    def _for(self, dialect: Dialect) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
        if dialect.name not in self._compiled:
            compiled = self._statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
            names = tuple(compiled.positiontup) if compiled.positional else None
            self._compiled[dialect.name] = (str(compiled), names, dict(compiled.params))
        return self._compiled[dialect.name]

    def _execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        sql, names, constants = self._for(connection.dialect)
        merged = {**constants, **values}
        # A parameter that is named twice stands twice in a positional list, and once among named ones.
        given: Any = {n: merged[n] for n in constants} if names is None else tuple([merged[n] for n in names])
        cursor = connection.connection.cursor()
        driver: Any = connection.dialect.loaded_dbapi
        try:
            cursor.execute(sql, given)
        except driver.Error as error:
            cursor.close()
            raise DBAPIError.instance(sql, given, error, driver.Error, dialect=connection.dialect) from error
        return cursor

    def first(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row of what the statement returns, or None."""
        cursor = self._execute(connection, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        cursor.close()
        return row

    def all(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of what the statement returns."""
        cursor = self._execute(connection, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        cursor.close()
        return rows

    def changed(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """How many rows the statement changed."""
        cursor = self._execute(connection, values)
        number = int(cursor.rowcount)
        cursor.close()
        return number

"""Schema upgrades: Alembic, one version table an owner of tables, in floor order, under one lock."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from pfd.errors import SchemaError
from pfd.hooks import Tables
from pfd.origin import first_line
from pfd.store.engine import READ, UNLIMITED, is_sqlite

log = logging.getLogger("pfd.store")

_LOCK = 0x504644  # "PFD": the advisory lock on PostgreSQL of whoever prepares the store


def version_table(tables: Tables) -> str:
    return f"{tables.name}_alembic_version"


def versions(engine: Engine, all_tables: Sequence[Tables]) -> dict[str, str | None]:
    """The revision of each owner of tables in this store; None where it has none yet."""
    with engine.connect() as connection:
        connection = connection.execution_options(**READ)
        present = set(sa.inspect(connection).get_table_names())
        return {tables.name: _version(connection, tables, present) for tables in all_tables}


def _version(connection: Connection, tables: Tables, present: set[str]) -> str | None:
    name = version_table(tables)
    if name not in present:
        return None
    # The name is one that a plugin declared, made of letters and digits; it is not an input of a user.
    found = connection.execute(sa.select(sa.column("version_num")).select_from(sa.table(name))).scalar()
    return None if found is None else str(found)


def behind(engine: Engine, all_tables: Sequence[Tables]) -> list[Tables]:
    """Those whose revision is not the newest.  Cheap: Alembic is not loaded."""
    found = versions(engine, all_tables)
    return [tables for tables in all_tables if found[tables.name] != tables.head]


def refuse(wanting: Sequence[Tables]) -> SchemaError:
    """The error for a shared store that must be upgraded by name."""
    names = ", ".join(tables.name for tables in wanting)
    return SchemaError(
        f"the store's tables do not fit this version of PFD (not at its revision: {names})",
        hint="run 'pfd db upgrade' once all workers are stopped",
    )


def upgrade(engine: Engine, all_tables: Sequence[Tables]) -> dict[str, str]:
    """Bring every owner's tables to the newest revision; the problems of plugins come back by name.

    Raises
    ------
    SchemaError : the core's own tables cannot be brought up, or are newer than this code.
    """
    problems: dict[str, str] = {}
    with engine.begin() as connection:
        one_at_a_time(connection)
        for tables in all_tables:
            try:
                with connection.begin_nested():
                    _upgrade_one(connection, tables)
            except Exception as error:  # a plugin's revisions are its own code, and can raise anything
                if tables.upgrade_order == 0:
                    raise
                problems[tables.name] = f"{type(error).__name__}: {_reason(error)}"
                log.warning("tables of %s are left as they are: %s", tables.name, _reason(error))
    return problems


def one_at_a_time(connection: Connection) -> None:
    """Wait, until the end of this transaction, for others that prepare the store."""
    if not is_sqlite(connection):  # there every writer is alone
        connection.exec_driver_sql(UNLIMITED)  # a plugin's revision may compute
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _reason(error: Exception) -> str:
    """The first line of what the database says, without the statement."""
    said = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return first_line(said, "no reason given")


def _upgrade_one(connection: Connection, tables: Tables) -> None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    importlib.import_module(tables.module)
    package = importlib.import_module(tables.migrations)
    folder = str(Path(next(iter(package.__path__))))
    script = ScriptDirectory(folder, version_locations=[folder])
    newest = script.get_current_head()
    if newest != tables.head:
        raise SchemaError(f"{tables.name} declares revision {tables.head} but ships {newest}")

    def steps(revision: Any, _context: object) -> Any:
        return script._upgrade_revs(tables.head, revision)  # noqa: SLF001  (what `alembic.command.upgrade` itself calls)

    context = MigrationContext.configure(
        connection,
        opts={"version_table": version_table(tables), "fn": steps, "transactional_ddl": True},
    )
    try:
        with Operations.context(context):
            context.run_migrations()
    except CommandError as error:
        current = context.get_current_revision()
        raise SchemaError(
            f"the tables of {tables.name} in this store are at revision {current}, which this version does not know",
            hint=f"the store is newer than this code: update {tables.name if tables.upgrade_order else 'pfd-core'}",
        ) from error

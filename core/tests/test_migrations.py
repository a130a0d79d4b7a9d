"""Bringing tables up: the core's, each plugin's, by one process or by several at once."""

from __future__ import annotations

import importlib
import pkgutil
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.tests.support.crowd import at_once
from core.tests.support.stores import KINDS, Databases, as_environment, make_settings
from pfd import Dispatcher, Settings, Tables, Worker
from pfd.plugins import Registry
from pfd.records import Record
from pfd.store import Store
from pfd.store.schema import CORE

DESCENDING = {
    "sqlite": {"ix_pfd_job_ready", "ix_pfd_job_later"},
    "postgresql": {"ix_pfd_job_claimable"},
}
"""The indexes of claims, by priority: each database has those by which it looks."""


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a store without any table."""
    url = request.getfixturevalue("postgres_database") if request.param == "postgres" else ""
    return make_settings(tmp_path / "home", url)


def test_revisions_make_what_the_code_declares(empty: Settings, registry: Registry) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    tables = registry.tables()
    for owned in tables:
        importlib.import_module(owned.module)
    store = Store(empty, tables)
    assert store.upgrade() == {}
    ours = {name for name in Record.metadata.tables if name.startswith(("pfd_", "sample_"))}
    metadata = sa.MetaData(naming_convention=Record.metadata.naming_convention)
    for name in sorted(ours):
        Record.metadata.tables[name].to_metadata(metadata)

    sqlite = store.engine.dialect.name == "sqlite"
    made_here = DESCENDING[store.engine.dialect.name]
    for index in list(metadata.tables["pfd_job"].indexes):
        if index.name in set().union(*DESCENDING.values()) - made_here:
            metadata.tables["pfd_job"].indexes.remove(index)

    def include(item: object, name: str | None, kind: str, reflected: bool, other: object) -> bool:
        # SQLite reflects no descending columns, so these indexes are compared below, as they are spelled.
        left_out = made_here if sqlite else ()
        return not (kind == "table" and str(name).endswith("_alembic_version")) and name not in left_out

    with store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": include, "compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
        for name in sorted(made_here) if sqlite else ():
            [index] = [index for index in metadata.tables["pfd_job"].indexes if index.name == name]
            query = sa.text("SELECT sql FROM sqlite_master WHERE name = :name")
            made = connection.execute(query, {"name": name}).scalar_one()
            assert made == str(sa.schema.CreateIndex(index).compile(dialect=store.engine.dialect))
    assert store.versions() == {"pfd": (CORE.head, CORE.head), "sample": ("sample_0002", "sample_0002")}
    store.close()


def test_an_upgrade_of_an_up_to_date_store_changes_nothing(store: Store) -> None:
    before = store.versions()
    assert store.upgrade() == {}
    assert store.versions() == before
    assert store.problems == {}


def write_plugin(folder: Path, name: str, upgrade: str) -> Tables:
    """A package with one table and one revision, as a plugin ships them."""
    package = folder / f"pfd_made_{name}"
    (package / "migrations").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "records.py").touch()
    (package / "migrations" / "__init__.py").touch()
    revision = f"""
        import sqlalchemy as sa
        from alembic import op

        revision = "{name}_0001"
        down_revision = None

        def upgrade():
            op.create_table("{name}_thing", sa.Column("id", sa.Integer, primary_key=True))
            {upgrade}
    """
    (package / "migrations" / "0001_things.py").write_text(textwrap.dedent(revision), encoding="utf-8")
    return Tables(name, f"{package.name}.records", f"{package.name}.migrations", f"{name}_0001")


TROUBLES = {
    "raises": "raise RuntimeError('half way')",
    "asks_nonsense": "op.execute('nonsense')",
    "exists_already": 'op.create_table("pfd_job", sa.Column("id", sa.Integer))',
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_plugin_whose_revision_fails_is_left_out_and_reported_and_the_others_go_on(
    empty: Settings, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    bad = write_plugin(tmp_path, f"bad_{trouble}", TROUBLES[trouble])
    good = write_plugin(tmp_path, f"good_{trouble}", "pass")
    store = Store(empty, [bad, *registry.tables(), good])
    problems = store.upgrade()
    assert list(problems) == [bad.name]
    assert "\n" not in problems[bad.name]
    tables = set(sa.inspect(store.engine).get_table_names())
    assert {"pfd_job", "sample_note", f"{good.name}_thing"} <= tables
    assert f"{bad.name}_thing" not in tables  # not even the half that worked
    store.open()
    assert list(store.problems) == [bad.name]
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        {"module": "no_such_module_anywhere.records"},
        {"migrations": "no_such_module_anywhere.migrations"},
        {"head": "sample_0003"},
    ],
)
def test_a_plugin_that_declares_what_it_does_not_ship_is_left_out(
    empty: Settings, registry: Registry, change: dict[str, Any]
) -> None:
    [tables] = registry.tables()
    store = Store(empty, [replace(tables, **change)])
    assert list(store.upgrade()) == ["sample"]
    assert "pfd_job" in sa.inspect(store.engine).get_table_names()
    store.close()


def test_a_plugin_that_cannot_be_brought_up_keeps_no_other_from_working(
    empty: Settings, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    bad = write_plugin(tmp_path, "bad_for_good", "raise RuntimeError('never')")
    everyone = Registry(registry.records, registry.tasks)
    monkeypatch.setattr(everyone, "tables", lambda: [bad, *registry.tables()])
    store = Store(empty, everyone.tables())
    store.upgrade()
    store.close()
    with Worker(empty, registry=everyone), Dispatcher(empty, registry=everyone) as dispatcher:
        assert dispatcher.submit("add", {"a": 1}).get(60) == {"value": 2}


def test_a_downgrade_is_written_for_each_revision_of_the_core(empty: Settings) -> None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    store = Store(empty)
    store.upgrade()
    package = importlib.import_module(CORE.migrations)
    names = sorted((found.name for found in pkgutil.iter_modules(package.__path__)), reverse=True)
    with store.write() as connection, Operations.context(MigrationContext.configure(connection)):
        for name in names:
            importlib.import_module(f"{CORE.migrations}.{name}").downgrade()
    assert [n for n in sa.inspect(store.engine).get_table_names() if n != "pfd_alembic_version"] == []
    store.close()


FIRST_OPEN = """
    import alembic.operations, alembic.script
    from pfd import Dispatcher
    from pfd.store import Store
    d = Dispatcher()
    tables = d.plugins.tables()

    def work():
        if d.settings.database_url:
            assert Store(d.settings, tables).upgrade() == {}
        return d.submit("add", {"a": 1}).id
"""


def test_six_processes_may_be_the_first_at_once(empty: Settings, registry: Registry) -> None:
    ids = at_once(6, FIRST_OPEN, as_environment(empty))
    assert len(ids) == 6
    with Dispatcher(empty, registry=registry) as dispatcher:
        assert {job.id for job in dispatcher.jobs()} == set(ids)


def test_several_workers_may_tie_a_new_store_to_its_home_at_once(
    databases: Databases, tmp_path: Path, registry: Registry
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    settings = make_settings(tmp_path / "home", databases.url("postgres", tmp_path))
    store = Store(settings, registry.tables()).open()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.bind_home(), range(8)))
    store.close()
    assert (tmp_path / "home" / "store-id").is_file()

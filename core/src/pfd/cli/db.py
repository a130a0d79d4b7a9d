"""`pfd db`: the tables of the store, their revisions, and a copy of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pfd.cli.codes import FAILED, OK, say
from pfd.cli.output import size
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import echo, one_line, print_fields, print_json, print_table
from pfd.errors import StoreError
from pfd.urls import mask

if TYPE_CHECKING:
    from pfd.store import Store

Versions = dict[str, tuple[str | None, str]]


@click.group()
def db() -> None:
    """Look at, upgrade or back up the tables of the store."""


@db.command()
@json_option
@pass_session
def status(session: Session, as_json: bool) -> None:
    """Show the revision of each owner's tables, in the store and in this installation.  Changes nothing."""
    from pfd.store import Store

    store = Store(session.settings, session.registry.tables())
    try:
        found: Versions = {tables.name: (None, tables.head) for tables in store.tables}
        if _is_made(store):
            found = store.versions()
    finally:
        store.close()
    _print(session, store.url, found, {}, as_json=as_json)
    if not as_json and any(current != newest for current, newest in found.values()):
        say("hint: 'pfd db upgrade' brings them up; SQLite is brought up by itself when it is next used")


@db.command()
@json_option
@pass_session
def upgrade(session: Session, as_json: bool) -> int:
    """Bring all tables to the revision of this installation.  Exits 1 where a plugin's tables could not be."""
    from pfd.store import Store

    store = Store(session.settings, session.registry.tables())
    try:
        problems = store.upgrade()
        found = store.versions()
    finally:
        store.close()
    _print(session, store.url, found, problems, as_json=as_json)
    return FAILED if problems else OK


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@pass_session
def backup(session: Session, file: Path, as_json: bool) -> None:
    """Copy the store to a new FILE, whole, while workers go on.

    All that was stored before is in it; datasets, artifacts and logs in PFD_HOME are not, and are copied after it.  For
    PostgreSQL this names the command.
    """
    from pfd.store import Store
    from pfd.store.backup import back_up

    store = Store(session.settings, session.registry.tables())
    try:
        if not _is_made(store):
            raise StoreError(
                f"there is no store at {mask(store.url)}", hint="'pfd config' shows where it is looked for"
            )
        number = back_up(store, file)
    finally:
        store.close()
    if as_json:
        print_json({"file": str(file.absolute()), "bytes": number})
    else:
        echo(f"{one_line(file)}  {size(number)}")


def _print(session: Session, url: str, found: Versions, problems: dict[str, str], *, as_json: bool) -> None:
    rows = [(name, current, newest, _state(current, newest)) for name, (current, newest) in found.items()]
    absent = [record.name for record in session.registry.records if record.status in ("broken", "incompatible")]
    if as_json:
        keys = ("name", "revision", "newest", "state")
        tables = [dict(zip(keys, row, strict=True)) for row in rows]
        print_json({"store": mask(url), "tables": tables, "problems": problems, "not_loaded": absent})
        return
    print_fields({"store": mask(url)})
    print_table(("tables of", "revision", "newest", "state"), rows)
    for name, reason in problems.items():
        say(f"error: the tables of {name} are left as they are: {reason}")
    if absent:
        say(f"not looked at, for their plugins are not loaded: {', '.join(absent)}; 'pfd plugins' says why")


def _is_made(store: Store) -> bool:
    """False where the store is an SQLite file that does not exist yet; to connect would make it."""
    url = store.engine.url
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def _state(current: str | None, newest: str) -> str:
    if current is None:
        return "not made yet"
    return "ok" if current == newest else "differs"

"""`pfd data verify`."""

from __future__ import annotations

import click

from pfd import DataError, reading
from pfd.console import print_json, print_table, progress_bar
from pfd_plugin_data.catalog import find_dataset, list_datasets


@click.command("verify")
@click.argument("datasets", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(datasets: tuple[str, ...], as_json: bool) -> int:
    """Read DATASETS, ids or names, as a whole, and compare them with what was written; all where none is named.

    Exits 1 where one has been changed or is gone.
    """
    with reading() as session:
        entries = [find_dataset(session, name) for name in datasets] if datasets else list_datasets(session)
    found = []
    with progress_bar("reading", len(entries), quiet=as_json) as bar:
        for entry in entries:
            try:
                entry.file.verify()
                entry.open().close()
            except DataError as error:
                found.append((entry, str(error)))
            else:
                found.append((entry, ""))
            bar.advance(status=entry.name)
    if as_json:
        shown = [{"id": one.id, "name": one.name, "path": str(one.path), "problem": why or None} for one, why in found]
        print_json(shown)
    else:
        rows = [(entry.id, entry.name, why or "as it was written") for entry, why in found]
        print_table(("ID", "NAME", "FILE"), rows, right={0})
    return 1 if any(why for _, why in found) else 0

"""`pfd data card`: the card of a dataset."""

from __future__ import annotations

from pathlib import Path

import click

from pfd import reading, replacing
from pfd.console import echo, json_text, one_line
from pfd_plugin_data.catalog import find_dataset


@click.command("card")
@click.argument("dataset")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write; printed where it is left out."
)
def card(dataset: str, out: Path | None) -> None:
    """Describe DATASET, an id or a name, in Croissant 1.1 (JSON-LD)."""
    from pfd_plugin_data.card import croissant

    with reading() as session:
        entry = find_dataset(session, dataset)
    with entry.open() as found:
        text = json_text(croissant(found, entry), allow_nan=False)
    if out is None:
        echo(text)
        return
    with replacing(out) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    echo(one_line(out))

"""`pfd data card`: the card of a dataset."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pfd import reading, replacing
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
        text = json.dumps(croissant(found, entry), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    click.echo(str(out))

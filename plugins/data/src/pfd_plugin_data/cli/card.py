"""`pfd data card`: the card of a dataset."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pfd import reading, replacing
from pfd.console import echo, one_line, print_json
from pfd_plugin_data.catalog import find_dataset
from pfd_plugin_data.dataset import open_dataset


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
    with open_dataset(entry.path) as found:
        described = croissant(found, entry)
    if out is None:
        print_json(described)
        return
    with replacing(out) as temporary:
        text = json.dumps(described, indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    echo(one_line(out))

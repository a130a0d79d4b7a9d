"""`pfd data export`: a dataset for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from pfd import reading
from pfd.console import echo, one_line, print_json, progress_bar
from pfd_plugin_data.catalog import find_dataset
from pfd_plugin_data.params import ExportFormat


@click.command("export")
@click.argument("dataset")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["mat", "parquet", "npz", "csv"]),
    required=True,
    help="MATLAB version 5, Parquet, NumPy or CSV.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(dataset: str, target: Path, kind: str, as_json: bool) -> None:
    """Write DATASET, an id or a name, into the new folder TARGET, a file a recording."""
    from pfd_plugin_data.export import export_dataset

    with reading() as session:
        entry = find_dataset(session, dataset)
    with entry.open() as found, progress_bar("exporting", len(found.recordings), quiet=as_json) as bar:
        written = export_dataset(
            found, target, cast("ExportFormat", kind), on_recording=lambda name: bar.advance(status=name)
        )
    if as_json:
        print_json([str(path) for path in written])
        return
    size = sum(path.stat().st_size for path in written)
    where = one_line(target)
    echo(f"{len(written)} files, {size / 1e6:.1f} MB, in {where}; {written[0].name} says what is in them")

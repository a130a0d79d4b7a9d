"""The command-line noun `data`."""

from __future__ import annotations

import click

from pfd_plugin_data.cli.card import card
from pfd_plugin_data.cli.export import export
from pfd_plugin_data.cli.listing import ls, show
from pfd_plugin_data.cli.plot import plot
from pfd_plugin_data.cli.splits import split, splits
from pfd_plugin_data.cli.verify import verify


@click.group()
def data() -> None:
    """List, show, verify, plot, split and export datasets."""


for command in (ls, show, verify, plot, export, card, split, splits):
    data.add_command(command)

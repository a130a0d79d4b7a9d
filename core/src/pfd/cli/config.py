"""`pfd config`: each setting and where it comes from."""

from __future__ import annotations

import click

from pfd.cli.codes import BAD_REQUEST, OK, say
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import print_json, print_table
from pfd.errors import SettingsError
from pfd.settings import LoadedSettings, Settings


@click.command()
@json_option
@pass_session
def config(session: Session, as_json: bool) -> int:
    """Show each setting and where it comes from.  Passwords are masked.

    A setting is taken from the command line, the environment variable PFD_NAME, the nearest pfd.toml at or above the
    working directory, or its default, in this order.
    """
    code, loaded = OK, LoadedSettings(Settings())
    try:
        loaded = session.loaded_settings
    except SettingsError as error:
        code = BAD_REQUEST
        say(f"error: {error}")
        say("hint: mend that one; here are all settings with their defaults")
    rows = loaded.shown()
    meanings = {name: field.description or "" for name, field in Settings.model_fields.items()}
    if as_json:
        keys = ("name", "value", "origin", "variable", "meaning")
        print_json([dict(zip(keys, (*row, f"PFD_{row[0].upper()}", meanings[row[0]]), strict=True)) for row in rows])
    else:
        print_table(("setting", "value", "origin", "meaning"), [(*row, meanings[row[0]]) for row in rows])
    return code

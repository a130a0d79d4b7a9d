"""`pfd config`: each setting and where it comes from."""

from __future__ import annotations

import dataclasses

import click

from pfd.characters import one_line
from pfd.cli.codes import BAD_REQUEST, OK, say
from pfd.cli.state import Session, json_option, pass_session
from pfd.console import print_json, print_table
from pfd.errors import SettingsError
from pfd.hints import Hint
from pfd.setting_tables import shown_settings
from pfd.settings import FILE, USE_BROKER, LoadedSettings, Settings


@click.command()
@json_option
@pass_session
def config(session: Session, as_json: bool) -> int:
    """Show each setting and where it comes from.  Passwords are masked.

    A setting is taken from the command line, the environment variable PFD_NAME, the nearest pfd.toml at or above the
    working directory that only you and root can write to, or its default, in this order.  Those of a plugin are a table
    of its name there.
    """
    try:
        code, loaded = OK, session.loaded_settings
    except SettingsError as error:
        code, loaded = BAD_REQUEST, LoadedSettings(Settings())
        say(f"error: {error}")
        say("hint: mend that one; here are all settings with their defaults")
    fields = Settings.model_fields
    rows = [(*row, f"PFD_{row[0].upper()}", fields[row[0]].description or "") for row in loaded.shown()]
    rows += [(FILE, str(one.path), f"ignored: {one.reason}", "PFD_TRUST", one.hint) for one in loaded.ignored]
    registry, _ = session.registry_whatever_is_broken()
    plugins = registry.settings_models()
    for model in plugins.values():
        rows += [dataclasses.astuple(one) for one in shown_settings(model, loaded.values)]
    unknown = (*loaded.unknown, *registry.unread_variables(loaded.values))
    rows += [("(none)", one_line(one.name), "ignored: not a setting", "", one.hint) for one in unknown]
    unread = registry.unread_tables(loaded.values)
    rows += [("(none)", f"[{one_line(one.name)}]", f"ignored: {one.reason}", "", one.hint) for one in unread]
    if as_json:
        print_json([dict(zip(("name", "value", "origin", "variable", "meaning"), row, strict=True)) for row in rows])
    else:
        print_table(("setting", "value", "origin", "meaning"), [(*row[:3], row[4]) for row in rows])
    if idle := loaded.idle_broker:
        say(f"warning: {idle}")
        say(f"hint: {USE_BROKER}")
    for one in unread:
        say(f"warning: {one}")
        say(f"hint: {one.hint}")
    for record in registry.records:
        if record.name in plugins and record.status in ("misconfigured", "partial"):
            code = BAD_REQUEST
            say(f"error: plugin {record.name}: {record.cause}")
            say(f"hint: {Hint(record.hint).in_shell()}")
    return code

"""The settings of all plugins together: names that two claim, what was given and is of none, and the list of all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pfd.characters import one_line
from pfd.errors import PluginSettingsError
from pfd.hints import Hint
from pfd.plugin_settings import Given, PluginSettings, variable
from pfd.setting_values import as_text, default_of, is_secret
from pfd.settings import (
    OTHER_VARIABLES,
    Settings,
    UnknownVariable,
    of_kubernetes,
    table_of,
    unknown_variables,
    variable_of,
)
from pfd.urls import HIDDEN


def misnamed(model: type[PluginSettings], plugin: str) -> tuple[str, str] | None:
    """What is wrong with the names of the settings of a plugin, and what to do; None where nothing is."""
    if model.pfd_table != table_of(plugin):
        return (
            f"has the table {model.pfd_table!r}, and its plugin is called {plugin!r}",
            f'write table="{table_of(plugin)}"',
        )
    if model.pfd_table in Settings.model_fields:
        core = f"PFD_{model.pfd_table.upper()}"
        return (
            f"has the table {model.pfd_table!r}, which is a setting of PFD itself ({core})",
            "give the plugin another name",
        )
    known = {f"PFD_{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
    if taken := sorted(known & set(variables(model))):
        return f"would be read from {', '.join(taken)}, which PFD itself has", "give the field another name"
    return None


def variables(model: type[PluginSettings]) -> dict[str, str]:
    """The variables of settings, each with its field."""
    return {variable(model, key): key for key in model.model_fields}


def clashes(models: Sequence[tuple[str, type[PluginSettings]]]) -> list[str]:
    """What each of some plugins shares with others, in words that name both; empty texts where it shares nothing."""
    return [
        "; ".join(_shared(label, model, (other for j, other in enumerate(models) if j != i)))
        for i, (label, model) in enumerate(models)
    ]


def _shared(
    label: str, model: type[PluginSettings], others: Iterable[tuple[str, type[PluginSettings]]]
) -> Iterator[str]:
    for other, theirs in others:
        both = " and ".join(sorted((label, other)))
        if theirs.pfd_table == model.pfd_table:
            yield f"settings [{model.pfd_table}] are claimed by {both}"
        elif taken := sorted(set(variables(model)) & set(variables(theirs))):
            yield f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} claimed by {both}"


def unread_variables(
    given: Iterable[Given], models: Iterable[type[PluginSettings]], loaded: Iterable[str]
) -> tuple[UnknownVariable, ...]:
    """Variables that are named after loaded plugins and are no setting of any, each told once a program."""
    known = {name for model in models for name in variables(model)}
    tables = {table_of(plugin) for plugin in loaded}
    by_name: dict[str, set[str]] = {}
    for one in given:
        if one.is_text and not of_kubernetes(variable_of(one), json.loads(one.value)):
            by_name.setdefault(variable_of(one), set()).add(one.table)
    # Of a plugin that is not loaded nobody can say what its settings are.
    found = (name for name, of in by_name.items() if name not in known and of <= tables)
    return unknown_variables(found, known)


@dataclass(frozen=True)
class UnreadTable:
    """A table of settings that no loaded plugin reads: another machine of the same file may have it."""

    name: str
    origin: str
    reason: str
    hint: str

    def __str__(self) -> str:
        return f"[{one_line(self.name)}] in {self.origin} is not read: {self.reason}"


def unread_tables(
    given: Iterable[Given], models: Iterable[type[PluginSettings]], plugins: Mapping[str, str]
) -> Iterator[UnreadTable]:
    """Tables that no model reads; `plugins` says what became of each by its name."""
    read = {model.pfd_table: model for model in models}
    became = {table_of(name): (name, status) for name, status in plugins.items()}
    for name, origin in dict.fromkeys((one.table, one.origin) for one in given if not one.is_text):
        if name in read:
            continue
        if name in became:
            plugin, status = became[name]
            reason = f"plugin {plugin} has no settings" if status == "loaded" else f"plugin {plugin} is {status}"
            hint = "'pfd plugins' says why" if status != "loaded" else "remove it"
            yield UnreadTable(name, origin, reason, hint)
        else:
            otherwise = "install the plugin, or remove it where no machine has that"
            hint = Hint.did_you_mean(name, read, otherwise)
            yield UnreadTable(name, origin, "no such plugin is installed", hint)


@dataclass(frozen=True)
class ShownSetting:
    """A setting of a plugin as people may see it, secrets masked."""

    name: str
    value: str
    origin: str
    variable: str
    meaning: str


def shown_settings(model: type[PluginSettings], settings: Settings) -> list[ShownSetting]:
    """The settings of a plugin; where one of them cannot be used, each as it was given."""
    own = {one.key: one for one in settings.given if one.table == model.pfd_table}
    try:
        found = settings.of(model)
    except PluginSettingsError:
        found = None
    rows = []
    for key, field in model.model_fields.items():
        if found is not None:
            text = as_text(getattr(found, key))
        elif key in own:
            text = HIDDEN if is_secret(field.annotation) else as_text(json.loads(own[key].value))
        else:
            text = as_text(default_of(field))
        origin = own[key].origin if key in own else "default"
        meaning = one_line(field.description or "")
        rows.append(ShownSetting(f"{model.pfd_table}.{key}", one_line(text), origin, variable(model, key), meaning))
    return rows

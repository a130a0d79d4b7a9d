"""Settings of plugins: what a plugin declares, and what was given for it by the environment or a file.

What is given is carried as it stands, with where it comes from, since whoever gathers settings knows no plugin yet.  It
is read by the model of a plugin where that is needed: a wrong value is the matter of that plugin alone.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from pfd import setting_values
from pfd.characters import one_line
from pfd.errors import PluginError, PluginSettingsError, few, shown
from pfd.hints import Hint
from pfd.urls import HIDDEN, hide

_TABLE = re.compile(r"[a-z][a-z0-9_]*\Z")
_FIELD = re.compile(r"[a-z][a-z0-9_]*\Z")

MOST_SAID = 500
"""Characters of what a validator says of a value."""

LISTED = "'pfd config' lists all settings and where each comes from"


class PluginSettings(BaseModel):
    """Base of the settings of a plugin, which it returns from `pfd_register_settings`.

    `class MailSettings(PluginSettings, table="mail")` is read from the table `[mail]` of `pfd.toml` and from variables
    `PFD_MAIL_…`; the table has the name of the plugin.  What is secret is declared as `SecretStr`.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, defer_build=True, hide_input_in_errors=True, validate_default=True
    )

    pfd_table: ClassVar[str] = ""

    def __init_subclass__(cls, *, table: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if table:
            cls.pfd_table = table
        if not _TABLE.match(cls.pfd_table):
            raise PluginError(
                f"settings {cls.__name__}: table={shown(cls.pfd_table)} is not made of lower-case letters, digits and "
                "underscores",
                hint=f'give it the name of the plugin: class {cls.__name__}(PluginSettings, table="name")',
            )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if not _FIELD.match(name):
                raise PluginError(
                    f"settings {cls.__name__}: {shown(name)} is not made of lower-case letters, digits and underscores",
                    hint="its variable is its name in capitals",
                )
            if field.alias is not None or field.validation_alias is not None:
                raise PluginError(f"settings {cls.__name__}: {name} has an alias", hint="a setting has one name")


def variable(model: type[PluginSettings], key: str) -> str:
    """The environment variable of a setting."""
    return f"PFD_{model.pfd_table}_{key}".upper()


@dataclass(frozen=True)
class Given:
    """A setting of a plugin as it was given.

    Parameters
    ----------
    table, key : `keep_free_bytes` of the table `data`.
    value : as JSON.
    origin : `"environment PFD_DATA_KEEP_FREE_BYTES"`, a file, `"command line"`.
    folder : that of the file, which relative paths start from.
    is_text : whether it comes from the environment, where all is text.
    wrong : why it is no value that JSON can hold.
    """

    table: str
    key: str
    value: str
    origin: str
    folder: str = ""
    is_text: bool = False
    wrong: str = ""

    def __repr__(self) -> str:  # it may be secret
        return f"Given({self.table}.{self.key} from {self.origin})"


def given_table(table: str, values: Mapping[str, Any], origin: str, folder: str = "") -> Iterator[Given]:
    """The settings of a table as TOML or Python has them."""
    for key, value in values.items():
        try:
            yield Given(table, str(key), json.dumps(value, default=_as_text), origin, folder)
        except (ValueError, RecursionError) as error:  # thousands of digits, or levels
            yield Given(table, str(key), "null", origin, folder, wrong=f"it cannot be read: {shown(error)}")


def _as_text(value: object) -> str:
    """A date or a time as models read it, a secret as it is."""
    reveal = getattr(value, "get_secret_value", None)
    return str(reveal() if callable(reveal) else value)


S = TypeVar("S", bound=PluginSettings)


def read_settings(model: type[S], given: Iterable[Given]) -> S:
    """The settings of a plugin.

    Raises
    ------
    PluginSettingsError : a value cannot be used, a key is unknown or one is missing; all that is wrong is named, with
        what is allowed and where it comes from.  What is secret is masked.
    """
    own = {one.key: one for one in given if one.table == model.pfd_table}
    values, wrong = _values(model, own)
    problems = list(wrong.values())
    found: S | None = None
    try:
        found = model.model_validate(values)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False, include_context=False):
            if not item["loc"] or item["loc"][0] not in wrong:
                said = hide(item["msg"].removeprefix("Value error, "), _secrets(model, own))
                problems.append(_problem(model, own, values, item["loc"], item["type"], said))
    except (Exception, SystemExit) as error:  # validators are code of the plugin, and may raise anything
        said = hide(shown(error, MOST_SAID), _secrets(model, own))
        problems.append(f"settings [{model.pfd_table}] cannot be checked: {said}")
    # Out here, so that no traceback shows what pydantic has seen.
    if problems or found is None:
        text = one_line("; ".join(few(problems, 8)))
        raise PluginSettingsError(text, hint="; ".join(filter(None, [_meant(model, own), LISTED])))
    return found


def check_settings(model: type[PluginSettings], given: Iterable[Given]) -> None:
    """Raise `PluginSettingsError` where settings cannot be used.

    Defaults are read as well, which a validator of the whole model may refuse.  What was found to be in order is not
    read again: each submission asks.
    """
    _in_order(model, tuple(one for one in given if one.table == model.pfd_table))


@functools.lru_cache(maxsize=256)
def _in_order(model: type[PluginSettings], own: tuple[Given, ...]) -> None:
    read_settings(model, own)


def _secrets(model: type[PluginSettings], own: Mapping[str, Given]) -> list[str]:
    return list(setting_values.secrets(model, {key: json.loads(one.value) for key, one in own.items()}))


def _values(model: type[PluginSettings], own: Mapping[str, Given]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the model is to check, and what is wrong with the rest, by key."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for key, one in own.items():
        if (field := model.model_fields.get(key)) is None:
            if not one.is_text and model.model_config.get("extra") == "allow":
                values[key] = json.loads(one.value)
            elif not one.is_text:  # that of a variable is told where all variables are looked through
                wrong[key] = f"unknown setting {model.pfd_table}.{key} from {one.origin}"
            continue
        if one.wrong:
            wrong[key] = f"setting {model.pfd_table}.{key} from {one.origin}: {one.wrong}"
            continue
        try:
            values[key] = setting_values.value_of(field.annotation, json.loads(one.value), one.is_text, one.folder)
        except ValueError as error:
            wrong[key] = f"{_setting(model, own, (key,), json.loads(one.value))}: {error}"
    return values, wrong


def _problem(
    model: type[PluginSettings],
    own: Mapping[str, Given],
    values: Mapping[str, Any],
    where: tuple[int | str, ...],
    kind: str,
    said: str,
) -> str:
    """One thing that is wrong, in the words of the settings of the core."""
    said = said if len(said) <= MOST_SAID else f"{said[: MOST_SAID - 1]}…"
    key = str(where[0]) if where else ""
    if (field := model.model_fields.get(key)) is None:
        return f"settings [{model.pfd_table}]: {said}"
    if kind == "missing" and len(where) == 1:
        place = f"{variable(model, key)}, or {key} in [{model.pfd_table}] of pfd.toml"
        return f"setting {model.pfd_table}.{key} is not set: give it as {place}"
    value = values[key] if key in values else setting_values.default_of(field)
    return f"{_setting(model, own, where, value)}: {said}"


def _setting(model: type[PluginSettings], own: Mapping[str, Given], where: tuple[int | str, ...], value: object) -> str:
    """A setting by name, with its value (masked where it is secret) and where it comes from."""
    name, key = ".".join([model.pfd_table, *map(str, where)]), str(where[0])
    for part in where[1:]:
        try:
            value = value[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            break
    origin = own[key].origin if key in own else "default"
    return f"setting {name}={_in_error(model.model_fields[key], value)} from {origin}"


def _in_error(field: FieldInfo, value: object) -> str:
    if setting_values.is_secret(field.annotation):
        return HIDDEN
    return shown(setting_values.plain(value), 200)


def _meant(model: type[PluginSettings], own: Mapping[str, Given]) -> str:
    """What unknown keys were probably meant to be."""
    unknown = [key for key, one in own.items() if key not in model.model_fields and not one.is_text]
    otherwise = f"it has {', '.join(model.model_fields) or 'none'}"
    return "; ".join(dict.fromkeys(Hint.did_you_mean(key, model.model_fields, otherwise) for key in unknown))

"""What all commands share: settings, plugins and the dispatcher, each loaded when first asked for."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from pfd.errors import SettingsError
from pfd.plugins import Registry, load_registry
from pfd.settings import LoadedSettings, Settings, load_settings
from pfd.streams import kept_for_the_answer

if TYPE_CHECKING:
    from pfd.client.dispatcher import Dispatcher

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Session:
    """One run of the command line."""

    def __init__(self, overrides: Mapping[str, Any] | None = None, *, debug: bool = False) -> None:
        self._overrides = dict(overrides or {})
        self.debug = debug

    def having(self, **overrides: Any) -> Session:
        """The same with other settings, for the programs that it starts as well."""
        os.environ.update({f"PFD_{name.upper()}": str(value) for name, value in overrides.items()})
        return Session({**self._overrides, **overrides}, debug=self.debug)

    @functools.cached_property
    def loaded_settings(self) -> LoadedSettings:
        try:
            return load_settings(self._overrides)
        except FileNotFoundError as error:
            raise SettingsError(
                "the working directory does not exist any more", hint="change to one that does"
            ) from error

    @property
    def settings(self) -> Settings:
        return self.loaded_settings.values

    @functools.cached_property
    def registry(self) -> Registry:
        return _loaded(self.settings)

    def registry_whatever_is_broken(self) -> tuple[Registry, SettingsError | None]:
        """The plugins, and what is wrong with the settings where they cannot be used."""
        settings, problem = self.settings_whatever_is_broken()
        try:
            return (self.registry, None) if problem is None else (_loaded(settings, only_list=True), problem)
        except SettingsError as error:  # a plugin refuses, or a setting needs one that is not there
            return _loaded(settings, only_list=True), error

    def settings_whatever_is_broken(self) -> tuple[Settings, SettingsError | None]:
        """The settings; where they cannot be used what they say of plugins, and what is wrong."""
        try:
            return self.settings, None
        except SettingsError as error:
            return _which_plugins(), error

    @functools.cached_property
    def dispatcher(self) -> Dispatcher:
        from pfd.client.dispatcher import Dispatcher

        return Dispatcher(self.settings, registry=self.registry, tells_unserved=False)  # commands say so themselves

    def announce(self) -> None:
        """Tell plugins that this is a command which submits, ends or runs jobs."""
        from pfd.lifecycle import ProcessKind, ProcessStart

        self.registry.notify("pfd_process_start", start=ProcessStart(ProcessKind.COMMAND, self.settings))

    def close(self) -> None:
        if "dispatcher" in self.__dict__:
            self.dispatcher.close()


def _loaded(settings: Settings, *, only_list: bool = False) -> Registry:
    with kept_for_the_answer():
        return load_registry(settings, only_list=only_list)


def _which_plugins() -> Settings:
    """Settings that hold no more than which plugins to load; a broken one elsewhere does no harm to that."""
    named = {name: os.environ[name] for name in ("PFD_PLUGINS", "PFD_DISABLE_PLUGINS") if name in os.environ}
    try:
        return load_settings({"home": Path(os.sep)}, environ=named, start=Path(os.sep)).values
    except SettingsError:
        return Settings(home=Path(os.sep))


def pass_session(command: Callable[Concatenate[Session, _P], _R]) -> Callable[_P, _R]:
    """Give a command the `Session` as its first argument.  What it runs of others prints nothing into its answer."""

    @functools.wraps(command)
    def quiet(session: Session, /, *args: _P.args, **options: _P.kwargs) -> _R:
        with kept_for_the_answer():
            return command(session, *args, **options)

    return click.make_pass_decorator(Session, ensure=True)(quiet)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
"""`--json` for a command that reads."""

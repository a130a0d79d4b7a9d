"""Settings, and where each came from.

Order: what the caller gives (the command line), the environment, `pfd.toml` (found upwards from the working directory),
defaults.  A `pfd.toml` that others can write to is not taken: it decides which code is loaded and where data lies.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib.metadata
import json
import logging
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from pfd.characters import is_shown, one_line
from pfd.errors import DataError, SettingsError
from pfd.files import read_text
from pfd.modes import Share
from pfd.ownership import foreign_hand
from pfd.urls import HINT, is_sound, mask, mask_any, remember, sqlite_url

if TYPE_CHECKING:
    from pfd.plugin_settings import Given, PluginSettings, S

log = logging.getLogger("pfd.settings")

FILE = "pfd.toml"

MAX_BYTES = 2**20
"""Of a `pfd.toml`."""

OTHER_VARIABLES = frozenset({"PFD_CONCURRENCY", "PFD_MEMORY", "PFD_TEST_DATA", "PFD_WORKER"})
"""Variables that others than settings have: the units in `deploy/`, and the tests."""

USE_BROKER = "set PFD_RUNTIME=celery or PFD_RUNTIME=dramatiq to use it, or leave the broker out"

BROKERLESS = ("local", "eager")
"""Runtimes that use no broker."""


def _data_folder() -> Path:
    import platformdirs  # most programs are told their folder

    try:
        return platformdirs.user_data_path("pfd", appauthor=False)
    except RuntimeError as error:
        raise SettingsError(
            "there is no folder to keep the store in: HOME is not set, and this user has none",
            hint="set PFD_HOME to a folder",
        ) from error


def _user_and_host() -> str:
    """Who runs this program, and where; what cannot be told is left out."""
    import getpass
    import socket

    user = host = ""
    with contextlib.suppress(OSError, KeyError, ImportError):  # a user without an entry, as in some containers
        user = getpass.getuser()
    with contextlib.suppress(OSError):
        host = socket.gethostname()
    return one_line(f"{user or 'someone'}@{host or 'somewhere'}")[:200]


class Settings(BaseModel):
    """All settings.  The environment variable of a field is `PFD_` and its name in capitals."""

    # A URL of which nobody knows what in it is secret is named in no error, and in no traceback.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, hide_input_in_errors=True)

    home: Path = Field(
        default_factory=_data_folder,
        description="folder of the database, artifacts and logs",
    )
    database_url: str = Field("", repr=False, description="SQLite in PFD_HOME, or postgresql://… for several machines")
    runtime: str = Field("local", description="local, eager, or the name of an installed runtime")
    broker_url: str = Field("", repr=False, description="broker of the Celery and Dramatiq runtimes")
    result_backend: str = Field(
        "", repr=False, description="where clients of bare Celery look for results: the broker, if Redis"
    )
    roots: tuple[Path, ...] = Field((), description="folders where user paths may lie, beside PFD_HOME and the cwd")
    share: Share = Field("private", description="who may read and write PFD_HOME: private (its user), or group")
    trust: tuple[Path, ...] = Field((), description="folders whose pfd.toml is taken whoever owns it; never set in one")
    plugins: tuple[str, ...] = Field((), description="load only these plugins (all when empty)")
    disable_plugins: tuple[str, ...] = Field((), description="do not load these plugins")
    lease: float = Field(15.0, gt=0, description="seconds without a sign of life after which a worker counts as lost")
    sweep: float = Field(2.0, gt=0, description="seconds between looks for lost, due and unrung jobs")
    grace: float = Field(10.0, ge=0, description="seconds between asking a job to stop and ending its processes")
    max_lost: int = Field(3, ge=1, description="how often a job may lose its worker before it fails")
    max_params_bytes: int = Field(256 * 1024, ge=1024, description="largest parameters of a job, as JSON")
    max_result_bytes: int = Field(256 * 1024, ge=1024, description="largest result, as JSON")
    max_log_bytes: int = Field(1024 * 1024, ge=4096, description="captured output kept a job: half head, half tail")
    gpus: str = Field("auto", description="devices of gpu slots: auto, none, or as in 0,1 (0*2: two jobs at once)")
    hide_gpus: bool = Field(True, description="whether jobs that need no gpu slot are kept from seeing any device")
    threads: int | None = Field(None, ge=1, description="CPU threads of a job (a fair share of the cores when absent)")
    submitter: str = Field(
        default_factory=_user_and_host,
        max_length=200,
        description="who submits jobs here: USER@HOST, or another name",
    )
    retention: float | None = Field(None, gt=0, description="days after which ended jobs may be pruned")
    metrics: str = Field("", description="where a worker serves metrics and health: HOST:PORT, or a range of ports")
    otel: bool = Field(False, description="make OpenTelemetry spans of jobs")

    _given: tuple[Given, ...] = PrivateAttr(default=())
    """What was given for plugins, a later one before an earlier one."""

    def of(self, model: type[S]) -> S:
        """The settings of a plugin, by their model.

        Raises
        ------
        PluginSettingsError : one of them cannot be used; it is named, with its origin and what is allowed.
        """
        from pfd.plugin_settings import read_settings  # most programs have no plugin at hand

        return read_settings(model, self._given)

    def check(self, model: type[PluginSettings]) -> None:
        """Raise `PluginSettingsError` where settings of a plugin cannot be used; what can be is read once a program."""
        from pfd.plugin_settings import check_settings

        check_settings(model, self._given)

    @property
    def given(self) -> tuple[Given, ...]:
        """What was given for plugins, unread."""
        return self._given

    def with_given(self, given: Iterable[Given]) -> Self:
        """The same, with what was given for plugins."""
        found = self.model_copy()
        found._given = tuple(given)  # noqa: SLF001  (of this class)
        return found

    def handed_on(self, without: Collection[str] = ()) -> dict[str, Any]:
        """The settings as JSON for another process, which makes them of it with `received`."""
        found = self.model_dump(mode="json", exclude=set(without))
        return found | {"given": [asdict(one) for one in self._given]}

    @classmethod
    def received(cls, handed: Mapping[str, Any]) -> Self:
        """The settings that another process has handed on."""
        values = dict(handed)
        if not (carried := values.pop("given", ())):
            return cls(**values)
        from pfd.plugin_settings import Given

        given = [Given(**one) for one in carried]
        _told.update(map(variable_of, given))  # by that process, where one of them is no setting
        return cls(**values).with_given(given)

    @field_validator("roots", "trust", "plugins", "disable_plugins", mode="before")
    @classmethod
    def _split(cls, value: Any, info: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(_separator(info.field_name)) if part.strip())
        return value

    @field_validator("gpus", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """As text, in whichever way a file lists them."""
        return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value).strip()

    @field_validator("submitter")
    @classmethod
    def _shown(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("it is blank; name who submits, or leave it out")
        if not is_shown(value):
            raise ValueError("it has characters that are not shown; name it in letters, digits and signs")
        return value

    @field_validator("gpus")
    @classmethod
    def _known_devices(cls, value: str) -> str:
        if value not in ("auto", "none"):
            device_counts(value)
        return value

    @field_validator("retention", "threads", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return None if value in ("", "none") else value

    @field_validator("home", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if value == "":
            raise ValueError("it is empty; name a folder, or leave it out")
        return value

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        path = os.path.abspath(_expanded(value))
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise ValueError("its name is not UTF-8, and settings are handed on as such; rename the folder") from error
        return Path(path)

    @field_validator("roots", "trust")
    @classmethod
    def _without_tilde(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(map(_expanded, value))

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value:
            return value
        if not value.startswith(_DATABASES):
            raise ValueError("use sqlite:///FILE or postgresql://USER@HOST/NAME")
        if not is_sound(value):
            raise ValueError(f"it cannot be parsed; {HINT}")
        remember(value)
        # A worker started elsewhere would take the same words for another file.
        return _placed(value, Path.cwd()) if _RELATIVE.match(value) else value

    @field_validator("broker_url", "result_backend")
    @classmethod
    def _sound(cls, value: str) -> str:
        """That of a kind which only a third party knows is not looked into, nor is it shown."""
        if value and not is_sound(value) and value.startswith(_BROKERS):
            raise ValueError(f"it cannot be parsed; {HINT}")
        remember(value)
        return value

    @field_validator("metrics", mode="before")
    @classmethod
    def _port(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) else value  # as one may write it in pfd.toml

    @field_validator("metrics")
    @classmethod
    def _address(cls, value: str) -> str:
        if value:
            _parsed_address(value)
        return value

    @property
    def metrics_address(self) -> tuple[str, range] | None:
        """Host and ports, of which the first free one is meant; None where no metrics are to be served."""
        return _parsed_address(self.metrics) if self.metrics else None

    @property
    def store_url(self) -> str:
        """The URL of the store in SQLAlchemy's words."""
        if not self.database_url:
            return sqlite_url(self.home / "pfd.sqlite3")
        return re.sub(r"\Apostgres(ql)?://", "postgresql+psycopg://", self.database_url)

    @property
    def allowed_roots(self) -> tuple[Path, ...]:
        return (self.home, Path.cwd(), *self.roots)


def device_counts(listed: str) -> dict[str, int]:
    """How many jobs at once each device of a list may have.  Raises `ValueError` for what is no such list."""
    found: dict[str, int] = {}
    for part in listed.split(","):
        if (match := _DEVICE.fullmatch(part.strip())) is None:
            raise ValueError("use auto, none, or devices by number or UUID as in 0,1 or 0*2,GPU-…")
        if match["name"] in found:
            raise ValueError(f"device {match['name']} is named twice; {match['name']}*2 stands for two jobs at once")
        found[match["name"]] = int(match["times"] or 1)
    return found


_DEVICE = re.compile(r"(?P<name>\d+|GPU-[\w-]+|MIG-[\w/-]+)(\*(?P<times>[1-9]\d?))?")
_DATABASES = ("sqlite:", "sqlite+", "postgres:", "postgresql:", "postgresql+")
_BROKERS = ("amqp", "pyamqp", "redis", "sentinel", "unix:", "valkey")
_RELATIVE = re.compile(r"sqlite(\+\w+)?:///(?=[^/:])")


_ADDRESS = re.compile(r"(?:(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\]):)?(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?")


def _parsed_address(text: str) -> tuple[str, range]:
    """Host and ports of `HOST:PORT` or `HOST:FIRST-LAST`, the host being this machine alone where left out."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError("use HOST:PORT, as 127.0.0.1:9109, or HOST:FIRST-LAST; 0.0.0.0 stands for all interfaces")
    first = int(match["first"])
    last = int(match["last"] or first)
    if not first <= last <= 65535 or (first == 0 and last):
        raise ValueError("a port is 1 to 65535, or 0 for any that is free; the first of a range is the smallest")
    return (match["host"] or "127.0.0.1").strip("[]"), range(first, last + 1)


def _placed(url: str, folder: Path) -> str:
    """The URL of a SQLite file, a relative path in it taken from `folder`; any other as it is."""
    match = _RELATIVE.match(url)
    return url if match is None else f"{sqlite_url(folder, match[0])}/{url[match.end() :]}"


def _expanded(path: Path) -> Path:
    """A path without `~`.  Raises `ValueError` where that user has no home folder."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"there is no home folder for {path.parts[0]}") from error


def _separator(name: str | None) -> str:
    return os.pathsep if name in ("roots", "trust") else ","


@dataclass(frozen=True)
class IgnoredFile:
    """A `pfd.toml` that was found and not taken."""

    path: Path
    reason: str

    @property
    def hint(self) -> str:
        """What to do about it."""
        return f"see who wrote it; then make it yours ('chown', 'chmod go-w'), or set PFD_TRUST={self.path.parent}"

    def __str__(self) -> str:
        name = str(self.path)
        return f"{name if name.isprintable() else ascii(name)} is ignored: {self.reason}"


@dataclass(frozen=True)
class UnknownVariable:
    """A variable of the environment that is named as those of settings are, and is none: mostly a slip of the pen."""

    name: str
    near: str | None

    @property
    def hint(self) -> str:
        """What to do about it."""
        return f"did you mean {self.near}?" if self.near else "unset it, or give it the name of a setting"

    def __str__(self) -> str:
        return f"{one_line(self.name)} is not a setting, and is ignored"


@dataclass(frozen=True)
class LoadedSettings:
    """Settings together with the origin of each value: `"default"`, `"environment PFD_HOME"`, a file, …"""

    values: Settings
    origins: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[IgnoredFile, ...] = ()
    unknown: tuple[UnknownVariable, ...] = ()

    @property
    def idle_broker(self) -> str | None:
        """Why a broker that is named carries nothing, for people; None where it does, or none is named."""
        if not self.values.broker_url or self.values.runtime not in BROKERLESS:
            return None
        named = f"a broker is set ({self.origins.get('broker_url', 'default')})"
        return f"{named}, and runtime is {self.values.runtime}: nothing goes through the broker"

    def shown(self) -> list[tuple[str, str, str]]:
        """(name, value, origin) of each setting, secrets masked."""
        rows = []
        for name in Settings.model_fields:
            value = getattr(self.values, name)
            if name == "database_url":
                value = value or self.values.store_url
            if isinstance(value, tuple):
                value = _separator(name).join(str(part) for part in value)
            rows.append((name, _shown(name, "" if value is None else str(value)), self.origins.get(name, "default")))
        return rows


def _shown(name: str, value: str) -> str:
    if name == "submitter":  # which is of the form USER@HOST, and no URL
        return value
    return mask(value) if name in _URLS else mask_any(value)


_URLS = ("database_url", "broker_url", "result_backend")


def load_settings(
    overrides: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    start: Path | None = None,
) -> LoadedSettings:
    """Gather settings from all places.  Raises `SettingsError` naming the setting, its value and its origin."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    given: list[Given] = []

    def put(found: Mapping[str, Any], origin: str, folder: str = "") -> None:
        for name, value in found.items():
            if isinstance(value, Mapping) and name not in Settings.model_fields:
                from pfd.plugin_settings import given_table  # mostly there is none

                given.extend(given_table(name, value, origin, folder))
            elif value is not None:
                values[name] = value
                origins[name] = origin

    path, ignored = _find_file(start, _trusted(overrides or {}, environ))
    if path is not None:
        put(_read_file(path), str(path), str(path.parent))
    for name, (value, variable) in _celery_names(environ).items():
        put({name: value}, f"environment {variable}")
    for name in Settings.model_fields:
        variable = f"PFD_{name.upper()}"
        if variable in environ:
            put({name: environ[variable]}, f"environment {variable}")
    ours = set(_of_no_setting(environ))
    given += (of_plugins := list(_of_plugins(environ, ours)))
    put(dict(overrides or {}), "command line")
    foreign = {name for name in ours if of_kubernetes(name, environ[name])}
    unknown = unknown_variables(ours - foreign - {variable_of(one) for one in of_plugins})
    try:
        return LoadedSettings(Settings(**values).with_given(given), origins, ignored, unknown)
    except ValidationError as error:
        item = error.errors(include_url=False)[0]
        name = str(item["loc"][0]) if item["loc"] else "settings"
        reason = item["msg"].removeprefix("Value error, ")
        raise SettingsError(
            f"setting {name}={_shown(name, str(values.get(name)))!r} from {origins.get(name, 'default')}: {reason}",
            hint="'pfd config' lists all settings and where each comes from",
        ) from error


def _celery_names(environ: Mapping[str, str]) -> dict[str, tuple[str | None, str]]:
    """Settings by Celery's names: the value, and the variable it is from."""
    found: dict[str, tuple[str | None, str]] = {}
    found["broker_url"] = environ.get(variable := "CELERY_BROKER_URL"), variable
    backend = environ.get(variable := "CELERY_RESULT_BACKEND", "")
    if backend.startswith("db+"):
        found["database_url"] = backend.removeprefix("db+"), variable
    elif backend:
        found["result_backend"] = backend, variable
    if environ.get(variable := "CELERY_ALWAYS_EAGER", "").lower() in ("1", "true", "yes", "on"):
        found["runtime"] = "eager", variable
    return found


def unknown_variables(names: Iterable[str], known: Collection[str] = ()) -> tuple[UnknownVariable, ...]:
    """Variables that are no settings, each told once a program.  `known` are those of plugins."""
    every = {*known, *(f"PFD_{name.upper()}" for name in Settings.model_fields)}
    found = tuple(UnknownVariable(name, _near(name, every)) for name in sorted(names))
    for one in found:
        if one.name not in _told:
            _told.add(one.name)
            log.warning("warning: %s; %s", one, one.hint)
    return found


def _of_no_setting(environ: Mapping[str, str]) -> Iterator[str]:
    """Variables that are named as those of settings are, and of the core's are none."""
    known = {f"PFD_{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
    for name in environ:
        if name.startswith("PFD_") and name not in known:
            yield name


def _of_plugins(environ: Mapping[str, str], names: Collection[str]) -> Iterator[Given]:
    """What variables give for plugins, as far as that can be told before any is loaded: by their names."""
    if not names:
        return
    from pfd.plugin_settings import Given

    tables = {table_of(entry.name) for entry in importlib.metadata.entry_points(group="pfd.plugins")}
    for name in sorted(names):
        for table in sorted(tables):
            if name.startswith(prefix := f"PFD_{table.upper()}_") and name == name.upper() != prefix:
                key = name.removeprefix(prefix).lower()
                yield Given(table, key, json.dumps(environ[name]), f"environment {name}", is_text=True)


def variable_of(given: Given) -> str:
    """The variable that a setting of a plugin was given by; empty where it was not."""
    return given.origin.removeprefix("environment ") if given.is_text else ""


def table_of(plugin: str) -> str:
    """The name of the table of a plugin: its own, with an underscore for what a variable cannot have."""
    return re.sub(r"[^a-z0-9]+", "_", plugin.lower()).strip("_")


def of_kubernetes(name: str, value: str) -> bool:
    """Whether a variable is named as those that Kubernetes gives containers for each service, here one called `pfd-…`.

    What a plugin declares by that name is a setting all the same.
    """
    return _SERVICE.search(name) is not None or (
        name.endswith("_PORT") and value.startswith(("tcp://", "udp://", "sctp://"))
    )


_SERVICE = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)\Z|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?\Z")


def _near(name: str, known: Collection[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)), None)


def _trusted(overrides: Mapping[str, Any], environ: Mapping[str, str]) -> frozenset[Path]:
    """The folders that who started this program trusts.  What is not a list of folders is told with all settings."""
    given = overrides.get("trust") or environ.get("PFD_TRUST", "")
    names = given.split(os.pathsep) if isinstance(given, str) else given
    found = []
    for name in names:
        with contextlib.suppress(ValueError):
            found += [Path(os.path.realpath(_expanded(Path(name))))] if str(name).strip() else []
    return frozenset(found)


def _find_file(start: Path | None, trusted: frozenset[Path]) -> tuple[Path | None, tuple[IgnoredFile, ...]]:
    """The nearest file that can be taken, and those nearer that cannot, of which each is told once a program."""
    folder = (start or Path.cwd()).resolve()
    ignored: list[IgnoredFile] = []
    taken = None
    for path in (one / FILE for one in (folder, *folder.parents)):
        try:
            path.lstat()
        except OSError:  # hardly ever is there one
            continue
        if (reason := _objection(path, trusted)) is None:
            taken = path
            break
        ignored.append(IgnoredFile(path, reason))
    for one in ignored:
        if one not in _told:
            _told.add(one)
            log.warning("warning: %s; %s", one, one.hint)
    return taken, tuple(ignored)


_told: set[IgnoredFile | str] = set()
"""Files, and variables by their names."""


def _objection(path: Path, trusted: frozenset[Path]) -> str | None:
    """Why a file is not to be taken."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "it is not a regular file"
        return None if path.parent in trusted else foreign_hand(path)
    except (OSError, RuntimeError) as error:  # a link to nowhere, or to itself
        return f"it cannot be looked at ({getattr(error, 'strerror', None) or error})"


def _read_file(path: Path) -> dict[str, Any]:
    import tomllib  # mostly there is no file

    try:
        found = tomllib.loads(read_text(path, MAX_BYTES))
    except DataError as error:
        raise SettingsError(str(error), hint="mend or move the file") from error
    except ValueError as error:  # not only those of TOML: a number of thousands of digits has one of its own
        raise SettingsError(f"{path}: {error}", hint="mend or move the file") from error
    except RecursionError:
        raise SettingsError(f"{path}: is nested too deep", hint="mend or move the file") from None
    if "trust" in found:
        raise SettingsError(
            f"{path}: trust cannot be set in a file, which would vouch for itself",
            hint="set PFD_TRUST in the environment",
        )
    # What is a table may be that of a plugin, and none is loaded yet.
    values = {name for name, value in found.items() if not isinstance(value, dict)}
    if unknown := sorted(values - set(Settings.model_fields)):
        near = [f"did you mean {name}?" for one in unknown if (name := _near(one, Settings.model_fields))]
        raise SettingsError(
            f"{path}: unknown setting {', '.join(map(one_line, unknown))}",
            hint="; ".join([*near, "'pfd config' lists all settings"]),
        )
    # A relative path in a file is relative to that file, not to where the command was typed.
    if isinstance(found.get("database_url"), str):
        found["database_url"] = _placed(found["database_url"], path.parent)
    if isinstance(found.get("home"), str):
        found["home"] = _beside(path, found["home"])
    if isinstance(found.get("roots"), list):
        found["roots"] = tuple(_beside(path, root) for root in found["roots"])
    return found


def _beside(file: Path, name: Any) -> Any:
    """A path as the file means it; what is none, or begins with `~`, is looked at with all settings."""
    return name if not isinstance(name, str) or name.startswith("~") else file.parent / name

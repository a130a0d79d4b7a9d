"""Settings of plugins: where they come from, who reads them, and that a wrong one is the matter of its plugin alone."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import textwrap
import time
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr, field_validator

from core.tests.support.commands import Ran, program
from core.tests.support.stores import make_settings
from pfd import Dispatcher, JobFailed, PluginError, PluginSettings, Settings, SettingsError, Worker, load_settings
from pfd.app import App
from pfd.characters import is_shown
from pfd.notify import Wakeup
from pfd.plugins import load_registry
from pfd.schedules.define import job_of
from pfd.schedules.schedule import SlotOutcome
from pfd.schedules.scheduler import Scheduler
from pfd.schedules.table import Definition
from pfd.setting_tables import shown_settings, unread_variables
from pfd.store.schema import schedules
from pfd.submission.client_message import ClientMessage, import_messages

OTHERS = ("data", "mat_import", "features", "training", "evaluation", "observability")

MANIFEST = """
    from pathlib import Path
    from pydantic import BaseModel, Field, SecretStr
    from pfd import Command, Params, PluginSettings, Result, Task, hookimpl

    class Login(BaseModel):
        user: str = ""
        password: SecretStr = SecretStr("")

    class MailSettings(PluginSettings, table="mail"):
        server: str = Field("localhost", description="host that takes the mail")
        port: int = Field(25, ge=1, le=65535, description="its port")
        to: tuple[str, ...] = Field((), description="who gets it")
        token: SecretStr = Field(SecretStr(""), description="what it is signed with")
        login: Login = Field(Login(), description="who sends it")

    class Nothing(Params):
        pass

    class Told(Result):
        server: str
        port: int
        to: tuple[str, ...]
        signed: int

    @hookimpl
    def pfd_register_settings():
        return MailSettings

    @hookimpl
    def pfd_register_tasks():
        return [
            Task("mail_task", run="{package}.plugin:run", params=Nothing, result=Told, retry_on=("builtins:Exception",),
                 max_attempts=3),
            Task("mail_inline_task", run="{package}.plugin:run", params=Nothing, result=Told, isolation="inline",
                 time_limit=5.0),
        ]

    @hookimpl
    def pfd_register_commands():
        return [Command("mail", load="{package}.plugin:mail", help="About mail.")]

    def run(params, ctx):
        found = ctx.settings.of(MailSettings)
        ctx.log.info("signed with %s, from %s", found.token, found.login)
        return Told(server=found.server, port=found.port, to=found.to, signed=len(found.token.get_secret_value()))

    def __getattr__(name):
        if name != "mail":
            raise AttributeError(name)
        import click
        from pfd import load_settings
        from pfd.console import echo

        @click.command()
        def mail():
            echo(load_settings().values.of(MailSettings).server)

        return mail
"""

Install = Callable[..., str]

_numbers = itertools.count(1)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Writes a plugin as pip would, where this process and programs that it starts find it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ["PYTHONPATH"]]))
    monkeypatch.setenv("PFD_DISABLE_PLUGINS", ",".join(OTHERS))
    monkeypatch.setenv("PFD_GPUS", "none")
    monkeypatch.chdir(tmp_path)

    def write(name: str = "mail", code: str = MANIFEST) -> str:
        package = f"pfd_settings_{name.replace('-', 'dash')}_{next(_numbers)}"
        (site / package).mkdir()
        (site / package / "__init__.py").touch()
        text = textwrap.dedent(code).replace("{package}", package)
        (site / package / "plugin.py").write_text(text, encoding="utf-8")
        info = site / f"{package}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[pfd.plugins]\n{name} = {package}.plugin\n", encoding="utf-8")
        return package

    return write


def toml(folder: Path, text: str) -> Path:
    """A `pfd.toml` that is taken."""
    path = folder / "pfd.toml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    path.chmod(0o600)
    return path


def rows(*words: str, code: int = 0, **variables: str) -> dict[str, dict[str, Any]]:
    """What `pfd config` says, by the name of the setting."""
    ran = program("config", "--json", *words, **variables)
    assert ran.code == code, ran
    return {row["name"]: row for row in json.loads(ran.out)}


def quiet(ran: Ran, *secrets: str) -> Ran:
    """The same, once it is seen that no secret is in it."""
    for secret in secrets:
        assert secret not in ran.out + ran.err
    return ran


# -- where they come from -------------------------------------------------------------------------------------------


class Inner(BaseModel):
    name: str = ""
    key: SecretStr = SecretStr("")


class RigSettings(PluginSettings, table="rig"):
    """What a test reads."""

    server: str = Field("localhost", min_length=1)
    port: int = Field(25, ge=1)
    level: Literal[1, 2, "auto"] = 1
    on: bool = False
    names: tuple[str, ...] = ()
    ports: list[int] = Field([])
    folder: Path | None = None
    folders: tuple[Path, ...] = ()
    limit: int | None = 5
    secret: SecretStr = SecretStr("")
    inner: Inner = Inner()
    table: dict[str, float] = Field({})
    url: str = ""
    service_host: str = ""
    events_port: str = ""
    device: Path | Literal["auto", 1] = "auto"
    places: dict[str, Path | None] = Field({})

    @field_validator("secret")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 8:
            raise ValueError(f"{value.get_secret_value()} is shorter than 8 characters")
        return value


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Callable[..., RigSettings]:
    """Reads the settings of a plugin `rig` from variables and a file."""
    import importlib.metadata

    entry = importlib.metadata.EntryPoint("rig", "nowhere", "pfd.plugins")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: (entry,))

    def read(start: Path = Path("/nowhere"), overrides: Any = None, **environ: str) -> RigSettings:
        found = load_settings({"home": Path("/nowhere"), **(overrides or {})}, environ=environ, start=start).values
        return Settings.received(json.loads(json.dumps(found.handed_on()))).of(RigSettings)

    return read


def test_the_caller_goes_before_the_environment_before_the_file_before_the_default(rig: Any, tmp_path: Path) -> None:
    toml(tmp_path, "[rig]\nserver = 'file'\nport = 1\nlimit = 1\n")
    found = rig(tmp_path, {"rig": {"server": "caller"}}, PFD_RIG_SERVER="environment", PFD_RIG_PORT="2")
    assert (found.server, found.port, found.limit, found.on) == ("caller", 2, 1, False)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PORT", "80", 80),
        ("ON", "yes", True),
        ("LEVEL", "2", 2),
        ("LEVEL", "auto", "auto"),
        ("NAMES", "a, b,,c", ("a", "b", "c")),
        ("NAMES", '["a,b", "c"]', ("a,b", "c")),
        ("NAMES", "", ()),
        ("PORTS", "1,2", [1, 2]),
        ("LIMIT", "none", None),
        ("LIMIT", "", None),
        ("SERVER", "none", "none"),
        ("TABLE", '{"a": 1}', {"a": 1.0}),
        ("INNER", '{"name": "x"}', Inner(name="x")),
        ("FOLDER", "~", Path.home()),
    ],
)
def test_a_variable_is_read_as_the_type_of_its_setting_says(rig: Any, name: str, text: str, value: object) -> None:
    assert getattr(rig(**{f"PFD_RIG_{name}": text}), name.lower()) == value


def test_a_relative_path_of_a_file_starts_from_that_file_and_of_a_variable_from_where_one_stands(
    rig: Any, tmp_path: Path
) -> None:
    toml(tmp_path, "[rig]\nfolder = 'a'\nfolders = ['b', '/c', '~/d']\n")
    found = rig(tmp_path)
    assert found.folder == tmp_path / "a"
    assert found.folders == (tmp_path / "b", Path("/c"), Path.home() / "d")
    assert rig(PFD_RIG_FOLDER="a").folder == Path("a")
    toml(tmp_path, "[rig]\ndevice = 'b'\nplaces = {a = 'b', c = '/d', e = '~/f'}\n")
    found = rig(tmp_path)
    assert found.device == tmp_path / "b"
    assert found.places == {"a": tmp_path / "b", "c": Path("/d"), "e": Path.home() / "f"}
    assert rig(PFD_RIG_PLACES='{"a": "~/b", "c": null}').places == {"a": Path.home() / "b", "c": None}


def test_a_word_that_may_stand_for_a_path_is_no_file(rig: Any, tmp_path: Path) -> None:
    toml(tmp_path, "[rig]\ndevice = 'auto'\n")
    assert rig(tmp_path).device == rig(PFD_RIG_DEVICE="auto").device == "auto"


def test_a_setting_that_is_named_as_a_variable_of_kubernetes_is_read_and_such_a_variable_alone_is_not_told(
    rig: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr("pfd.settings._told", set())  # of this process, in which other tests have been
    environ = {"PFD_RIG_SERVICE_HOST": "mx", "PFD_RIG_EVENTS_PORT": "tcp://mx:25", "PFD_RIG_SERVICE_PORT": "80"}
    found = rig(**environ)
    assert (found.service_host, found.events_port) == ("mx", "tcp://mx:25")
    given = load_settings(environ=environ | {"PFD_RIG_PRT": "1"}, start=Path("/")).values.given
    assert [one.name for one in unread_variables(given, [RigSettings], ["rig"])] == ["PFD_RIG_PRT"]
    assert "PFD_RIG_SERVICE_PORT" not in caplog.text


def test_a_file_that_others_can_write_to_is_not_taken(rig: Any, tmp_path: Path, caplog: Any) -> None:
    toml(tmp_path, "[rig]\nserver = 'theirs'\n").chmod(0o666)
    assert rig(tmp_path).server == "localhost"
    assert "is ignored" in caplog.text


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"PFD_RIG_PORT": "abc"},
            "setting rig.port='abc' from environment PFD_RIG_PORT: Input should be a valid integer",
        ),
        (
            {"PFD_RIG_PORT": "0"},
            "rig.port='0' from environment PFD_RIG_PORT: Input should be greater than or equal to 1",
        ),
        ({"PFD_RIG_LEVEL": "3"}, "Input should be 1, 2 or 'auto'"),
        ({"PFD_RIG_PORTS": "1,x"}, "setting rig.ports.1='x' from"),
        ({"PFD_RIG_TABLE": "x=1"}, "setting rig.table='x=1' from environment PFD_RIG_TABLE: it is no JSON"),
        ({"PFD_RIG_TABLE": "[" * 100_000}, "it is nested too deep"),
        ({"PFD_RIG_PORT": "a", "PFD_RIG_ON": "b"}, "setting rig.on='b'"),
        ({"PFD_RIG_FOLDER": "~nobody_here/x"}, "there is no home folder for ~nobody_here"),
    ],
)
def test_a_wrong_value_is_named_with_its_setting_its_origin_and_what_is_allowed(
    rig: Any, environ: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        rig(**environ)
    assert said in str(raised.value)
    assert "'pfd config' lists all settings" in str(raised.value.hint)


def test_an_unknown_key_is_refused_with_the_one_that_is_near(rig: Any, tmp_path: Path) -> None:
    path = toml(tmp_path, "[rig]\nsever = 'x'\n")
    with pytest.raises(SettingsError, match=f"unknown setting rig.sever from {path}") as raised:
        rig(tmp_path)
    assert "did you mean server, level?" in str(raised.value.hint)


@pytest.mark.parametrize(
    "environ",
    [
        {"PFD_RIG_SECRET": "hunt3r2"},
        {"PFD_RIG_INNER": '{"key": "hunt3r2", "name": 1}'},
        {"PFD_RIG_INNER": '{"key": "hunt3r2"'},
        {"PFD_RIG_URL": "https://me:hunt3r2@example.org/x", "PFD_RIG_PORT": "a"},
        {"PFD_RIG_PORT": "https://me:hunt3r2@example.org/x"},
        {"PFD_RIG_PORT": "https://example.org/x?key=hunt3r2"},
        {"PFD_RIG_PORT": "smtp://me:hunt3r2/@example.org"},
        {"PFD_RIG_PORTS": "1,redis://:hunt3r2@example.org"},
    ],
)
def test_no_secret_is_in_an_error_nor_in_its_traceback(rig: Any, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as raised:
        rig(**environ)
    assert "hunt3r2" not in "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit])
def test_no_secret_is_in_what_else_a_validator_raises(rig: Any, raised: type[BaseException]) -> None:
    class Odd(RigSettings, table="rig"):
        @field_validator("server", mode="before")
        @classmethod
        def _stumble(cls, value: str) -> str:
            raise raised(f"cannot reach https://me:hunt3r2-url@example.org with hunt3r2-{value}")

    given = {"secret": "hunt3r2-mx", "server": "mx", "url": "https://me:hunt3r2-url@example.org"}
    found = load_settings({"home": Path("/nowhere"), "rig": given}, environ={}, start=Path("/")).values
    with pytest.raises(SettingsError, match=r"settings \[rig\] cannot be checked") as caught:
        found.of(Odd)
    assert "hunt3r2" not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "example.org" in str(caught.value)


def test_no_secret_is_in_what_settings_show_of_themselves() -> None:
    found = load_settings(
        {"home": Path("/nowhere"), "rig": {"secret": "hunt3r2-long"}}, environ={}, start=Path("/")
    ).values
    assert "hunt3r2" not in repr(found) + repr(found.given) + str(found.of(RigSettings))
    shown = {row.name: row for row in shown_settings(RigSettings, found)}
    assert (shown["rig.secret"].value, shown["rig.secret"].origin) == ("***", "command line")


def test_a_secret_stays_one_where_another_setting_is_wrong() -> None:
    wrong = {"rig": {"secret": "hunt3r2-long", "inner": {"key": "hunt3r2"}, "port": 0, "url": "a://b:hunt3r2@c/d"}}
    found = load_settings({"home": Path("/nowhere"), **wrong}, environ={}, start=Path("/")).values
    shown = {row.name: row.value for row in shown_settings(RigSettings, found)}
    assert (shown["rig.secret"], shown["rig.inner"], shown["rig.url"]) == ("***", "***", "a://***@c/d")
    assert shown["rig.port"] == "0"


def refusal(read: Callable[[], object]) -> str:
    """What an error says that reading settings raises, with its hint; nothing where it raises none."""
    try:
        read()
    except SettingsError as error:
        return f"{error} {error.hint}"
    return ""


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\x1b[2J", "\u200b", "a://b:c@d"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_KEYS = st.sampled_from([*RigSettings.model_fields, "sever", "\x1b[31m", "", "PORT"]) | st.text(max_size=8)


@settings(max_examples=150, deadline=None)
@given(values=st.dictionaries(_KEYS, _VALUES, max_size=6))
def test_whatever_stands_in_a_table_is_read_or_refused_in_one_line_that_can_be_shown(values: dict[str, Any]) -> None:
    found = load_settings({"home": Path("/nowhere"), "rig": values}, environ={}, start=Path("/")).values
    found = Settings.received(json.loads(json.dumps(found.handed_on())))
    for row in shown_settings(RigSettings, found):
        assert is_shown(row.value)
    assert is_shown(refusal(lambda: found.of(RigSettings)))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.dictionaries(
        st.sampled_from([name.upper() for name in RigSettings.model_fields]),
        st.text(st.characters(exclude_characters="\x00")) | _VALUES.map(json.dumps),
    )
)
def test_whatever_a_variable_holds_is_read_or_refused_in_one_line_that_can_be_shown(
    rig: Any, values: dict[str, str]
) -> None:
    assert is_shown(refusal(lambda: rig(**{f"PFD_RIG_{name}": text for name, text in values.items()})))


def test_what_cannot_be_written_as_json_is_wrong_and_no_more(rig: Any, tmp_path: Path) -> None:
    toml(tmp_path, f"[rig]\nport = 0x1{'0' * 5000}\n")
    with pytest.raises(SettingsError, match=r"setting rig.port from .* it cannot be read"):
        rig(tmp_path)


# -- declarations ---------------------------------------------------------------------------------------------------


def test_settings_without_a_table_or_with_names_that_no_variable_has_are_refused_where_they_are_declared() -> None:
    with pytest.raises(PluginError, match="NoTable: table='' is not made of lower-case"):
        type("NoTable", (PluginSettings,), {})
    with pytest.raises(PluginError, match="'Server' is not made of lower-case"):
        type("Odd", (PluginSettings,), {"__annotations__": {"Server": str}}, table="odd")
    made = {"__annotations__": {"server": str}, "server": Field("", alias="host")}
    with pytest.raises(PluginError, match="server has an alias"):
        type("Alias", (PluginSettings,), made, table="odd")


@pytest.mark.parametrize(
    ("name", "code", "cause", "hint"),
    [
        (
            "odd",
            "return None",
            "pfd_register_settings returned nothing, which is not a class of PluginSettings",
            "class",
        ),
        ("odd", "return dict", "returned <class 'dict'>, which is not a class of PluginSettings", "return a class"),
        ("odd", "return Own()", "which is not a class of PluginSettings", "return the class itself: Own"),
        ("odd", "raise RuntimeError('no')", "RuntimeError: no", "mend"),
        ("other", "return Own", "Own has the table 'odd', and its plugin is called 'other'", 'write table="other"'),
    ],
)
def test_settings_that_cannot_be_taken_make_their_plugin_a_broken_one_with_a_cause(
    install: Install, tmp_path: Path, name: str, code: str, cause: str, hint: str
) -> None:
    install(
        name,
        f"""
        from pfd import PluginSettings, hookimpl

        class Own(PluginSettings, table="odd"):
            x: int = 1

        @hookimpl
        def pfd_register_settings():
            {code}
        """,
    )
    registry = load_registry(make_settings(tmp_path, plugins=(), disable_plugins=OTHERS))
    [found] = [record for record in registry.records if record.name == name]
    assert found.status == "broken"
    assert cause in found.cause
    assert hint in found.hint
    assert "add" in registry.tasks


@pytest.mark.parametrize(
    ("name", "field", "cause"),
    [
        ("metrics", "x", "which is a setting of PFD itself (PFD_METRICS)"),
        ("max", "lost", "would be read from PFD_MAX_LOST, which PFD itself has"),
        ("test", "data", "would be read from PFD_TEST_DATA, which PFD itself has"),
    ],
)
def test_settings_of_the_name_of_one_of_the_core_are_refused(
    install: Install, tmp_path: Path, name: str, field: str, cause: str
) -> None:
    install(name, SMALL.replace("odd", name).replace("x:", f"{field}:"))
    registry = load_registry(make_settings(tmp_path, plugins=(), disable_plugins=OTHERS))
    [found] = [record for record in registry.records if record.name == name]
    assert (found.status, cause in found.cause) == ("broken", True), found


SMALL = """
    from pfd import Params, PluginSettings, Result, Task, hookimpl

    class Own(PluginSettings, table="odd"):
        x: int = 1

    class Nothing(Params):
        pass

    class Done(Result):
        pass

    @hookimpl
    def pfd_register_settings():
        return Own

    @hookimpl
    def pfd_register_tasks():
        return [Task("odd_task", run="{package}.plugin:run", params=Nothing, result=Done, isolation="inline",
                     time_limit=5.0)]

    def run(params, ctx):
        return Done()
"""


@pytest.mark.parametrize("others", [("a-b", "a_b", "x", "y"), ("a", "a_b", "b_x", "x")])
def test_two_plugins_that_would_read_the_same_variable_are_both_refused_and_named(
    install: Install, tmp_path: Path, others: tuple[str, str, str, str]
) -> None:
    for name, field in zip(others[:2], others[2:], strict=True):
        code = SMALL.replace('"odd"', f'"{name.replace("-", "_")}"').replace("x:", f"{field}:")
        install(f"{name}", code.replace("odd_task", f"{name.replace('-', 'dash')}_task"))
    settings = make_settings(tmp_path, plugins=(), disable_plugins=OTHERS)
    found = {record.name: record for record in load_registry(settings).records}
    for name in others[:2]:
        assert found[name].status == "misconfigured"
        assert all(other in found[name].cause for other in others[:2])
        assert "PFD_DISABLE_PLUGINS" in found[name].hint
    with Dispatcher(settings) as dispatcher, pytest.raises(SettingsError, match="claimed by"):
        dispatcher.submit(f"{others[1]}_task")


def test_settings_that_refuse_their_own_defaults_make_their_plugin_misconfigured_until_one_is_given(
    install: Install, tmp_path: Path
) -> None:
    either = """
        x: int = 1
        server: str = ""
        socket: str = ""

        @model_validator(mode="after")
        def _either(self):
            if not (self.server or self.socket):
                raise ValueError("give server or socket")
            return self
    """
    code = "\n    from pydantic import model_validator" + SMALL.replace("        x: int = 1\n", either)
    install("odd", code)
    bare = make_settings(tmp_path / "home", plugins=(), disable_plugins=OTHERS)
    [found] = [record for record in load_registry(bare).records if record.name == "odd"]
    assert (found.status, "give server or socket" in found.cause) == ("misconfigured", True), found
    with Dispatcher(bare) as dispatcher, pytest.raises(SettingsError, match="give server or socket"):
        dispatcher.submit("odd_task")
    given = load_settings({"odd": {"server": "mx"}}, environ={"PFD_HOME": "/x"}, start=Path("/")).values.given
    with Dispatcher(bare.with_given(given)) as dispatcher:
        assert dispatcher.submit("odd_task").job.task == "odd_task"


def test_neither_importing_pfd_nor_its_version_loads_the_settings_of_a_plugin(install: Install, tmp_path: Path) -> None:
    install("mail", f"open({str(tmp_path / 'loaded')!r}, 'w')")
    assert program("--version").code == 0
    subprocess.run([sys.executable, "-c", "import pfd; pfd.load_settings()"], check=True)
    assert not (tmp_path / "loaded").exists()
    assert program("tasks").code == 0
    assert (tmp_path / "loaded").exists()


# -- commands -------------------------------------------------------------------------------------------------------


def test_config_shows_them_with_origin_and_mask_and_tells_of_tables_that_nobody_reads(
    install: Install, tmp_path: Path
) -> None:
    install()
    path = toml(
        tmp_path,
        """
        [mail]
        server = "mx.example.org"
        token = "hunt3r2"
        login = {user = "ada", password = "hunt3r2"}
        [foo]
        x = 1
        [features]
        y = 2
        [sample]
        z = 3
        """,
    )
    ran = quiet(program("config", "--json", PFD_MAIL_TO="a@b.org,c", PFD_MAIL_PRT="1"), "hunt3r2")
    assert ran.code == 0
    found = {row["name"]: row for row in ran.json if row["name"] != "(none)"}
    assert (found["mail.server"]["value"], found["mail.server"]["origin"]) == ("mx.example.org", str(path))
    assert (found["mail.to"]["value"], found["mail.to"]["origin"]) == ("a@b.org,c", "environment PFD_MAIL_TO")
    assert (found["mail.port"]["value"], found["mail.port"]["origin"]) == ("25", "default")
    assert found["mail.port"]["meaning"] == "its port"
    assert found["mail.port"]["variable"] == "PFD_MAIL_PORT"
    assert found["mail.token"]["value"] == "***"
    assert json.loads(found["mail.login"]["value"]) == {"user": "ada", "password": "***"}
    ignored = {row["value"]: (row["origin"], row["meaning"]) for row in ran.json if row["name"] == "(none)"}
    assert ignored["PFD_MAIL_PRT"] == ("ignored: not a setting", "did you mean PFD_MAIL_PORT?")
    assert ignored["[foo]"][0] == "ignored: no such plugin is installed"
    assert ignored["[features]"][0] == "ignored: plugin features is disabled"
    assert ignored["[sample]"][0] == "ignored: plugin sample has no settings"
    assert f"warning: [foo] in {path} is not read: no such plugin is installed" in ran.err
    assert quiet(program("config"), "hunt3r2").code == 0


@pytest.mark.slow("starts a program for each command")
def test_a_wrong_value_takes_down_only_what_needs_it(install: Install) -> None:
    install()
    wrong = {"PFD_MAIL_PORT": "hot", "PFD_MAIL_TOKEN": "hunt3r2"}
    cause = "setting mail.port='hot' from environment PFD_MAIL_PORT: Input should be a valid integer"
    shown = rows(code=2, **wrong)
    assert shown["mail.port"]["value"] == "hot"
    assert shown["lease"]["value"] == "15.0"
    plugins = program("plugins", "--json", **wrong)
    assert plugins.code == 0
    [record] = [one for one in plugins.json if one["name"] == "mail"]
    assert record["status"] == "misconfigured"
    assert cause in record["cause"]
    assert record["hint"]
    assert "mail" in program("--help", **wrong).out
    doctor = program("doctor", "--json", **wrong)
    [check] = [one for one in doctor.json if one["name"] == "plugin mail"]
    assert (check["status"], cause in check["found"]) == ("fail", True)
    refused = quiet(program("submit", "mail_task", **wrong), "hunt3r2")
    assert refused.code == 2
    assert cause in refused.err
    assert "hint: " in refused.err
    command = program("mail", **wrong)
    assert (command.code, cause in command.err) == (2, True)
    done = program("submit", "add", "a=1", "b=2", "--wait", **wrong)
    assert done.code == 0, done
    assert not program("jobs", "--task", "mail_task", "--json", **wrong).json


def test_a_pipeline_with_a_step_of_such_a_plugin_is_refused_before_any_step_is_stored(
    install: Install, tmp_path: Path
) -> None:
    install()
    file = tmp_path / "p.toml"
    file.write_text(
        '[steps.one]\ntask = "add"\nparams = {a = 1, b = 2}\n[steps.two]\ntask = "mail_task"\nafter = ["one"]\n'
    )
    ran = program("run", str(file), PFD_MAIL_PORT="hot")
    assert ran.code == 2, ran
    assert "two: setting mail.port='hot'" in ran.err
    assert not program("jobs", "--json").json


def test_schedules_and_messages_of_such_a_plugin_come_to_no_job_and_say_why(install: Install, tmp_path: Path) -> None:
    install()
    good = make_settings(tmp_path / "home", plugins=(), disable_plugins=OTHERS)
    given = load_settings({"mail": {"port": "hot"}}, environ={"PFD_HOME": "/x"}, start=Path("/")).values.given
    bad = good.with_given(given)
    cause = "setting mail.port='hot' from command line"
    with Dispatcher(good) as dispatcher:
        dispatcher.schedule("nightly", "* * * * *", "mail_task")
        [stored] = dispatcher.schedules()
        definition = Definition("nightly", stored.cron, stored.zone, "mail_task", {}, {}, stored.overlap, False)
        assert job_of(definition, dispatcher.plugins, good).task == "mail_task"
    with Dispatcher(bad) as dispatcher:
        with pytest.raises(SettingsError, match=cause):
            dispatcher.schedule("hourly", "0 * * * *", "mail_task")
        assert [one.name for one in dispatcher.schedules()] == ["nightly"]
        with pytest.raises(SettingsError, match=cause):
            job_of(definition, dispatcher.plugins, bad)
        with dispatcher.store.write() as connection:
            connection.execute(schedules.update().values(settled_until=schedules.c.settled_until - 60, next_at=1))
        turned = Scheduler(App(bad.model_copy(update={"lease": 0.01}), dispatcher.plugins, dispatcher.store, Silent()))
        turned.tick()
        time.sleep(0.05)
        turned.tick()
        [slot] = dispatcher.schedule_slots("nightly")
        assert (slot.outcome, cause in slot.reason) == (SlotOutcome.MISSED, True)
        identity = str(uuid.uuid4())
        import_messages(dispatcher._silent, [ClientMessage(identity, "mail_task")])
        failure = dispatcher.job(identity).failure
        assert failure is not None
        assert (failure.type, cause in failure.message) == ("PluginSettingsError", True)
        assert "'pfd config'" in str(failure.hint)
        assert [job.id for job in dispatcher.jobs()] == [identity]


class Silent:
    """Tells no worker of anything."""

    name = "silent"

    def notify(self, wakeup: Wakeup) -> None:
        raise AssertionError(f"{wakeup} of a job that cannot be run")


@pytest.mark.slow("starts a program for each command")
def test_an_isolated_job_and_a_command_read_what_the_environment_and_the_file_say(
    install: Install, tmp_path: Path
) -> None:
    install()
    toml(tmp_path, "[mail]\nserver = 'mx.example.org'\ntoken = 'hunt3r2-hunt3r2'\n")
    variables = {"PFD_MAIL_PORT": "2525", "PFD_MAIL_TO": "a,b"}
    ran = program("submit", "mail_task", "--wait", "--json", **variables)
    assert ran.code == 0, ran
    told = ran.json["result"]
    assert told == {"server": "mx.example.org", "port": 2525, "to": ["a", "b"], "signed": 15}
    log = quiet(program("logs", ran.json["id"]), "hunt3r2")
    assert "signed with **********" in log.out
    assert program("mail", **variables).out == "mx.example.org\n"
    inline = program("submit", "mail_inline_task", "--wait", "--json", PFD_RUNTIME="eager", **variables)
    assert inline.json["result"] == told


def test_a_job_whose_worker_has_a_wrong_setting_fails_once_with_the_error_and_its_hint(
    install: Install, tmp_path: Path
) -> None:
    install()
    good = make_settings(tmp_path / "home", plugins=(), disable_plugins=OTHERS)
    bad = load_settings(
        {**{name: getattr(good, name) for name in Settings.model_fields}, "mail": {"port": "hot", "token": "hunt3r2"}},
        environ={},
        start=Path("/"),
    ).values
    with Dispatcher(good) as dispatcher, Worker(bad):
        handle = dispatcher.submit("mail_task")
        with pytest.raises(JobFailed, match=r"setting mail\.port='hot' from command line") as raised:
            handle.get(timeout=60)
        assert raised.value.type == "PluginSettingsError"
        assert "'pfd config'" in str(raised.value.hint)
        assert (handle.job.attempt, "hunt3r2" in raised.value.traceback) == (1, False)
        assert dispatcher.submit("add", {"a": 1, "b": 2}).get(timeout=60)["value"] == 3


def test_a_hook_that_reads_a_wrong_setting_does_nothing_and_says_so_once(
    install: Install, tmp_path: Path, caplog: Any
) -> None:
    install(
        "mail",
        MANIFEST
        + """
    @hookimpl
    def pfd_worker_start(start):
        start.settings.of(MailSettings)

    @hookimpl
    def pfd_after_job(end):
        end.settings.of(MailSettings)
    """,
    )
    good = make_settings(tmp_path / "home", plugins=(), disable_plugins=OTHERS)
    bad = good.with_given(
        load_settings({"mail": {"port": 0}}, environ={"PFD_HOME": "/x"}, start=Path("/")).values.given
    )
    with Dispatcher(bad) as dispatcher, Worker(bad):
        for _ in range(3):
            assert dispatcher.submit("add", {"a": 1, "b": 2}).get(timeout=60)["value"] == 3
    said = [record.getMessage() for record in caplog.records if "does nothing" in record.getMessage()]
    assert [line.partition(" does nothing: setting mail.port=0 from command line")[0] for line in said] == [
        "plugin mail: pfd_worker_start",
        "plugin mail: pfd_after_job",
    ]


def test_what_is_wrong_with_settings_is_found_by_plugins_check(install: Install) -> None:
    install(
        "mail",
        MANIFEST.replace("Field(25, ge=1", 'Field("x", ge=1').replace(
            'token: SecretStr = Field(SecretStr(""), description="what it is signed with")', 'token: str = ""'
        ),
    )
    ran = program("plugins", "check", "mail", "--json")
    found = {(one["subject"], one["field"], one["level"]): one for one in ran.json}
    default = found["settings MailSettings", "default", "fail"]
    assert default["problem"].startswith("setting mail.port='x' from default: Input should be a valid integer")
    assert any(one["field"] == "token" and "SecretStr" in one["hint"] for one in ran.json)
    assert default["path"].endswith("plugin.py:10")

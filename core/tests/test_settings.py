"""Settings: their sources, their order, and what is said of a bad one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from pfd import SettingsError, load_settings
from pfd.settings import Settings


def load(
    folder: Path, environ: Mapping[str, str] | None = None, text: str = "", **given: object
) -> tuple[Settings, dict[str, str]]:
    if text:
        (folder / "pfd.toml").write_text(text, encoding="utf-8")
    loaded = load_settings(given, environ=environ or {}, start=folder)
    return loaded.values, dict(loaded.origins)


def test_without_any_source_the_defaults_hold(tmp_path: Path) -> None:
    settings, origins = load(tmp_path)
    assert origins == {}
    assert (settings.runtime, settings.lease, settings.sweep, settings.grace) == ("local", 15.0, 2.0, 10.0)
    assert settings.max_result_bytes == 262_144
    assert settings.store_url == f"sqlite:///{settings.home}/pfd.sqlite3"
    assert settings.home.is_absolute()


def test_the_command_line_comes_before_the_environment_before_the_file_before_defaults(tmp_path: Path) -> None:
    text = "lease = 1\nsweep = 1\ngrace = 1\n"
    environ = {"PFD_LEASE": "2", "PFD_SWEEP": "2"}
    settings, origins = load(tmp_path, environ, text, lease=3)
    assert (settings.lease, settings.sweep, settings.grace, settings.max_lost) == (3.0, 2.0, 1.0, 3)
    assert origins == {
        "lease": "command line",
        "sweep": "environment PFD_SWEEP",
        "grace": str(tmp_path.resolve() / "pfd.toml"),
    }


def test_an_option_that_was_not_given_on_the_command_line_changes_nothing(tmp_path: Path) -> None:
    settings, origins = load(tmp_path, {"PFD_LEASE": "2"}, lease=None)
    assert settings.lease == 2.0
    assert origins == {"lease": "environment PFD_LEASE"}


def test_the_file_is_found_upwards_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "pfd.toml").write_text('home = "here"\nroots = ["data", "/elsewhere"]\n', encoding="utf-8")
    monkeypatch.chdir(deep)
    settings = load_settings(environ={}).values
    # Relative to the file, and not to where the command was typed.
    assert settings.home == tmp_path.resolve() / "here"
    assert settings.roots == (tmp_path.resolve() / "data", Path("/elsewhere"))
    assert deep in settings.allowed_roots
    (deep / "pfd.toml").write_text('home = "nearer"\n', encoding="utf-8")
    assert load_settings(environ={}).values.home == deep / "nearer"


def test_lists_are_split_where_the_environment_gives_one_text(tmp_path: Path) -> None:
    environ = {"PFD_PLUGINS": "data, features,", "PFD_DISABLE_PLUGINS": "", "PFD_ROOTS": "/a:/b"}
    settings, _ = load(tmp_path, environ)
    assert settings.plugins == ("data", "features")
    assert settings.disable_plugins == ()
    assert settings.roots == (Path("/a"), Path("/b"))


def test_celerys_names_are_understood_where_the_own_name_is_absent(tmp_path: Path) -> None:
    celery = {
        "CELERY_BROKER_URL": "redis://broker",
        "CELERY_RESULT_BACKEND": "db+postgresql://db/pfd",
        "CELERY_ALWAYS_EAGER": "True",
    }
    settings, origins = load(tmp_path, celery)
    assert (settings.broker_url, settings.database_url, settings.runtime) == (
        "redis://broker",
        "postgresql://db/pfd",
        "eager",
    )
    assert origins["broker_url"] == "environment CELERY_BROKER_URL"
    own = {"PFD_BROKER_URL": "redis://own", "PFD_RUNTIME": "local", "PFD_DATABASE_URL": "sqlite:////x.db"}
    settings, _ = load(tmp_path, celery | own)
    assert (settings.broker_url, settings.database_url, settings.runtime) == (
        "redis://own",
        "sqlite:////x.db",
        "local",
    )


def test_a_result_backend_of_celery_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    settings, _ = load(tmp_path, {"CELERY_RESULT_BACKEND": "redis://x", "CELERY_ALWAYS_EAGER": "false"})
    assert settings.database_url == ""
    assert settings.runtime == "local"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PFD_LEASE": "soon"}, "lease='soon' from environment PFD_LEASE"),
        ({"PFD_LEASE": "0"}, "lease='0'"),
        ({"PFD_GRACE": "-1"}, "grace='-1'"),
        ({"PFD_MAX_LOST": "0"}, "max_lost='0'"),
        ({"PFD_MAX_RESULT_BYTES": "12"}, "max_result_bytes='12'"),
        ({"PFD_DATABASE_URL": "mysql://user:secret@host/db"}, "use sqlite:///FILE or postgresql://"),
        ({"PFD_HOME": ""}, "home=''"),
        ({"PFD_GPUS": "all"}, "gpus='all' from environment PFD_GPUS: use auto, none, or devices"),
        ({"PFD_GPUS": "0,"}, "gpus='0,'"),
        ({"PFD_GPUS": "0*0"}, "gpus='0*0'"),
        ({"PFD_GPUS": "0,0"}, "device 0 is named twice; 0*2 stands for two jobs at once"),
        ({"PFD_THREADS": "0"}, "threads='0'"),
    ],
)
def test_a_bad_value_is_named_with_its_origin(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, environ)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "pfd config" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lease = [", "pfd.toml"),
        ("leese = 1", "unknown setting leese"),
        ("lease = 'x'", "lease='x'"),
        ("plugins = 3", "plugins"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, {}, text)
    assert said in str(caught.value)


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "pfd.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"pfd\.toml"):
        load(tmp_path)


def test_a_file_that_an_editor_of_windows_has_saved_is_read(tmp_path: Path) -> None:
    (tmp_path / "pfd.toml").write_bytes(b"\xef\xbb\xbflease = 3\r\nsweep = 1\r\n")
    settings, _ = load(tmp_path)
    assert (settings.lease, settings.sweep) == (3.0, 1.0)


def test_all_settings_are_listed_with_their_origin_and_without_secrets(tmp_path: Path) -> None:
    environ = {"PFD_DATABASE_URL": "postgresql://u:word@host/db", "PFD_PLUGINS": "a,b"}
    rows = {name: (value, origin) for name, value, origin in load_settings(environ=environ, start=tmp_path).shown()}
    assert set(rows) == set(Settings.model_fields)
    assert rows["database_url"] == ("postgresql://***@host/db", "environment PFD_DATABASE_URL")
    assert rows["plugins"] == ("a,b", "environment PFD_PLUGINS")
    assert rows["lease"] == ("15.0", "default")
    assert rows["retention"] == ("", "default")


def test_a_short_url_of_postgresql_names_its_driver(tmp_path: Path) -> None:
    for url in ("postgres://u@h/db", "postgresql://u@h/db"):
        settings, _ = load(tmp_path, {"PFD_DATABASE_URL": url})
        assert settings.store_url == "postgresql+psycopg://u@h/db"


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
def test_a_relative_sqlite_file_is_taken_from_where_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    (tmp_path / "pfd.toml").write_text(f'database_url = "{scheme}:///data/jobs.db"\n', encoding="utf-8")
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert load_settings(environ={}).values.database_url == f"{scheme}:///{tmp_path}/data/jobs.db"
    from_here = load_settings(environ={"PFD_DATABASE_URL": f"{scheme}:///jobs.db"})
    assert from_here.values.database_url == f"{scheme}:///{below}/jobs.db"


@pytest.mark.parametrize(
    ("name", "near"),
    [("PFD_LEASSE", "PFD_LEASE"), ("PFD_BROKER", "PFD_BROKER_URL"), ("PFD_ZZZ", None)],
)
def test_a_variable_that_is_no_setting_is_told_once_with_the_setting_that_is_near(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, name: str, near: str | None
) -> None:
    monkeypatch.setattr("pfd.settings._told", set())  # of this process, in which other tests have been
    environ = {name: "1", "PFD_GRACE": "2", "PFD_TEST_DATA": "x", "PFDX": "", "pfd_lease": "3"}
    # What Kubernetes gives each container where there is a service pfd-worker.
    environ |= {"PFD_WORKER_SERVICE_HOST": "10.0.0.1", "PFD_WORKER_SERVICE_PORT_HTTP": "80"}
    environ |= {"PFD_WORKER_PORT": "tcp://10.0.0.1:80", "PFD_WORKER_PORT_80_TCP_ADDR": "10.0.0.1"}
    loaded = [load_settings(environ=environ, start=tmp_path) for _ in range(2)]
    assert [(one.name, one.near) for one in loaded[0].unknown] == [(name, near)]
    said = [message for message in caplog.messages if name in message]
    assert len(said) == 1
    assert (f"did you mean {near}?" in said[0]) is (near is not None)


def test_the_name_of_an_unknown_variable_steers_no_terminal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load_settings(environ={"PFD_\x1b[31mRED": "1"}, start=tmp_path)
    assert any(r"PFD_\x1b[31mRED" in message for message in caplog.messages)
    assert "\x1b" not in caplog.text


def test_an_unknown_setting_of_a_file_comes_with_the_one_that_is_near(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unknown setting leas") as caught:
        load(tmp_path, text="leas = 3\n")
    assert "did you mean lease?" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("environ", "idle"),
    [
        ({"CELERY_BROKER_URL": "redis://localhost"}, "environment CELERY_BROKER_URL"),
        ({"PFD_BROKER_URL": "redis://localhost", "PFD_RUNTIME": "eager"}, "environment PFD_BROKER_URL"),
        ({"CELERY_BROKER_URL": "redis://localhost", "PFD_RUNTIME": "celery"}, None),
        ({"PFD_BROKER_URL": "redis://localhost", "PFD_RUNTIME": "of_others"}, None),
        ({}, None),
    ],
)
def test_a_broker_that_carries_nothing_is_noticed(tmp_path: Path, environ: dict[str, str], idle: str | None) -> None:
    said = load_settings(environ=environ, start=tmp_path).idle_broker
    assert (said is not None) is (idle is not None)
    assert idle is None or idle in str(said)


@pytest.mark.parametrize(
    ("text", "host", "ports"),
    [
        ("9109", "127.0.0.1", [9109]),
        ("127.0.0.1:0", "127.0.0.1", [0]),
        ("0.0.0.0:9109-9111", "0.0.0.0", [9109, 9110, 9111]),
        ("[::1]:9109", "::1", [9109]),
        ("node-7.example.org:65535", "node-7.example.org", [65535]),
    ],
)
def test_an_address_has_a_host_and_ports(text: str, host: str, ports: list[int]) -> None:
    found = load_settings({"metrics": text}).values.metrics_address
    assert found is not None
    assert (found[0], list(found[1])) == (host, ports)


@pytest.mark.parametrize(
    "text", ["localhost", ":9109", "127.0.0.1:", "127.0.0.1:70000", "9111-9109", "0-5", "::1:9109"]
)
def test_an_address_that_is_none_is_refused_with_its_origin(text: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"metrics={text!r} from environment PFD_METRICS")):
        load_settings(environ={"PFD_METRICS": text})


def test_a_port_may_be_written_as_a_number_in_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "pfd.toml").write_text("metrics = 9109\n", encoding="utf-8")
    assert load_settings(start=tmp_path, environ={}).values.metrics == "9109"

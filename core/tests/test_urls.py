"""Nothing of a URL that may be secret is ever told: not of one that can be read, nor of one that cannot."""

from __future__ import annotations

import contextlib
import logging
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.tests.support.commands import Commands
from pfd import PfdError, Settings, SettingsError, load_settings
from pfd.cli.logformat import FORMATS, formatter
from pfd.runtimes.base import load_runtime
from pfd.store import Store
from pfd.urls import UNPARSED, clean, mask, mask_any, purge, without_secrets

WORD = "hunter2"
"""What must not be seen.  It may stand between all kinds of characters that a URL is divided by."""

AWAY = "127.0.0.1:1"
"""Where no server listens."""

DATABASES = ["postgresql", "postgres", "postgresql+psycopg"]
BROKERS = ["redis", "rediss", "valkey", "amqp", "amqps", "pyamqp"]

_noise = st.text("abc019@:/?#;&=%+,[]'\"\\ é＠℀", max_size=4)


@st.composite
def secrets(draw: st.DrawFn) -> str:
    """A password as one may type it, or as it should stand in a URL."""
    text = f"{draw(_noise)}{WORD}{draw(_noise)}"
    return draw(st.sampled_from([text, quote(text, safe=""), quote(text), WORD]))


@st.composite
def urls(draw: st.DrawFn, schemes: list[str]) -> str:
    """A URL with the secret somewhere in it, well-formed or not."""
    secret, scheme = draw(secrets()), draw(st.sampled_from(schemes))
    name = draw(st.sampled_from(["password", "options", "sslpassword", "passfile", "sslmode", "heartbeat", "db", "x"]))
    shape = draw(
        st.sampled_from(
            [
                "{scheme}{slashes}u:{secret}@{away}{path}",
                "{scheme}{slashes}:{secret}@{away}{path}",
                "{scheme}{slashes}u:{secret}@",
                "{scheme}{slashes}u:p@{away}{path}?{name}={secret}",
                "{scheme}{slashes}{away}{path}?{name}={secret}&connect_timeout=1",
                "{scheme}{slashes}{away}{path}?{secret}=1",
                "{scheme}{slashes}u:p@{away}{path}#{secret}",
                "{scheme}{slashes}u:{secret}@{away}{path};{scheme}://u:{secret}@{away}",
                "u:{secret}@{away}",
                "u:{secret}",
            ]
        )
    )
    slashes = draw(st.sampled_from(["://", "://", "://", "//", ":/", ":", "/", ":///", "://://"]))
    path = draw(st.sampled_from(["", "/", "/0"]))
    return shape.format(scheme=scheme, slashes=slashes, secret=secret, name=name, path=path, away=AWAY)


many = hypothesis_settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
some = hypothesis_settings(many, max_examples=100)
few = hypothesis_settings(many, max_examples=40)


def told(error: BaseException) -> str:
    """All that a traceback prints of an error and of what it came of."""
    return "".join(traceback.format_exception(error)) + f"{getattr(error, 'hint', '')}"


# -- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:word@host/db", "postgresql://***@host/db"),
        ("postgresql://user@host/db?sslmode=verify-full", "postgresql://***@host/db?***"),
        ("postgresql://user:w%40rd@host:5432/db", "postgresql://***@host:5432/db"),
        ("postgresql://pfd@/db?host=/run/postgresql", "postgresql://***@/db?***"),
        ("postgresql://host:5432/db", "postgresql://host:5432/db"),
        ("redis://:word@host:6379/0", "redis://***@host:6379/0"),
        ("redis://word@host", "redis://***@host"),
        ("valkeys://[::1]:6380/1", "valkeys://[::1]:6380/1"),
        ("amqp://u:a@h1//;amqp://u:b@h2//", "amqp://***@h1//;amqp://***@h2//"),
        ("redis+socket:///run/redis.sock", "redis+socket:///run/redis.sock"),
        ("sqlite:////home/me@work/pfd.sqlite3", "sqlite:////home/me@work/pfd.sqlite3"),
        ("sqlite:///jobs.db?key=word", "sqlite:///jobs.db?***"),
        ("", ""),
    ],
)
def test_of_a_url_no_more_is_shown_than_where_it_leads(url: str, shown: str) -> None:
    assert mask(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        *("postgres//u:word@h/db", "postgresql:/u:word@h/db", "redis:/:word@h", "redis:word@h", "u:word@h", "word"),
        *("postgresql://u:p@word@h/db", "postgresql://u:12/word@h/db", "redis://:1?word@h", "redis://:1#word@h"),
        *("postgresql://u:word", "postgresql://u:wo rd@h", "postgresql://u:w℀@h", "postgresql://u:[word@h"),
        *("sqlite:///u:word@h/db", "mysql://u:word@h/db", "redsi://:word@h", "redis://h/word", "amqp://h:99999/word"),
    ],
)
def test_of_a_url_that_may_be_read_in_two_ways_nothing_is_shown(url: str) -> None:
    assert mask(url) == UNPARSED


@many
@given(urls([*DATABASES, *BROKERS, "sqlite", "mysql"]))
def test_the_secret_is_in_no_url_that_is_shown(url: str) -> None:
    assert WORD not in mask(url)


def test_a_url_in_the_place_of_something_else_is_not_told_either() -> None:
    loaded = load_settings(environ={"PFD_RUNTIME": "redis:/:hunter2@h", "PFD_PLUGINS": "redis:hunter2@h"})
    assert WORD not in str(loaded.shown())
    with pytest.raises(SettingsError) as caught:
        load_runtime(loaded.values)
    assert WORD not in str(caught.value)
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={"PFD_LEASE": f"redis://:{WORD}@h"})
    assert WORD not in told(caught.value)
    assert mask_any("/home/me//jobs") == "/home/me//jobs"


@many
@given(urls([*DATABASES, *BROKERS]), st.sampled_from(["{}", "cannot reach {}: refused", "'{}'"]))
def test_the_secret_is_taken_out_of_what_a_driver_says_of_the_url(url: str, frame: str) -> None:
    assert WORD not in without_secrets(frame.format(url), url)


def test_an_error_is_cleaned_with_all_that_it_came_of() -> None:
    url, word = f"postgresql://u:{WORD}@h/db", WORD  # a traceback shows the source as well
    error, cause = RuntimeError(f"of {word}", ExceptionGroup("many", [ValueError(word)])), OSError(5, f"no {word}")
    cause.add_note(f"it was {word}")
    error.__cause__ = cause
    purge(error, url)
    assert WORD not in told(error)
    assert "[Errno 5] no ***" in told(error)


@pytest.mark.parametrize("name", FORMATS)
def test_the_log_of_a_worker_holds_no_secret_of_its_settings(name: str) -> None:
    Settings(database_url="postgresql://u:hunter2@h/db")
    try:
        raise RuntimeError("what a library says of hunter2")
    except RuntimeError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "%s", ("hunter2",), (RuntimeError, error, None))
    line = formatter(name).format(record)
    assert WORD not in line
    assert "what a library says of ***" in line


def test_a_short_password_is_taken_out_as_a_word_only() -> None:
    assert without_secrets("database of ab: ab, (ab) abc", "redis://:ab@h") == "database of ***: ***, (***) abc"
    assert clean("plain") == "plain"


@pytest.fixture
def pfd(capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(capsys)


# -- where it is told -------------------------------------------------------------------------------------------------


@many
@given(
    st.sampled_from(["PFD_DATABASE_URL", "PFD_BROKER_URL", "PFD_RESULT_BACKEND", "CELERY_BROKER_URL"]),
    urls([*DATABASES, *BROKERS, "sqlite", "mysql"]),
)
@example("PFD_DATABASE_URL", "postgres//u:hunter2@h/db")
@example("PFD_DATABASE_URL", "postgresql:/u:hunter2@h/db")
@example("PFD_BROKER_URL", "redis:/:hunter2@h")
def test_settings_tell_no_secret_when_they_are_refused_nor_when_they_are_shown(variable: str, url: str) -> None:
    said = ""
    try:
        loaded = load_settings(environ={variable: url}, start=Path("/"))
        said = f"{loaded.shown()} {loaded!r}"
    except SettingsError as error:
        said = told(error)
    assert WORD not in said


@many
@given(st.sampled_from(["database_url", "broker_url", "result_backend"]), urls([*DATABASES, *BROKERS]))
def test_a_program_that_makes_settings_itself_is_told_no_secret_either(name: str, url: str) -> None:
    said = ""
    try:
        said = repr(Settings(**{name: url}))
    except ValidationError as error:
        said = told(error)
    assert WORD not in said


@some
@given(urls(DATABASES))
@example("postgresql://u:p@127.0.0.1:1/0?hunter2=1")
@example("postgresql://u:p@127.0.0.1:1/0?sslmode=hunter2")
@example("postgresql://u:p@127.0.0.1:1/0?options=-c%20a%3Dhunter2")
@example("postgresql://u:%00hunter2@127.0.0.1:1/0")
def test_a_store_that_cannot_be_opened_tells_no_secret(tmp_path: Path, url: str) -> None:
    with contextlib.suppress(ValidationError):
        made = Settings(home=tmp_path, database_url=url)
        with pytest.raises(PfdError) as caught:
            Store(made).open()
        assert WORD not in told(caught.value)


@pytest.mark.parametrize("runtime", ["celery", "dramatiq"])
@some
@given(urls(BROKERS))
@example("redis://127.0.0.1:1/0?db=hunter2")
@example("redis://127.0.0.1:1/0?hunter2=1")
@example("rediss://127.0.0.1:1/0?ssl_cert_reqs=hunter2")
@example("amqp://u:p@127.0.0.1:1//?heartbeat=hunter2")
@example("amqp://u:p@127.0.0.1:1//?hunter2=3")
@example("amqps://u:p@127.0.0.1:1//?ssl_options=hunter2")
def test_a_broker_that_cannot_be_reached_tells_no_secret(tmp_path: Path, runtime: str, url: str) -> None:
    with contextlib.suppress(ValidationError):
        made = Settings(home=tmp_path, runtime=runtime, broker_url=url, plugins=("sample",))
        with pytest.raises(PfdError) as caught, contextlib.closing(load_runtime(made)) as loaded:
            _probe(loaded)
        assert WORD not in told(caught.value)


def _probe(runtime: Any) -> None:
    runtime.probe()


@few
@given(urls(DATABASES), urls(BROKERS), st.sampled_from(["celery", "dramatiq"]))
@example("postgres//u:hunter2@h/db", "redis:/:hunter2@h", "celery")
@example("postgresql://u:p@127.0.0.1:1/0?sslmode=hunter2", "amqp://127.0.0.1:1//?heartbeat=hunter2", "dramatiq")
def test_commands_print_no_secret(
    pfd: Commands, monkeypatch: pytest.MonkeyPatch, database: str, broker: str, runtime: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PFD_DATABASE_URL", database)
        patch.setenv("PFD_BROKER_URL", broker)
        patch.setenv("PFD_RUNTIME", runtime)
        patch.setenv("PFD_PLUGINS", "sample")
        for words in (["config"], ["config", "--json"], ["doctor", "--json"], ["jobs"], ["--debug", "db", "status"]):
            ran = pfd(*words)
            assert WORD not in ran.out + ran.err, words

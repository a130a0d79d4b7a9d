"""The one JSON encoder of every store."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pfd import ParameterError
from pfd.store import Store
from pfd.store.encoding import clean_text, decode, encode
from pfd.store.schema import facts

ANY_TEXT = st.text(alphabet=st.characters())  # with NUL and lone surrogates, unlike the default
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=20,
)


def storable(value: Any) -> Any:
    """What the contract makes of a value: null for numbers that JSON does not know, U+FFFD for unstorable text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in value)
    if isinstance(value, dict):
        return {storable(key): storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value


@given(JSON)
def test_any_value_survives_as_far_as_the_contract_says(value: Any) -> None:
    text = encode(value)
    assert decode(text) == storable(value)
    assert json.loads(text) == decode(text)
    text.encode("ascii")


@given(JSON)
def test_what_was_encoded_once_is_encoded_the_same_again(value: Any) -> None:
    text = encode(value)
    assert encode(decode(text)) == text


@given(ANY_TEXT)
def test_clean_text_is_utf8_without_nul(text: str) -> None:
    cleaned = clean_text(text)
    assert b"\0" not in cleaned.encode("utf-8")
    assert len(cleaned) == len(text)
    assert clean_text(cleaned) == cleaned


def test_good_pairs_of_surrogates_are_kept() -> None:
    assert decode(encode({"face": "\U0001f600"})) == {"face": "\U0001f600"}
    assert decode(encode("\ud83d\ude00")) == "\ufffd\ufffd"  # two halves apart are not a character


@pytest.mark.parametrize("value", [object(), {"a": {1, 2}}, b"bytes", [1j], {(1, 2): 3}])
def test_what_is_not_json_is_refused(value: Any) -> None:
    with pytest.raises(ParameterError, match="not JSON"):
        encode(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ParameterError, match="not JSON"):
        encode(endless)


def test_a_value_beside_a_nan_that_is_not_json_is_refused() -> None:
    with pytest.raises(ParameterError, match="not JSON"):
        encode([float("nan"), object()])


@given(value=JSON, text=ANY_TEXT)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_every_store_takes_what_was_encoded_and_gives_it_back(store: Store, value: Any, text: str) -> None:
    with store.write() as connection:
        connection.execute(facts.delete())
        connection.execute(facts.insert().values(name="json", value=encode(value)))
        connection.execute(facts.insert().values(name="text", value=clean_text(text)))
    with store.read() as connection:
        found = {row.name: row.value for row in connection.execute(sa.select(facts))}
    assert found == {"json": encode(value), "text": clean_text(text)}
    if store.engine.dialect.name == "postgresql":
        with store.read() as connection:  # PostgreSQL's own reader of JSON, which refuses \u0000 and half pairs
            connection.execute(sa.text("SELECT value::jsonb FROM pfd_fact WHERE name = 'json'")).one()

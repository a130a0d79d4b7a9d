from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pfd import DataError
from pfd_plugin_mat_import.places import Place, lookup, one_each, single

STRUCTS = [
    {"Name": "force", "Data": np.arange(3.0)},
    {"Name": "speed", "Data": np.arange(4.0)},
    {"Name": "speed", "Data": np.arange(5.0)},
    {"Name": 7, "Data": np.arange(6.0)},
]


def test_an_element_of_a_struct_array_is_found_by_the_value_of_a_field() -> None:
    values = {"N15": {"Y": STRUCTS}, "one": STRUCTS[0]}
    assert lookup(values, "N*.Y[Name=force].Data").size == 3
    assert lookup(values, "N*.Y[Name=7].Data").size == 6
    assert lookup(values, "one[Name=force].Data").size == 3
    with pytest.raises(DataError, match="Name=gone is none of force, speed, speed, 7"):
        lookup(values, "N*.Y[Name=gone].Data")
    with pytest.raises(DataError, match="Name=speed is 2 of force, speed"):
        lookup(values, "N*.Y[Name=speed].Data")
    with pytest.raises(DataError, match="there is no field Title"):
        lookup(values, "N*.Y[Title=speed].Data")


def test_brackets_are_still_a_choice_of_letters_in_the_name_of_a_variable() -> None:
    values = {"run1": 1.0, "run2": 2.0, "run[1]": 3.0}
    assert lookup(values, "run[2-9]") == 2.0
    assert lookup(values, "run[1]") == 3.0  # a variable of that very name comes first


def test_a_function_makes_one_number_of_a_vector() -> None:
    values = {"v": np.array([1.0, 2.0, 9.0]), "run": [{"t": np.arange(9) / 64}], "mean": np.array([5.0, 6.0])}
    assert lookup(values, "mean(v)") == 4.0
    assert lookup(values, "median(v)") == 2.0
    assert lookup(values, "rate(run(1).t)") == 64.0
    assert lookup(values, "mean{2}") == 6.0  # the second of a variable that is called mean
    assert Place.of("mean(v)").is_variable is False
    for place, reason in (
        ("max(v)", "is no place such as"),
        ("mean(mean(v))", "is no place such as"),
        ("mean(run)", "is not a vector of numbers"),
        ("rate(v(1))", "1 moments tell no rate"),
    ):
        with pytest.raises(DataError, match=reason):
            lookup(values, place)


def test_a_mean_of_what_is_no_number_is_refused_with_the_count() -> None:
    with pytest.raises(DataError, match="2 of its 4 values are not numbers"):
        lookup({"v": np.array([1, np.nan, np.inf, 2])}, "mean(v)")


def test_a_vector_where_one_value_is_meant_is_refused_with_what_makes_one_of_it() -> None:
    with pytest.raises(DataError, match=r"speed holds no single number or text; of its 1,000 values, mean\(speed\) is"):
        single(np.arange(1000.0), "speed")
    with pytest.raises(DataError, match=r"no single number or text$"):
        single([np.arange(3), "a"], "speed")


@pytest.mark.parametrize("rate", [51_200.0, 25_600.0, 12_000.0, 97_656.0, 4.0, 44_100.0])
@pytest.mark.parametrize(
    "stored",
    [
        lambda t: t,
        lambda t: t + 17.25,
        lambda t: np.round(t, 7),
        lambda t: np.cumsum(np.diff(t, prepend=0.0)),
        lambda t: t.astype(np.float32),
    ],
    ids=["exact", "later", "rounded", "summed", "float32"],
)
def test_the_rate_of_a_time_vector_is_what_it_was_made_of(rate: float, stored: Any) -> None:
    assert lookup({"t": stored(np.arange(20_000) / rate)}, "rate(t)") == rate


def test_moments_at_uneven_steps_have_no_rate() -> None:
    even = np.arange(1000) / 1000
    jittered = even + np.random.default_rng(0).uniform(-1e-5, 1e-5, 1000)
    for moments, reason in (
        (np.delete(even, 500), r"its steps are uneven, 0\.001 to 0\.002 s"),
        (jittered, "its steps are uneven"),
        (even[::-1], "do not rise: after 0.999 s comes"),
        (np.zeros(9), "do not rise"),
    ):
        with pytest.raises(DataError, match=reason):
            lookup({"t": moments}, "rate(t)")


def test_a_vector_gives_a_value_to_each_recording_and_a_single_one_to_all() -> None:
    assert one_each(np.array([[1], [2]]), "v", 2) == [1.0, 2.0]
    assert one_each(["a", "b"], "v", 2) == one_each(np.array(["a", "b"]), "v", 2) == ["a", "b"]
    assert one_each("a", "v", 3) == ["a", "a", "a"]
    with pytest.raises(DataError, match="v holds 3 values, for 2 recordings"):
        one_each(np.arange(3), "v", 2)
    with pytest.raises(DataError, match="no single number or text"):
        one_each([np.arange(2), np.arange(3)], "v", 2)

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfd import DataError
from pfd_plugin_data import PARTS, PROTOCOLS, RecordingInfo, Split, make_folds, make_split

KEYS: dict[str, Callable[[RecordingInfo], object]] = {
    "bearing": lambda info: info.bearing_id,
    "recording": lambda info: info.record_id,
    "load": lambda info: info.load,
}


@pytest.fixture(scope="session")
def bench(make_info) -> Callable[..., list[RecordingInfo]]:
    """Recordings of a test bench: `bearings` of each class, each at all speeds and loads."""

    def make(
        bearings: dict[str, int], rpms: tuple[float, ...] = (800, 1200), loads: tuple[str, ...] = ("0 hp", "1 hp")
    ) -> list[RecordingInfo]:
        return [
            make_info(f"{fault}{n}@{rpm:g},{load}", bearing_id=f"{fault}{n}", fault_type=fault, rpm=rpm, load=load)
            for fault, count in bearings.items()
            for n in range(count)
            for rpm in rpms
            for load in loads
        ]

    return make


def sides(split: Split) -> list[tuple[int, ...]]:
    return [split.train, split.validation, split.test]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("protocol", ["bearing", "recording", "load", "speed"])
def test_no_group_is_ever_on_two_sides(make_info, protocol: str, data: st.DataObject) -> None:
    rows = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(["normal", "ball", "inner_race"]),
                st.integers(0, 9),
                st.one_of(st.integers(500, 2000), st.sampled_from([800, 820, 1200, 1797])),
                st.sampled_from(["0 hp", "1 hp", "2 hp", "none"]),
            ),
            min_size=1,
            max_size=40,
        )
    )
    recordings = [
        make_info(f"r{i}", bearing_id=f"b{bearing}", fault_type=fault, rpm=float(rpm), load=load)
        for i, (fault, bearing, rpm, load) in enumerate(rows)
    ]
    try:
        split = make_split(recordings, protocol, seed=data.draw(st.integers(0, 99)))
    except DataError:
        return  # refused, which is honest; that the message helps is tested below
    parts = sides(split)
    assert sorted(index for part in parts for index in part) == list(range(len(recordings)))
    classes = {info.fault_type for info in recordings}
    for part in (split.train, split.test):
        assert {recordings[i].fault_type for i in part} == classes
    for one in range(3):
        for other in range(one):
            if protocol == "speed":
                speeds = [[recordings[i].rpm or 0 for i in parts[side]] for side in (one, other)]
                assert all(max(a, b) > 1.05 * min(a, b) for a in speeds[0] for b in speeds[1])
            else:
                key = KEYS[protocol]
                assert not {key(recordings[i]) for i in parts[one]} & {key(recordings[i]) for i in parts[other]}


def test_by_bearing_is_what_is_done_unless_asked_otherwise(bench) -> None:
    split = make_split(bench({"normal": 4, "ball": 4}))
    assert split.protocol == "bearing"
    assert not split.leaky
    assert split.provenance == "split by bearing: 4 bearings train, 2 bearings validation, 2 bearings test"


def test_the_seed_decides_which_bearing_is_tested_and_nothing_else_does(bench) -> None:
    recordings = bench({"normal": 5, "ball": 5})
    assert make_split(recordings, seed=3) == make_split(recordings, seed=3)
    assert len({make_split(recordings, seed=seed).test for seed in range(20)}) > 5


def test_two_bearings_a_class_train_and_test_and_the_stamp_says_there_is_no_validation(bench) -> None:
    split = make_split(bench({"normal": 2, "ball": 3}))
    assert split.validation == ()
    assert "no validation part (normal has 2 bearings)" in split.provenance


def test_a_class_with_one_bearing_is_refused_with_its_count_and_the_alternatives(bench) -> None:
    with pytest.raises(DataError) as caught:
        make_split(bench({"normal": 1, "ball": 3, "inner_race": 3}))
    assert "class 'normal' has 1 bearing (normal0)" in str(caught.value)
    assert caught.value.hint == (
        'this would work here: `protocol="recording"` (which puts recordings of one bearing on both sides); '
        'or `protocol="load"`; or `protocol="speed"`; or `leave_out=["normal"]` '
        "(loses the healthy class: a model tells ball, inner_race apart, and not whether a bearing is damaged); "
        'or `protocol="leaky-random"` (deals out windows, and is marked as leaky)'
    )


@pytest.mark.parametrize("protocol", ["bearing", "bearing-folds"])
def test_where_no_protocol_would_work_the_hint_says_what_is_missing(bench, protocol: str) -> None:
    recordings = bench({"normal": 1, "ball": 1}, rpms=(1797,), loads=("no load",))
    with pytest.raises(DataError) as caught:
        make_folds(recordings) if protocol == "bearing-folds" else make_split(recordings, protocol)
    assert str(caught.value.hint).startswith("these recordings cannot be split without leakage: record at least 2")
    assert "leave_out" not in str(caught.value.hint)
    assert '`protocol="leaky-random"`' in str(caught.value.hint)


def test_one_load_is_refused_with_its_name_and_by_what_else_to_split(bench) -> None:
    with pytest.raises(DataError, match='by load: all recordings have the same, "no load"') as caught:
        make_split(bench({"normal": 1, "ball": 1}, rpms=(800, 1200), loads=("no load",)), "load")
    assert caught.value.hint == (
        'this would work here: `protocol="recording"` (which puts recordings of one bearing on both sides); '
        'or `protocol="speed"`; or `protocol="leaky-random"` (deals out windows, and is marked as leaky)'
    )


@settings(max_examples=200, deadline=None)
@given(data=st.data(), protocol=st.sampled_from([*PROTOCOLS[:-1], "bearing-folds"]), validation=st.booleans())
def test_each_way_out_that_a_hint_names_works(make_info, data: st.DataObject, protocol: str, validation: bool) -> None:
    rows = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(["normal", "ball", "inner_race"]),
                st.integers(0, 4),
                st.sampled_from([800.0, 1200.0, 1797.0, None]),
                st.sampled_from(["0 hp", "1 hp", None]),
            ),
            min_size=1,
            max_size=12,
        )
    )
    recordings = [
        make_info(f"r{i}", bearing_id=f"b{bearing}", fault_type=fault, rpm=rpm, load=load)
        for i, (fault, bearing, rpm, load) in enumerate(rows)
    ]

    def split(name: str, **more: Any) -> object:
        if name == "bearing-folds":
            return make_folds(recordings, validation=validation, **more)
        return make_split(recordings, name, **more)

    try:
        split(protocol)
    except DataError as error:
        hint = error.hint or ""
    else:
        return
    for way in hint.split("; or "):
        named = {name: json.loads(value) for name, value in re.findall("`([a-z_]+)=(.*?)`", way)}
        assert named or "`" not in way
        if named:
            split(named.pop("protocol", protocol), **named)


def test_where_the_healthy_class_has_one_bearing_at_one_speed_it_is_said_what_leaving_it_out_loses(bench) -> None:
    """The recordings of CWRU: whatever the protocol that was asked for, one way keeps bearings apart."""
    recordings = bench({"normal": 1, "ball": 3, "inner_race": 3}, rpms=(1797,), loads=("0 hp",))
    for protocol in ("bearing", "speed", "load"):
        with pytest.raises(DataError) as caught:
            make_split(recordings, protocol)
        hint = str(caught.value.hint)
        assert '`leave_out=["normal"]`' in hint
        assert ('`protocol="bearing"`' in hint) is (protocol != "bearing")
        assert "loses the healthy class" in hint
        assert '`protocol="leaky-random"`' in hint


def test_leaving_out_a_class_of_faults_loses_no_more_than_that(bench) -> None:
    with pytest.raises(DataError) as caught:
        make_split(bench({"normal": 3, "ball": 1, "inner_race": 3}))
    assert '`leave_out=["ball"]`' in str(caught.value.hint)
    assert "loses" not in str(caught.value.hint)


@pytest.mark.parametrize("name", ["normal", "normal0"])
def test_a_lone_class_can_be_left_out_by_name_and_is_stamped(bench, name: str) -> None:
    recordings = bench({"normal": 1, "ball": 3, "inner_race": 3})
    split = make_split(recordings, leave_out=[name])
    assert split.left_out == (name,)
    assert split.provenance.endswith(f"left out: {name}")
    assert all(recordings[i].fault_type != "normal" for part in sides(split) for i in part)


def test_leaving_out_a_name_that_is_not_there_names_the_nearest(bench) -> None:
    with pytest.raises(DataError, match="'nromal'") as caught:
        make_split(bench({"normal": 3, "ball": 3}), leave_out=["nromal"])
    assert "normal" in str(caught.value.hint)
    with pytest.raises(DataError, match="no recording is left"):
        make_split(bench({"normal": 3}), leave_out=["normal"])


def _unlabel(recordings: list[RecordingInfo], bearing: str) -> list[RecordingInfo]:
    return [replace(info, fault_type=None) if info.bearing_id == bearing else info for info in recordings]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_unlabelled_recordings_are_refused_by_their_number_and_are_no_class(bench, protocol: str) -> None:
    recordings = _unlabel(bench({"normal": 3, "ball": 4}), "ball3")
    with pytest.raises(DataError, match=r"4 of 28 recordings are unlabelled, the first is 'ball3@800,0 hp'") as caught:
        make_split(recordings, protocol)
    assert str(caught.value.hint).startswith('`leave_out=["unlabelled"]`')
    split = make_split(recordings, protocol, leave_out=["unlabelled"])
    assert split.provenance.endswith("left out: unlabelled")
    assert all(recordings[i].fault_type for part in sides(split) for i in part)


def test_folds_refuse_unlabelled_recordings_as_well(bench) -> None:
    recordings = _unlabel(bench({"normal": 2, "ball": 3}), "ball2")
    with pytest.raises(DataError, match="4 of 20 recordings are unlabelled"):
        make_folds(recordings)
    assert len(make_folds(recordings, leave_out=["unlabelled"])) == 4


def test_what_needs_no_labels_is_given_all_of_a_dataset_that_has_none_and_refused_a_mixture(bench) -> None:
    recordings = [replace(info, fault_type=None) for info in bench({"ball": 1})]
    split = make_split(recordings, needs_labels=False)
    assert sides(split) == [(0, 1, 2, 3), (), ()]
    assert split.provenance == "not split: none of 4 recordings is labelled, so there is nothing to judge"
    with pytest.raises(DataError, match="4 of 4 recordings are unlabelled") as caught:
        make_split(recordings)
    assert caught.value.hint == "give their fault_type where they are imported"
    mixed = recordings + bench({"normal": 2, "cage": 2})
    with pytest.raises(DataError, match="4 of 20 recordings are unlabelled"):
        make_split(mixed, needs_labels=False)
    assert make_split(mixed, needs_labels=False, leave_out=["normal", "cage"]).train == (0, 1, 2, 3)
    labelled = make_split(mixed, needs_labels=False, leave_out=["unlabelled"])
    assert labelled == make_split(mixed, leave_out=["unlabelled"])


def test_train_at_one_speed_and_test_at_another(bench) -> None:
    recordings = bench({"normal": 1, "ball": 1})
    split = make_split(recordings, "speed", test_value=1200)
    assert {recordings[i].rpm for i in split.train} == {800}
    assert {recordings[i].rpm for i in split.test} == {1200}
    assert split.validation == ()
    assert split.provenance == "train at 800 rpm, test at 1200 rpm; no validation part; train and test share bearings"
    assert make_split(recordings, "speed") == split
    assert {recordings[i].rpm for i in make_split(recordings, "speed", test_value="800").test} == {800}


def test_a_third_speed_validates(bench) -> None:
    split = make_split(bench({"normal": 1, "ball": 1}, rpms=(800, 1200, 1600)), "speed", test_value="1200 rpm")
    assert all(sides(split))
    assert "validate at" in split.provenance


def test_speeds_within_five_per_cent_are_one(bench) -> None:
    with pytest.raises(DataError, match="all recordings have the same"):
        make_split(bench({"normal": 2, "ball": 2}, rpms=(1730, 1750, 1772, 1797)), "speed")
    recordings = bench({"normal": 2, "ball": 2}, rpms=(800, 1172, 1200))
    assert {recordings[i].rpm for i in make_split(recordings, "speed", test_value=1190).test} == {1172, 1200}


def test_test_at_a_load(bench) -> None:
    recordings = bench({"normal": 1, "ball": 1}, loads=("10 hp", "2 hp", "0 hp"))
    split = make_split(recordings, "load")
    assert {recordings[i].load for i in split.test} == {"10 hp"}
    assert {recordings[i].load for i in make_split(recordings, "load", test_value="0 hp").test} == {"0 hp"}
    with pytest.raises(DataError, match="no such load") as caught:
        make_split(recordings, "load", test_value="7 hp")
    assert caught.value.hint == "there are 0 hp, 2 hp, 10 hp"


def test_an_unknown_speed_or_load_is_not_guessed(make_info) -> None:
    recordings = [make_info("a"), make_info("b", rpm=None, load=None)]
    for protocol in ("speed", "load"):
        with pytest.raises(DataError, match=f"by {protocol}: it is unknown for 1 of 2 recordings, the first is 'b'"):
            make_split(recordings, protocol)


def test_a_class_that_would_be_in_one_part_only_is_refused(make_info) -> None:
    recordings = [make_info("a", rpm=800.0), make_info("b", rpm=1200.0), make_info("c", rpm=800.0, fault_type="normal")]
    with pytest.raises(DataError, match="the test part would hold no normal"):
        make_split(recordings, "speed")


def test_a_bearing_that_was_healthy_and_then_failed_stays_on_one_side(make_info) -> None:
    recordings = [
        make_info(f"b{b}-{n}", bearing_id=f"b{b}", fault_type="normal" if n < 2 + b % 2 else "ball")
        for b in range(6)
        for n in range(5)
    ]
    split = make_split(recordings)
    for part in sides(split):
        assert len(part) % 5 == 0


def test_random_windows_must_be_asked_for_by_name_and_are_stamped(bench) -> None:
    split = make_split(bench({"normal": 1, "ball": 1}), "leaky-random", seed=1)
    assert split.leaky
    assert split.provenance.startswith("LEAKY")
    parts = split.parts(0, 10_000)
    assert [round(float((parts == part).mean()), 1) for part in range(3)] == [0.6, 0.2, 0.2]
    assert (parts == split.parts(0, 10_000)).all()
    assert (parts != split.parts(1, 10_000)).any()


def test_parts_of_windows_are_those_of_their_recording(bench) -> None:
    recordings = bench({"normal": 3, "ball": 3, "inner_race": 1})
    split = make_split(recordings, leave_out=["inner_race"])
    for index in range(len(recordings)):
        (part,) = set(split.parts(index, 5).tolist())
        assert part == -1 if recordings[index].fault_type == "inner_race" else index in getattr(split, PARTS[part])


def test_a_protocol_that_does_not_exist_or_takes_no_value_is_refused(bench) -> None:
    recordings = bench({"normal": 3, "ball": 3})
    with pytest.raises(DataError, match="unknown split protocol 'random'"):
        make_split(recordings, "random")
    with pytest.raises(DataError, match="no meaning"):
        make_split(recordings, "bearing", test_value="x")


def test_the_earlier_name_of_a_provenance_is_read_with_a_warning() -> None:
    split = Split("bearing", 0, (0, 1), (2,), (3,), "by hand")
    with pytest.warns(DeprecationWarning, match=r"Split\.stamp is called provenance now"):
        assert split.stamp == "by hand"


def test_splits_that_deal_windows_alike_have_one_digest_and_others_another() -> None:
    split = Split("bearing", 0, (0, 1), (2,), (3,), "a provenance")
    same = [replace(split, seed=1), replace(split, provenance="left out: x, y"), replace(split, name="kept", fold=2)]
    assert {one.digest for one in same} == {split.digest}
    leaky = replace(split, leaky=True, train=(0, 1, 2, 3), validation=(0, 1, 2, 3), test=(0, 1, 2, 3))
    other = [replace(split, train=(0, 1, 2), validation=()), replace(split, test=(4,)), leaky, replace(leaky, seed=1)]
    assert len({split.digest, *(one.digest for one in other)}) == 5

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfd import DataError
from pfd_plugin_data import PARTS, PROTOCOLS, RecordingInfo, Split, make_folds, make_split

CLASSES = ("inner_race", "outer_race", "ball")


def bench(make_info, bearings: dict[str, int], each: int = 4) -> list[RecordingInfo]:
    """`each` recordings of each bearing, one a load."""
    return [
        make_info(f"{fault}{n}@{load}", bearing_id=f"{fault}{n}", fault_type=fault, load=f"{load} hp")
        for fault, count in bearings.items()
        for n in range(count)
        for load in range(each)
    ]


def bearings_of(split: Split, part: str, recordings: list[RecordingInfo]) -> set[str]:
    return {recordings[i].bearing_id for i in getattr(split, part)}


def test_nine_bearings_of_three_classes_give_the_27_folds_of_the_cwru_protocol(make_info) -> None:
    recordings = bench(make_info, dict.fromkeys(CLASSES, 3))
    folds = make_folds(recordings)
    tested = [frozenset(bearings_of(fold, "test", recordings)) for fold in folds]
    expected = {frozenset(one) for one in itertools.product(*([f"{c}{n}" for n in range(3)] for c in CLASSES))}
    assert len(folds) == 27
    assert set(tested) == expected
    for fold in folds:
        assert Counter(recordings[i].fault_type for i in fold.test) == dict.fromkeys(CLASSES, 4)
        assert Counter(recordings[i].fault_type for i in fold.train) == dict.fromkeys(CLASSES, 8)
        assert fold.validation == ()
    assert folds[0].provenance == (
        "leave one bearing a class out, fold 1 of 27: test on ball0, inner_race0, outer_race0; no validation part"
    )


def test_each_bearing_validates_as_often_as_it_tests(make_info) -> None:
    recordings = bench(make_info, dict.fromkeys(CLASSES, 3))
    folds = make_folds(recordings, validation=True, seed=4)
    counts = {
        part: Counter(name for fold in folds for name in bearings_of(fold, part, recordings))
        for part in ("validation", "test")
    }
    assert counts["validation"] == counts["test"] == {f"{c}{n}": 9 for c in CLASSES for n in range(3)}
    assert make_folds(recordings, validation=True, seed=4) == folds
    assert "validate on" in folds[0].provenance


def test_more_folds_than_asked_for_are_drawn_and_every_stamp_says_so(make_info) -> None:
    recordings = bench(make_info, dict.fromkeys(("normal", *CLASSES), 30), each=1)
    folds = make_folds(recordings, at_most=50, seed=1)
    assert len({fold.test for fold in folds}) == len(folds) == 50
    assert all("of 50, drawn from 810000:" in fold.provenance for fold in folds)
    assert make_folds(recordings, at_most=50, seed=1) == folds
    assert {fold.test for fold in make_folds(recordings, at_most=50, seed=2)} != {fold.test for fold in folds}
    assert len(make_folds(recordings)) == 200


def test_too_few_bearings_are_refused_with_their_counts(make_info) -> None:
    with pytest.raises(DataError, match="class 'ball' has 1 bearing"):
        make_folds(bench(make_info, {"normal": 3, "ball": 1}))
    with pytest.raises(DataError, match="normal has 2"):
        make_folds(bench(make_info, {"normal": 2, "ball": 3}), validation=True)
    folds = make_folds(bench(make_info, {"normal": 1, "ball": 3, "inner_race": 3}), leave_out=["normal"])
    assert len(folds) == 9
    assert folds[0].provenance.endswith("; left out: normal")
    with pytest.raises(DataError, match="at_most=0"):
        make_folds(bench(make_info, {"ball": 3}), at_most=0)


def test_a_fold_that_takes_the_last_recordings_of_a_class_away_is_refused(make_info) -> None:
    # b0 was healthy once and failed: it counts as "ball", and is all there is of "normal" beside n0.
    recordings = [
        make_info("b0-old", bearing_id="b0", fault_type="cage"),
        *(make_info(f"b{n}-{i}", bearing_id=f"b{n}") for n in range(3) for i in range(2)),
        *(make_info(f"n{n}", bearing_id=f"n{n}", fault_type="normal") for n in range(2)),
    ]
    with pytest.raises(DataError, match="would hold no cage"):
        make_folds(recordings)


GROUP = {
    "bearing": lambda info: info.bearing_id,
    "recording": lambda info: info.record_id,
    "load": lambda info: info.load,
    "bearing-folds": lambda info: info.bearing_id,
}


@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("protocol", [*PROTOCOLS, "bearing-folds"])
def test_no_window_of_one_group_is_ever_on_two_sides(make_info, protocol: str, data: st.DataObject) -> None:
    rows = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(["normal", "ball", "inner_race"]),
                st.integers(0, 6),
                st.sampled_from([600.0, 800.0, 820.0, 1200.0, 1797.0]),
                st.sampled_from(["0 hp", "1 hp", "2 hp"]),
                st.integers(0, 20),
            ),
            min_size=2,
            max_size=30,
        )
    )
    recordings = [
        make_info(f"r{i}", bearing_id=f"b{bearing}", fault_type=fault, rpm=rpm, load=load)
        for i, (fault, bearing, rpm, load, _) in enumerate(rows)
    ]
    seed = data.draw(st.integers(0, 99))
    try:
        if protocol == "bearing-folds":
            validation = data.draw(st.booleans())
            splits = list(make_folds(recordings, seed=seed, at_most=20, validation=validation))
        else:
            splits = [make_split(recordings, protocol, seed=seed)]
    except DataError:
        return  # refused, which is honest; that the messages help is tested elsewhere
    for split in splits:
        # The part of every window, as everything that uses a split asks for it.
        parts = [split.parts(index, row[4]) for index, row in enumerate(rows)]
        if protocol == "leaky-random":
            assert split.leaky
            assert split.provenance.startswith("LEAKY")
            assert all(set(part.tolist()) <= {0, 1, 2} for part in parts)  # each window in one part, none in two
            continue
        assert not split.leaky
        sides: dict[object, set[int]] = {}
        for index, part in enumerate(parts):
            key = recordings[index].rpm if protocol == "speed" else GROUP[protocol](recordings[index])
            sides.setdefault(key, set()).update(part.tolist())
        assert all(len(found) <= 1 for found in sides.values())
        if protocol == "speed":  # 800 and 820 rpm are one speed
            assert len(sides.get(800.0, set()) | sides.get(820.0, set())) <= 1
        named = [index for part in PARTS for index in getattr(split, part)]
        assert sorted(named) == list(range(len(recordings)))

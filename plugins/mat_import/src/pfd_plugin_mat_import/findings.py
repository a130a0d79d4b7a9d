"""What the user of a dataset should know of its recordings: what they do not show, and what tells classes apart."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pfd_plugin_data import RecordingInfo
from pfd_plugin_mat_import.copies import Shared, connected
from pfd_plugin_mat_import.lines import TOLERANCE, Line
from pfd_plugin_mat_import.measures import Measures
from pfd_plugin_mat_import.params import Finding
from pfd_plugin_mat_import.shaft_speed import ShaftSpeed

MAX_RECORDS = 20
_NUMBER = re.compile(r"\d[\d.,]*(?:e[+-]?\d+)?")
SHOWN_GAPS = 3
MAX_LETTERS = 60
"""Of a name within a text."""

MAX_NAMES = 5
"""Of bearings, channels or pairs of recordings that one text names."""

BANDWIDTH_GAP = 1.1
"""Bandwidths of two classes differ where the least of one is more than this many times the largest of the other."""

REFUTED = 0.01
"""A declared speed is refuted by one that is further from it than this, and than three times its uncertainty: nominal
speeds of motors are off by their slip."""

SHOWN_SPEEDS = 5


@dataclass(frozen=True)
class Measured:
    """A recording without its signal: its columns, what it shows, what is odd, and what was done about its gaps."""

    info: RecordingInfo
    measures: Measures
    notes: tuple[str, ...]
    gaps: str = ""

    def to_json(self) -> dict[str, Any]:
        """What `findings.json` holds of a recording."""
        found = asdict(self.measures)
        for name in ("shaft_line", "fault_line"):
            line: Line | None = getattr(self.measures, name)
            if line is not None:
                found[name]["present"] = line.present
        info = self.info
        return {"record_id": info.record_id, "origins": dict(info.origins), "notes": list(self.notes), **found}


def find(recordings: Sequence[Measured], shared: Sequence[Shared] = ()) -> list[Finding]:
    """The findings on a dataset, those that mislead a classifier first; `shared` is what the recordings share."""
    labelled = [recording for recording in recordings if recording.info.fault_type]
    return [
        *_rates(labelled),
        *_bandwidths(labelled),
        *_offsets(labelled),
        *_unlabelled(recordings),
        *_gaps(recordings),
        *_duplicates([recording.info for recording in recordings], shared),
        *_channels(recordings, "constant", "have channels that are constant"),
        *_channels(recordings, "dropout", "have channels that stay at one value for a while"),
        *_channels(recordings, "clipped", "have channels that stay at their limits, where they are clipped"),
        *_refuted(recordings),
        *_absent(recordings, "shaft_line", "there is no line at the speed of the shaft"),
        *_absent(recordings, "fault_line", f"the envelope has no line within {TOLERANCE:.0%} of the fault's frequency"),
        *_odd(recordings),
    ]


def _rates(recordings: Sequence[Measured]) -> Iterator[Finding]:
    """Classes of other sample rates: a classifier that is not given one common rate learns the rate."""
    rates: defaultdict[str, set[float]] = defaultdict(set)
    for recording in recordings:
        rates[recording.info.label].add(recording.info.sample_rate_hz)
    if len({frozenset(found) for found in rates.values()}) > 1:
        told = "; ".join(f"{fault} {', '.join(f'{rate:g}' for rate in sorted(rates[fault]))}" for fault in rates)
        yield Finding(
            kind="rate_by_class", records=[], text=f"sample rates differ by class, Hz: {told}; bring all to one rate"
        )


def _bandwidths(recordings: Sequence[Measured]) -> Iterator[Finding]:
    """Classes of other bandwidths, of one sensor and rate: an anti-alias filter tells them apart, not the fault."""
    bands: defaultdict[tuple[str, float], defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for recording in recordings:
        measures = recording.measures
        if measures.bandwidth_of is not None and measures.bandwidth_hz is not None:
            at = (measures.bandwidth_of, recording.info.sample_rate_hz)
            bands[at][recording.info.label].append(measures.bandwidth_hz)
    for (sensor, rate_hz), classes in bands.items():
        if max(map(min, classes.values())) > BANDWIDTH_GAP * min(map(max, classes.values())):
            told = "; ".join(f"{fault} {min(found):.0f} to {max(found):.0f}" for fault, found in classes.items())
            yield Finding(
                kind="bandwidth_by_class",
                records=[],
                text=f"bandwidths of {sensor} at {rate_hz:g} Hz differ by class, Hz: {told}; low-pass all below them",
            )


def _offsets(recordings: Sequence[Measured]) -> Iterator[Finding]:
    """Classes some of whose recordings were stored without their level: by the level, they can be told apart."""
    taken = [one for one in recordings if any(channel.offset is not None for channel in one.info.channels)]
    of_class = Counter(one.info.label for one in recordings)
    without = Counter(one.info.label for one in taken)
    if 0 < len(taken) < len(recordings):
        told = ", ".join(f"{fault} {without[fault]} of {count}" for fault, count in of_class.items())
        yield finding(
            "offset",
            [one.info.record_id for one in taken],
            f"the level of {len(taken)} recordings was too large for float32 and was taken away, that of others not: "
            f"{told}; take the level of all away before a model sees it",
        )


def _unlabelled(recordings: Sequence[Measured]) -> Iterator[Finding]:
    if names := [recording.info.record_id for recording in recordings if recording.info.fault_type is None]:
        text = f"nobody tells the fault of {len(names)} of {len(recordings)} recordings"
        yield finding("unlabelled", names, f"{text}: nothing can be learnt from them, or judged by them")


def _gaps(recordings: Sequence[Measured]) -> Iterator[Finding]:
    """Samples that were not numbers, and what was done about them, which stands with each recording as well."""
    told = {recording.info.record_id: recording.gaps for recording in recordings if recording.gaps}
    if told:
        shown = "; ".join(f"{name}: {gaps}" for name, gaps in list(told.items())[:SHOWN_GAPS])
        text = f"{len(told)} of {len(recordings)} recordings had samples that are not numbers: {shown}"
        yield finding("gaps", list(told), f"{text}{'; …' if len(told) > SHOWN_GAPS else ''}")


def _duplicates(recordings: Sequence[RecordingInfo], shared: Sequence[Shared]) -> Iterator[Finding]:
    """Recordings of one measurement, and recordings of which channels are one."""
    for group in connected(shared):
        infos = [recordings[index] for index in sorted({index for one in group for index in (one.first, one.second)})]
        if len(infos) == 1:
            text = "channels of it are one signal: " + _some([_channel_pairs(infos[0], infos[0], one) for one in group])
        else:
            relation = _relation if group[0].binds else _alike
            told = _some([relation(recordings[one.first], recordings[one.second], one) for one in group])
            if group[0].binds:
                text = f"are of one measurement: {told}{labelled(info.fault_type for info in infos)}"
            else:
                text = f"share a channel and differ in others, so they are not taken for copies: {told}"
        yield finding("duplicate", [info.record_id for info in infos], text)


def _alike(first: RecordingInfo, second: RecordingInfo, shared: Shared) -> str:
    """Which channels two recordings share, in words."""
    return f"{listed([second.record_id])} and {listed([first.record_id])} ({_channel_pairs(first, second, shared)})"


def _relation(first: RecordingInfo, second: RecordingInfo, shared: Shared) -> str:
    """What two recordings share, in words."""
    n = shared.n_samples
    if n == first.n_samples < second.n_samples:
        return _relation(second, first, shared.turned())
    one, other = listed([first.record_id]), listed([second.record_id])
    in_one, in_other = _samples(shared.first_begins, n), _samples(shared.second_begins, n)
    if n == first.n_samples == second.n_samples:
        text = f"{other} is a copy of {one}"
    elif n == second.n_samples:
        text = f"{other} is {in_one} of {one}"
    else:
        text = f"{in_other} of {other} are {in_one} of {one}"
    names = [[channel.sensor for channel in info.channels] for info in (first, second)]
    if any(names[0][i] != names[1][j] for i, j in shared.channels) or len(shared.channels) < min(map(len, names)):
        return f"{text} ({_channel_pairs(first, second, shared)})"
    return text + _scaled(shared.scales)


def _channel_pairs(first: RecordingInfo, second: RecordingInfo, shared: Shared) -> str:
    pairs = zip(shared.channels, shared.scales, strict=True)
    return _some(
        [
            f"{listed([second.channels[j].sensor])} is {listed([first.channels[i].sensor])}{_scaled([scale])}"
            for (i, j), scale in pairs
        ]
    )


def _samples(begins: int, n: int) -> str:
    return f"samples {begins + 1:,} to {begins + n:,}"


def _scaled(scales: Iterable[float]) -> str:
    """By what the samples are multiplied, where that is not 1 within what rounding does to it."""
    factors = list(dict.fromkeys(f"{scale:.3g}" for scale in scales))
    return "" if factors == ["1"] else f" scaled by {_some(factors, ' and ')}"


def listed(names: Iterable[str]) -> str:
    """Names of a source's own, cut where they are long or many."""
    return _some([repr(name if len(name) <= MAX_LETTERS else f"{name[:MAX_LETTERS]}…") for name in names], ", ")


def labelled(faults: Iterable[str | None]) -> str:
    """What to say of fault types that should be one; empty where they are."""
    kinds = list(dict.fromkeys(fault or "unlabelled" for fault in faults))
    return f"; labelled {' and '.join(kinds)}" if len(kinds) > 1 else ""


def _some(told: Sequence[str], between: str = "; ") -> str:
    more = f"{between}and {len(told) - MAX_NAMES} more" if len(told) > MAX_NAMES else ""
    return between.join(told[:MAX_NAMES]) + more


def _channels(recordings: Sequence[Measured], kind: str, text: str) -> Iterator[Finding]:
    found = {one.info.record_id: channels for one in recordings if (channels := getattr(one.measures, kind))}
    if found:
        told = _some([f"{listed([name])} {', '.join(channels)}" for name, channels in found.items()])
        yield finding(kind, list(found), f"{len(found)} of {len(recordings)} recordings {text}: {told}")


def _absent(recordings: Sequence[Measured], name: str, text: str) -> Iterator[Finding]:
    lines = [(recording, getattr(recording.measures, name)) for recording in recordings]
    known = [(recording, line) for recording, line in lines if line is not None]
    if absent := [recording.info.record_id for recording, line in known if not line.present]:
        yield finding(f"{name}_absent", absent, f"{text}: {len(absent)} of {len(known)} recordings")


def _refuted(recordings: Sequence[Measured]) -> Iterator[Finding]:
    """Speeds that the signal shows to be others than declared."""
    refuted = [one for one in recordings if one.measures.speed and _is_refuted(one.info.rpm, one.measures.speed)]
    if refuted:
        shown = "; ".join(_speeds(one) for one in refuted[:SHOWN_SPEEDS])
        more = f"; and {len(refuted) - SHOWN_SPEEDS} more" if len(refuted) > SHOWN_SPEEDS else ""
        yield Finding(
            kind="speed_refuted",
            records=[one.info.record_id for one in refuted[:MAX_RECORDS]],
            text=f"the signal shows another speed than is declared: {shown}{more}; "
            "speed_source=measured uses what it shows",
        )


def _is_refuted(rpm: float | None, speed: ShaftSpeed) -> bool:
    away = abs(60 * speed.hz - (rpm or 0.0))
    return away > REFUTED * 60 * speed.hz and away > 3 * 60 * speed.uncertainty_hz


def _speeds(recording: Measured) -> str:
    info, speed = recording.info, recording.measures.speed
    if speed is None or info.rpm is None:
        return info.record_id
    turns = 60 * speed.hz
    return f"{info.record_id} {turns:.4g} instead of {info.rpm:.4g} rpm ({turns / info.rpm - 1:+.1%})"


def _odd(recordings: Sequence[Measured]) -> Iterator[Finding]:
    """What is odd, once with all the recordings that it is said of, whatever the numbers in it."""
    told: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for recording in recordings:
        for note in recording.notes:
            told[_NUMBER.sub("#", note)].setdefault(recording.info.record_id, note)
    for notes in told.values():
        first, *others = dict.fromkeys(notes.values())
        more = f"; and so, with other numbers, of {len(others)} more" if others else ""
        yield finding("odd", list(notes), first + more)


def finding(kind: str, records: Sequence[str], text: str) -> Finding:
    """A finding that names no more recordings than `MAX_RECORDS`."""
    more = f"; and {len(records) - MAX_RECORDS} more" if len(records) > MAX_RECORDS else ""
    return Finding.model_validate({"kind": kind, "records": list(records[:MAX_RECORDS]), "text": text + more})

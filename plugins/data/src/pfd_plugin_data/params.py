"""Parameters and results of the tasks of this plugin."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from annotated_types import MaxLen, MinLen
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from pfd import Params, Refers, Result
from pfd.schema import DefaultWhen, Group, OrNamed, Unit, Unless, When, cases, misplaced, with_defaults
from pfd_plugin_data.classes import FAULTS, JOINT, SEVERITIES, SIMULATORS, SYNONYMS, canonical
from pfd_plugin_data.geometries import GEOMETRIES, refusal
from pfd_plugin_data.kinematics import fault_line

DatasetName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
"""A name that cannot be taken for an id and is safe in a file name."""

DatasetRef = Annotated[int, Field(ge=1, lt=2**31)] | Annotated[str, Field(min_length=1, max_length=64)]
"""A dataset as parameters name it: its id, or the newest of a name."""

ExportFormat = Literal["mat", "parquet", "npz", "csv"]
"""Formats that datasets are exported to."""

SpeedSource = Literal["declared", "measured"]
"""Which speed of a recording counts: what its source says, or what its signal shows."""

MAX_SAMPLES = 2_000_000_000
"""Most samples that one generated dataset may hold (8 GB of float32)."""

SpeedRpm = Annotated[float, Field(ge=60, le=30_000)]

Simulator = Literal["rolling_element", "rotor"]
Severity = Literal["incipient", "mild", "moderate", "severe"]
NoiseLayer = Literal["white", "pink", "brown", "mains", "drift", "impulses", "alias", "quantization"]
Transient = Literal["none", "speed_ramp", "load_step", "thermal"]

_CHANNELS = {"rolling_element": 1, "rotor": 2}


def _fault_type(name: str) -> str:
    known = canonical(name)
    if known not in FAULTS:
        raise ValueError(
            f"{name!r} is no fault type; choose one of {', '.join(SIMULATORS['rolling_element'][:5])} "
            f'(several at once: "inner_race+ball"), or for simulator=rotor of {", ".join(SIMULATORS["rotor"])}'
        )
    return known


def _schema_of_faults(simulator: str) -> dict[str, Any]:
    names = [*SIMULATORS[simulator], *(word for word, name in SYNONYMS.items() if name in SIMULATORS[simulator])]
    return {"items": {"enum": names}}


FaultType = Annotated[str, AfterValidator(_fault_type), WithJsonSchema({"type": "string"})]


class Geometry(Params):
    """A rolling-element bearing with its outer ring fixed.  The default is the SKF 6205-2RS."""

    n_balls: int = Field(9, ge=4, le=60, description="number of rolling elements")
    ball_d_mm: Annotated[float, Unit("mm")] = Field(7.94, gt=0.5, le=200, description="diameter of a rolling element")
    pitch_d_mm: Annotated[float, Unit("mm")] = Field(39.04, gt=2, le=2000, description="pitch diameter")
    contact_deg: Annotated[float, Unit("°")] = Field(0.0, ge=0, le=60, description="contact angle")

    @model_validator(mode="after")
    def _fits(self) -> Geometry:
        if self.ball_d_mm >= self.pitch_d_mm:
            raise ValueError(f"ball_d_mm={self.ball_d_mm:g} must be less than pitch_d_mm={self.pitch_d_mm:g}")
        if self.n_balls * self.ball_d_mm > math.pi * self.pitch_d_mm:
            raise ValueError(
                f"{self.n_balls} elements of {self.ball_d_mm:g} mm do not fit on a circle of {self.pitch_d_mm:g} mm"
            )
        return self


def _designation(given: Any) -> Any:
    """The numbers of a bearing that is given by its designation."""
    name = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(name, str):
        return given
    if name not in GEOMETRIES:
        raise ValueError(refusal(name))
    return {key: value for key, value in GEOMETRIES[name]._asdict().items() if key in Geometry.model_fields}


class Resonance(Params):
    """One resonance of the housing."""

    hz: Annotated[float, Unit("Hz")] = Field(ge=100, le=90_000, description="frequency")
    damping: float = Field(0.05, ge=0.005, le=0.5, description="damping ratio")
    weight: float = Field(1.0, gt=0, le=1000, description="height of its response beside those of the others")


class Augmentation(Params):
    """Changes as another mounting of the sensor would make.

    They are made to each recording; none are added, since copies of one on both sides of a split would leak.
    """

    gain_db: Annotated[float, Unit("dB")] = Field(
        0.0, ge=0, le=40, description="largest change of the level up or down"
    )
    polarity: bool = Field(False, description="turn the sign of half of the recordings")
    noise_db: Annotated[float | None, Unit("dB")] = Field(
        None, ge=-80, le=20, description="power of white noise that is added over that of the recording"
    )


LoadPart = Annotated[float, Field(ge=0.05, le=1.5)]
OilCelsius = Annotated[float, Field(ge=10, le=120)]

_BEARING, _ROTOR = When(simulator="rolling_element"), When(simulator="rotor")


def _of_rotors(usual: Any) -> DefaultWhen:
    """The usual setting of rotors, where it is not that of the rolling element."""
    return DefaultWhen(usual, simulator="rotor")


class GenerateDatasetParams(Params):
    """What `generate_dataset_task` accepts."""

    model_config = ConfigDict(
        json_schema_extra=cases("simulator", {name: {"fault_types": _schema_of_faults(name)} for name in SIMULATORS})
    )

    name: Annotated[DatasetName, Group("dataset")] = Field(
        "bearings", description="name of the dataset; the newest of a name is the one meant"
    )
    simulator: Annotated[Simulator, Group("dataset")] = Field(
        "rolling_element", description="rolling-element bearings, or a rotor on hydrodynamic journal bearings"
    )
    num_signals_per_fault: Annotated[int, Group("dataset")] = Field(
        6, ge=1, le=1000, description="recordings of each fault type, dealt over its bearings and then over the speeds"
    )
    fault_types: Annotated[
        tuple[FaultType, ...], MinLen(1), MaxLen(16), Group("faults"), _of_rotors(SIMULATORS["rotor"])
    ] = Field(
        ("normal", "inner_race", "outer_race", "ball"),
        description='classes to generate; several faults of a bearing at once: "inner_race+ball"',
    )
    bearings_per_fault: Annotated[int, Group("dataset")] = Field(
        3, ge=1, le=50, description="physically different bearings of each fault type; a split needs at least 2"
    )
    severity_levels: Annotated[tuple[Severity, ...], MinLen(1), MaxLen(4), Group("faults")] = Field(
        ("incipient", "mild", "moderate", "severe"),
        description="severities, drawn for each bearing, and dealt over the recordings of a rotor",
    )
    temporal_evolution: Annotated[float, Group("faults"), _of_rotors(0.3)] = Field(
        0.0, ge=0, le=1, description="share of the faulty recordings in which the fault grows"
    )
    duration_s: Annotated[float, Unit("s"), Group("signal"), _of_rotors(5.0)] = Field(
        2.0, ge=0.05, le=120, description="length of a recording"
    )
    sample_rate_hz: Annotated[float, Unit("Hz"), Group("signal"), _of_rotors(20_480.0)] = Field(
        12_000.0, ge=5_000, le=200_000, description="sample rate"
    )
    rpm: Annotated[
        tuple[SpeedRpm, ...], MinLen(1), MaxLen(20), Unit("rev/min"), Group("speed"), _of_rotors((3600.0,))
    ] = Field(
        (1772.0,),
        description="shaft speeds; a bearing runs at each in turn, a rotor is built for one",
    )
    speed_profile: Annotated[Literal["constant", "ramp", "random"], Group("speed")] = Field(
        "constant",
        description="the speed within a recording: the same, from one end of its band to the other, wandering",
    )
    speed_variation: Annotated[
        float, Group("speed"), DefaultWhen(0.1, speed_profile=("ramp", "random")), _of_rotors(0.1)
    ] = Field(
        0.0,
        ge=0,
        le=0.5,
        description="largest deviation of the speed, as a part of rpm: between recordings where speed_profile is "
        "constant, else within them",
    )
    snr_db: Annotated[float, Unit("dB"), Group("noise"), _of_rotors(20.0)] = Field(
        0.0,
        ge=-40,
        le=60,
        description="power of the fault's impacts over that of all noise; of a rotor that of all vibration",
    )
    noise_layers: Annotated[
        tuple[NoiseLayer, ...],
        MaxLen(8),
        Group("noise"),
        _of_rotors(("white", "pink", "mains", "drift", "quantization")),
    ] = Field(
        ("mains", "quantization"),
        description="noise that is added to that of the bearing; of a rotor all the noise there is",
    )
    mains_hz: Annotated[Literal[50, 60], Unit("Hz"), Group("noise"), When(noise_layers="mains")] = Field(
        50, description="frequency of the mains"
    )
    augmentation: Annotated[Augmentation | None, Group("signal")] = Field(
        None, description="random changes of each recording"
    )
    geometry: Annotated[
        Geometry | None,
        BeforeValidator(_designation),
        OrNamed(*GEOMETRIES, numbers=[int(name) for name in GEOMETRIES if name.isdecimal()]),
        Group("bearing"),
        _BEARING,
    ] = Field(None, description="geometry of the bearings: a designation, or numbers; 6205 unless given")
    fault_size_in: Annotated[float | None, Unit("in"), Group("faults"), _BEARING] = Field(
        None,
        gt=0,
        le=0.5,
        description="width of the defects; unless given by severity 0.007, 0.014, 0.021, 0.028",
    )
    load_zone: Annotated[float | None, Group("bearing"), _BEARING] = Field(
        None,
        gt=0,
        le=100,
        description="load distribution factor ε: above 1 the whole race bears load; drawn unless given",
    )
    slip: Annotated[float | None, Group("bearing"), _BEARING] = Field(
        None,
        ge=0,
        le=0.1,
        description="standard deviation of the spacing of impacts, as a part of it; drawn unless given",
    )
    slip_adds_up: Annotated[bool | None, Group("bearing"), _BEARING] = Field(
        None, description="whether the deviations add up, as those of a real cage do; they do unless given"
    )
    resonances: Annotated[Annotated[tuple[Resonance, ...], MinLen(1), MaxLen(8)] | None, Group("bearing"), _BEARING] = (
        Field(None, description="resonances of the housing; drawn for each bearing unless given")
    )
    load_range: Annotated[tuple[LoadPart, LoadPart] | None, Group("rotor"), _ROTOR, _of_rotors((0.3, 1.0))] = Field(
        None, description="load, as a part of the rated one, from the least to the most"
    )
    temp_range: Annotated[
        tuple[OilCelsius, OilCelsius] | None, Unit("°C"), Group("rotor"), _ROTOR, _of_rotors((40.0, 80.0))
    ] = Field(None, description="temperature of the oil, from the least to the most")
    transients: Annotated[
        Annotated[tuple[Transient, ...], MinLen(1), MaxLen(4)] | None, Group("rotor"), _ROTOR, _of_rotors(("none",))
    ] = Field(None, description="what changes within a recording, dealt over the recordings")
    output_format: Annotated[ExportFormat | None, Group("dataset")] = Field(
        None,
        description="beside the dataset, a copy of all recordings for other programs, in a folder of this name (none)",
    )
    random_seed: Annotated[int, Group("dataset")] = Field(
        0, ge=0, lt=2**63, description="same seed, same dataset; other seeds share nothing"
    )

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, given: Any) -> Any:
        """Fill in what is usual for the simulator, so that what is stored says what was done."""
        return with_defaults(cls, given)

    @model_validator(mode="after")
    def _possible(self) -> GenerateDatasetParams:
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        yield from map(str, misplaced(self))
        for fault in self.fault_types:
            if fault not in SIMULATORS[self.simulator]:
                yield (
                    f"fault_types: simulator={self.simulator} makes no {fault}; "
                    f"it makes {', '.join(SIMULATORS[self.simulator])}"
                )
        for name in ("fault_types", "severity_levels", "noise_layers", "transients"):
            values = getattr(self, name) or ()
            if len(set(values)) < len(values):
                yield f"{name}={list(values)} names one twice"
        for name in ("load_range", "temp_range"):
            if (bounds := getattr(self, name)) is not None and bounds[0] > bounds[1]:
                yield f"{name}={list(bounds)} must go up"
        yield from self._that_would_do_nothing()
        if self.bearings_per_fault > self.num_signals_per_fault:
            yield (
                f"bearings_per_fault={self.bearings_per_fault} needs at least as many recordings, "
                f"but num_signals_per_fault={self.num_signals_per_fault}"
            )
        if self.simulator == "rotor" and len(self.rpm) > self.bearings_per_fault:
            yield (
                f"rpm has {len(self.rpm)} speeds; a rotor is built for one, "
                f"so bearings_per_fault={self.bearings_per_fault} must be at least as many"
            )
        turns = self.num_signals_per_fault // self.bearings_per_fault
        for name, values in (("rpm", self.rpm), ("transients", self.transients or ())):
            if len(values) > max(1, turns) and not (name == "rpm" and self.simulator == "rotor"):
                yield f"{name} has {len(values)} values, and some bearings no more than {turns} recordings: make more"
        for resonance in self.resonances or ():
            if resonance.hz >= 0.5 * self.sample_rate_hz:
                yield f"resonances: {resonance.hz:g} Hz must lie below half of sample_rate_hz={self.sample_rate_hz:g}"
        yield from self._lines_beyond_the_band()
        if self.n_samples > MAX_SAMPLES:
            yield f"{self.n_samples:.3g} samples in all, at most {MAX_SAMPLES:.3g} are allowed"

    @property
    def n_samples(self) -> float:
        """Samples of all channels of all recordings."""
        each = self.duration_s * self.sample_rate_hz * _CHANNELS[self.simulator]
        return len(self.fault_types) * self.num_signals_per_fault * each

    def _lines_beyond_the_band(self) -> Iterator[str]:
        """No envelope shows strikes that come oftener than half the rate, at whatever carrier."""
        if self.simulator != "rolling_element":
            return
        geometry = (self.geometry or Geometry()).model_dump()
        elements = {element for fault in self.fault_types for element in fault.split(JOINT)}
        orders = {element: order for element in sorted(elements) if (order := fault_line(element, geometry))}
        if not orders:
            return
        element = max(orders, key=lambda name: orders[name])
        fastest = max(self.rpm) * (1 + self.speed_variation)
        if (line := orders[element] * fastest / 60) >= 0.5 * self.sample_rate_hz:
            yield (
                f"sample_rate_hz={self.sample_rate_hz:g} is too low: the {element} fault line lies at {line:.5g} Hz "
                f"at {fastest:g} rpm, and must lie below half of the rate; sample faster, or turn slower"
            )

    def _that_would_do_nothing(self) -> Iterator[str]:
        """A parameter that is accepted has an effect; these would have none."""
        if self.speed_variation == 0 and (self.speed_profile != "constant" or "speed_ramp" in (self.transients or ())):
            yield "speed_variation=0 leaves the speed as it is; give its largest deviation as a part of rpm, say 0.1"
        faulty = set(self.fault_types) - {"normal"}
        if self.fault_size_in is not None and set(self.severity_levels) != set(SEVERITIES):
            yield "fault_size_in and severity_levels both say how wide a defect is; give one of them"
        if self.load_zone is not None and not any("inner_race" in name or "ball" in name for name in faulty):
            yield "load_zone modulates inner_race and ball, of which fault_types has none"


class GenerateDatasetResult(Result):
    """What `generate_dataset_task` returns."""

    dataset_id: int
    name: str
    fingerprint: str = Field(description="SHA-256 over the content")
    n_recordings: int
    n_bearings: int
    classes: dict[str, int] = Field(description="recordings of each fault type")


class SplitParams(Params):
    """How recordings are dealt to training, validation and test: by a protocol, or as a stored split has it."""

    protocol: Annotated[Literal["bearing", "recording", "load", "speed", "leaky-random"] | None, When(name=None)] = (
        Field(
            None,
            description="what must not lie on two sides, 'bearing' when absent; "
            "'leaky-random' deals windows and is marked as leaky",
        )
    )
    test_value: Annotated[
        float | Annotated[str, Field(min_length=1, max_length=100)] | None,
        When(name=None, protocol=("load", "speed")),
    ] = Field(None, description="the speed in rpm, or the load, to test at; the last one in order when absent")
    leave_out: Annotated[tuple[str, ...], When(name=None)] = Field(
        (),
        max_length=1000,
        description="classes, bearings or recordings to leave out; 'unlabelled' is those of unknown fault",
    )
    seed: Annotated[int | None, When(name=None)] = Field(
        None, ge=0, lt=2**63, description="of the dealing; random_seed when absent"
    )
    name: Annotated[DatasetName | None, Refers("split")] = Field(
        None, description="a stored split instead of all of the above ('pfd data splits' lists them)"
    )
    fold: Annotated[int | None, Unless(name=None)] = Field(
        None, ge=1, le=10_000, description="which fold of the stored split, from 1"
    )

    @model_validator(mode="after")
    def _one_way_to_deal(self) -> SplitParams:
        without_effect = [one.name for one in misplaced(self)]
        if self.name is not None and without_effect:
            raise ValueError(
                f"name={self.name!r} is taken as it was stored, so {', '.join(without_effect)} would have no effect; "
                "give either the one or the other"
            )
        if "fold" in without_effect:
            raise ValueError(f"fold={self.fold} is of a stored split, which name= must tell")
        if "test_value" in without_effect:
            raise ValueError(
                f"test_value={self.test_value!r} has no meaning for protocol={self.protocol or 'bearing'!r}"
            )
        return self

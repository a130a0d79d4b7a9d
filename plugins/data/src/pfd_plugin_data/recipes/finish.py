"""What is done to every simulated signal before it is stored: another mounting, a converter, a checksum."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from pfd_plugin_data import layout
from pfd_plugin_data.params import GenerateDatasetParams
from pfd_plugin_data.recipes.plan import Plan, Stream
from pfd_plugin_data.recording import MEAN_OF
from pfd_plugin_data.simulators import noise as noises
from pfd_plugin_data.simulators.speed import Signal
from pfd_plugin_data.speed_profile import even_samples

POINTS = 65
"""Of what changes slowly within a recording, so many values are kept."""

SPEED_POINTS = 257
"""Of its speed, which swings up to 16 times: 16 values a swing tell the angle to a hundredth of a turn."""


ORIGINS = {
    **dict.fromkeys(("record_id", "bearing_id", "fault_origin", "sensor", "axis", "unit"), "simulated"),
    "fault_type": "parameter fault_types",
    "sample_rate_hz": "parameter sample_rate_hz",
}
"""Where these columns of every simulated recording come from."""


def finish(plan: Plan, params: GenerateDatasetParams, signal: Signal) -> npt.NDArray[np.float32]:
    """Float32 `(channels, samples)` of a simulated signal of the same shape."""
    if params.augmentation is not None:
        signal = _mounted_otherwise(plan, params, signal)
    if "quantization" not in params.noise_layers:
        return np.ascontiguousarray(signal, dtype=layout.SIGNAL_TYPE)
    stored = np.empty(signal.shape, layout.SIGNAL_TYPE)
    for row, channel in zip(stored, signal, strict=True):
        row[:] = noises.quantize(channel)
    return stored


def _mounted_otherwise(plan: Plan, params: GenerateDatasetParams, signal: Signal) -> Signal:
    assert params.augmentation is not None
    change, rng = params.augmentation, plan.rng(Stream.AUGMENTATION)
    gain = 10 ** (change.gain_db * rng.uniform(-1, 1) / 20)
    sign = -1 if rng.uniform() < 0.5 and change.polarity else 1
    changed = sign * gain * signal
    if change.noise_db is not None:
        rms = np.sqrt(np.mean(changed**2, axis=1, keepdims=True)) * 10 ** (change.noise_db / 20)
        changed = changed + rms * rng.standard_normal(changed.shape)
    return np.asarray(changed)


def added_noise(plan: Plan, params: GenerateDatasetParams, n: int, rms: float, channel: int = 0) -> Signal:
    """The sum of the noise layers of one channel."""

    def rng_of(name: str) -> np.random.Generator:
        return plan.rng(Stream.NOISE, len(noises.LAYERS) * channel + noises.LAYERS.index(name))

    return noises.layers(rng_of, params.noise_layers, n, params.sample_rate_hz, rms, mains_hz=params.mains_hz)


def sampled(values: Signal, points: int = POINTS) -> Signal:
    """`points` values at even times, the first and the last sample's among them."""
    return values[even_samples(len(values), points)]


def speed_words(params: GenerateDatasetParams, profile: str) -> str:
    """Where the speed of a recording came from."""
    if params.speed_variation == 0:
        return "parameter rpm"
    words = {"constant": "drawn within", "ramp": "a ramp of", "random": "a speed that wanders within"}
    return f"{'' if profile == 'constant' else MEAN_OF}{words[profile]} ±{params.speed_variation:.0%} of parameter rpm"


def checksum(signal: npt.NDArray[np.float32]) -> str:
    return hashlib.sha256(signal.data).hexdigest()


def samples(params: GenerateDatasetParams) -> int:
    return round(params.duration_s * params.sample_rate_hz)

"""Wavelet packets: bands of equal width, from the filters of the wavelet domain."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pywt

from pfd_plugin_features.batch import Floats, Windows, ratio
from pfd_plugin_features.condition import Condition
from pfd_plugin_features.feature import Feature
from pfd_plugin_features.wavelet_domain import WAVELET

LEVEL = 3
PACKETS = 2**LEVEL


def packet_ratio(w: Windows, packet: int) -> Floats:
    """Share of the energy in one of 8 packets of the db4 tree, counted from 0 Hz up (Coifman & Wickerhauser 1992)."""
    energies = w.once(_energies)
    return ratio(energies[:, packet], energies.sum(axis=1))


def packet_entropy(w: Windows) -> Floats:
    """−Σp·ln p / ln 8 of these shares: 1 where all packets hold the same."""
    energies = w.once(_energies)
    p = ratio(energies, energies.sum(axis=1, keepdims=True))
    logarithm = np.log(p, out=np.zeros_like(p), where=p > 0)
    return np.asarray(-np.sum(p * logarithm, axis=1) / np.log(PACKETS))


def _energies(w: Windows) -> Floats:
    """Σc² of each packet, `(n, 8)`, by frequency."""
    nodes = [w.x]
    for _ in range(LEVEL):
        split = []
        for index, node in enumerate(nodes):
            low, high = pywt.dwt(node, WAVELET, mode="periodization", axis=1)
            # Halving the rate mirrors what the high-pass leaves: each other pair comes in turned order (a Gray code).
            split += [high, low] if index % 2 else [low, high]
        nodes = split
    return np.stack([np.einsum("ij,ij->i", node, node) for node in nodes], axis=1)


def _of(packet: int) -> Callable[[Windows], Floats]:
    compute = partial(packet_ratio, packet=packet)
    compute.__doc__ = packet_ratio.__doc__
    return compute


def _deep_enough(condition: Condition) -> str | None:
    reach = pywt.dwt_max_level(condition.window, pywt.Wavelet(WAVELET).dec_len)
    if reach < LEVEL:
        return f"a window of {condition.window} samples is too short for {LEVEL} levels of {WAVELET}, it allows {reach}"
    return None


WAVELET_PACKETS = (
    *(Feature(f"packet_ratio_{packet}", "advanced", "1", _of(packet), _deep_enough) for packet in range(PACKETS)),
    Feature("packet_entropy", "advanced", "1", packet_entropy, _deep_enough),
)

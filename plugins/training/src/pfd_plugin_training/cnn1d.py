"""A small 1-D convolutional network for raw windows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

MAX_SIDE = 65_536
"""Most channels, classes, and samples of a kernel or a stride."""


@dataclass(frozen=True)
class Cnn1dConfig:
    """Architecture: what is needed to build the network before its weights are loaded.

    The first kernel is wide, as in WDCNN (Zhang et al. 2017), so that it spans the ringing of one impact.
    """

    n_classes: int
    channels: tuple[int, int, int] = (32, 64, 64)
    kernels: tuple[int, int, int] = (64, 16, 8)
    strides: tuple[int, int, int] = (8, 4, 2)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Cnn1dConfig:
        """Raises `LookupError`, `TypeError` or `ValueError` for what describes no such network."""
        return cls(
            n_classes=_side(data["n_classes"]),
            channels=_three(data["channels"]),
            kernels=_three(data["kernels"]),
            strides=_three(data["strides"]),
        )


def _three(values: list[Any]) -> tuple[int, int, int]:
    first, second, third = map(_side, values)
    return first, second, third


def _side(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_SIDE:
        raise ValueError(f"a network of {str(value)[:40]} channels, classes or samples")
    return value


class Cnn1d(nn.Module):
    """Three blocks of convolution, batch norm and ReLU, the mean over time, one linear layer.

    Input `(batch, 1, window)`, each window of zero mean and unit deviation; output `(batch, n_classes)` logits.
    Convolutions stride instead of pooling, and each ReLU is a module of its own and not in place: attribution methods
    that hook modules (DeepLIFT, SHAP) are wrong where a module is used twice, and fail where it overwrites its input.
    """

    def __init__(self, config: Cnn1dConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        width = 1
        for channels, kernel, stride in zip(config.channels, config.kernels, config.strides, strict=True):
            layers += [
                nn.Conv1d(width, channels, kernel, stride, padding=kernel // 2, bias=False),
                nn.BatchNorm1d(channels),
                nn.ReLU(inplace=False),
            ]
            width = channels
        self.blocks = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool1d(1)
        self.head = nn.Linear(width, config.n_classes)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.pool(self.blocks(x)).flatten(1)
        logits: Tensor = self.head(features)
        return logits


def build(config: Cnn1dConfig, seed: int) -> Cnn1d:
    """A network with initial weights drawn from `seed`; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Cnn1d(config)

"""The provenance of a dataset, beside its content: where the values of columns came from, and what was found in it.

It is no part of the fingerprint: the same signals with the same values are the same data, whoever has told the values
and whoever has looked at the signals since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

BIASES = frozenset({"rate_by_class", "bandwidth_by_class", "offset"})
"""Kinds of findings that tell classes apart by something else than the fault; all others limit what can be learnt."""


@dataclass(frozen=True)
class Finding:
    """Something about recordings that their user should know.

    `kind` is one word for programs (`"clipped"`), `text` a sentence for people, and `records` names those that it is
    about; none where it is about the dataset.
    """

    kind: str
    records: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Provenance:
    """`origins` has an item a recording: by column, where its value came from.

    `findings` is None where nobody has looked for any, which is not the same as that there are none.
    """

    origins: tuple[Mapping[str, str], ...]
    findings: tuple[Finding, ...] | None = None


_ADAPTER = TypeAdapter(Provenance)


def encode_provenance(provenance: Provenance) -> bytes:
    return _ADAPTER.dump_json(provenance)


def decode_provenance(text: bytes) -> Provenance:
    """Raises `ValueError` (pydantic's) for what no writer has written."""
    return _ADAPTER.validate_json(text)

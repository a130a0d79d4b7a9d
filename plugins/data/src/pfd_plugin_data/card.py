"""The card of a dataset: its description in Croissant 1.1 (JSON-LD), for catalogues and for people.

Croissant is the vocabulary of MLCommons on top of schema.org (https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html).
It has no words for arrays inside an HDF5 file, so the signals are described as one file object, and the columns of all
recordings stand in the card itself as a record set.

Findings are a record set as well, for programs.  For people, and for catalogues, they are said once more in the words
of Croissant's extension for responsible AI (https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html): what
tells classes apart by something else than the fault as biases, all else as limitations.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from pfd_plugin_data.catalog import DatasetEntry
from pfd_plugin_data.classes import UNLABELLED
from pfd_plugin_data.dataset import Dataset
from pfd_plugin_data.provenance import BIASES, Finding
from pfd_plugin_data.recording import FAULTS, ChannelInfo, RecordingInfo

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
SAID = 20
"""Biases, and limitations, that are said in words; all of them are in the record set."""

UNKNOWN = "unknown"
"""The licence and the maker of what nobody has said them of: both are required, and neither is guessed."""

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

_COLUMNS: dict[str, tuple[str, str]] = {
    "record_id": ("sc:Text", "unique within the dataset"),
    "bearing_id": ("sc:Text", "the physical bearing; splits keep its recordings on one side"),
    "specimen": ("sc:Text", "the kind of bearing"),
    "geometry": (
        "sc:Text",
        "number of elements, their diameter and the pitch diameter in mm, contact angle in degrees",
    ),
    "fault_type": ("sc:Text", f"one of {', '.join(FAULTS)}; null is unknown: the recording is unlabelled"),
    "fault_size": ("sc:Float", "width of the defect, inches; 0 where there is none"),
    "fault_origin": ("sc:Text", "seeded, natural or synthetic"),
    "severity": ("sc:Text", "in the words of the source"),
    "condition": ("sc:Text", "in the words of the source"),
    "rpm": ("sc:Float", "shaft speed, rev/min"),
    "rpm_source": ("sc:Text", "where the speed came from"),
    "rpm_measured": ("sc:Float", "the speed that its signal shows, rev/min; null where it shows none"),
    "rpm_uncertainty": ("sc:Float", "standard uncertainty of rpm_measured, rev/min"),
    "load": ("sc:Text", "with its unit, in the words of the source"),
    "channels": ("sc:Text", "sensor, axis and unit of each row of the array, and the offset taken from it"),
    "treatment": ("sc:Text", "what was done to the samples before they were stored"),
    "sample_rate_hz": ("sc:Float", "samples a second"),
    "n_samples": ("sc:Integer", "samples a channel"),
    "sha256": ("sc:Text", "of the file that it was read from, or of the generated signal"),
    "source": ("sc:Text", "where it came from"),
    "licence": ("sc:Text", "on what terms"),
    "origins": ("sc:Text", "where the values of columns came from, as JSON; of a column that it lacks it is not told"),
}


def croissant(dataset: Dataset, entry: DatasetEntry) -> dict[str, Any]:
    """The card as JSON.  The file is read once for its SHA-256, which takes about a second a gigabyte.

    `identifier` is the fingerprint, a SHA-256 over the content alone; `sha256` of the file object is that of the file.
    """
    infos = dataset.recordings
    counts = Counter(info.fault_type or UNLABELLED for info in infos)
    seconds = sum(info.n_samples / info.sample_rate_hz for info in infos)
    sources = sorted({info.source for info in infos})
    licences = sorted({info.licence or UNKNOWN for info in infos})
    published = datetime.fromtimestamp(entry.created_at, tz=UTC).date().isoformat()
    balance = ", ".join(f"{counts[fault]} {fault}" for fault in counts)
    with dataset.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    findings = dataset.findings
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": dataset.name,
        "description": (
            f"{len(infos)} vibration recordings ({balance}) of {entry.n_bearings} bearings, {seconds:.1f} s in all. "
            f"Windows of one bearing must not lie on two sides of a split. {_looked(findings)}"
        ),
        "identifier": f"sha256:{dataset.fingerprint}",
        "version": "1.0.0",
        "url": f"urn:sha256:{dataset.fingerprint}",
        "license": licences[0] if len(licences) == 1 else licences,
        "creator": [{"@type": "sc:Organization", "name": source} for source in sources],
        "datePublished": published,
        "citeAs": f"{dataset.name}, sha256:{dataset.fingerprint}, made from: {'; '.join(sources)}",
        "keywords": ["vibration", "rolling-element bearing", "fault diagnosis"],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "file",
                "name": dataset.path.name,
                "description": "HDF5: /signals/NNNNNN, float32 (channels, samples), one array a recording, in order",
                "contentUrl": dataset.path.name,
                "contentSize": f"{dataset.path.stat().st_size} B",
                "encodingFormat": "application/x-hdf5",
                "sha256": digest,
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "recordings",
                "name": "recordings",
                "description": "what is known of each recording, in the order of their arrays; null is unknown",
                "key": {"@id": "recordings/record_id"},
                "field": [_field(name) for name in _COLUMNS],
                "data": [_record(info) for info in infos],
            },
            *([_finding_set(findings)] if findings else []),
        ],
        **_rai(findings or ()),
    }


def _looked(findings: Sequence[Finding] | None) -> str:
    """Whether anyone has looked for findings, and how many there are."""
    if findings is None:
        return "Whether there are findings on them is unknown: nobody has looked."
    return f"An import has {len(findings) or 'no'} findings on them."


def _rai(findings: Sequence[Finding]) -> dict[str, list[str]]:
    biases = [finding for finding in findings if finding.kind in BIASES]
    limits = [finding for finding in findings if finding.kind not in BIASES]
    said = {"rai:dataBiases": _said(biases), "rai:dataLimitations": _said(limits)}
    return {name: sentences for name, sentences in said.items() if sentences}


def _said(findings: Sequence[Finding]) -> list[str]:
    more = [f"{len(findings) - SAID} more are in the record set findings"] if len(findings) > SAID else []
    return [
        f"{finding.kind}: {', '.join(finding.records)}{': ' if finding.records else ''}{finding.text}"
        for finding in findings[:SAID]
    ] + more


def _finding_set(findings: Sequence[Finding]) -> dict[str, Any]:
    columns = {
        "kind": "what it is, in one word",
        "records": "the record_id of those that it is about; none where it is about the dataset",
        "text": "what was found",
    }
    fields: list[dict[str, Any]] = [
        {
            "@type": "cr:Field",
            "@id": f"findings/{name}",
            "name": name,
            "description": description,
            "dataType": "sc:Text",
        }
        for name, description in columns.items()
    ]
    fields[1] |= {"isArray": True, "arrayShape": "-1", "references": {"field": {"@id": "recordings/record_id"}}}
    return {
        "@type": "cr:RecordSet",
        "@id": "findings",
        "name": "findings",
        "description": "what the user of the recordings should know of them, as it was found by their import",
        "field": fields,
        "data": [
            {"findings/kind": one.kind, "findings/records": list(one.records), "findings/text": one.text}
            for one in findings
        ],
    }


def _field(name: str) -> dict[str, Any]:
    kind, description = _COLUMNS[name]
    return {
        "@type": "cr:Field",
        "@id": f"recordings/{name}",
        "name": name,
        "description": description,
        "dataType": kind,
    }


def _record(info: RecordingInfo) -> dict[str, Any]:
    values = {field.name: getattr(info, field.name) for field in fields(info)}
    if info.geometry is not None:
        values["geometry"] = ", ".join(f"{name}={value:g}" for name, value in info.geometry.items())
    values["origins"] = json.dumps(dict(info.origins), ensure_ascii=False) if info.origins else None
    values["channels"] = "; ".join(
        ", ".join(filter(None, (channel.sensor, channel.axis, channel.unit, _offset(channel))))
        for channel in info.channels
    )
    return {f"recordings/{name}": values[name] for name in _COLUMNS}


def _offset(channel: ChannelInfo) -> str | None:
    return None if channel.offset is None else f"offset {channel.offset:g}"

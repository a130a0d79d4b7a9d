"""Asking a worker how it is, over HTTP, as Prometheus and Kubernetes do."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

PATIENCE = 30.0


class Scrape:
    """What a worker served at `/metrics`."""

    def __init__(self, address: str) -> None:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=PATIENCE) as response:
            self.kind = response.headers["Content-Type"]
            self.text = response.read().decode()
        self.families = {family.name: family for family in text_string_to_metric_families(self.text)}

    def values(self, name: str, **labels: str) -> dict[tuple[str, ...], float]:
        """The values of a series by the labels that are not given, in the order of their names."""
        found = {}
        for family in self.families.values():
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    rest = tuple(sample.labels[label] for label in sorted(sample.labels) if label not in labels)
                    found[rest] = sample.value
        return found

    def value(self, name: str, **labels: str) -> float:
        """The sum over all series that have these labels; 0 where there is none."""
        return sum(self.values(name, **labels).values())


def health(address: str, path: str = "/health") -> tuple[int, dict[str, Any]]:
    """Status and report."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=PATIENCE) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())

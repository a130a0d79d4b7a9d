"""What `docs/how-to/watch-workers.md` says is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pfd import Dispatcher, load_settings
from pfd_contract import until
from pfd_plugin_observability import METRICS
from tests.support.collector import collecting
from tests.support.scrape import Scrape, health
from tests.support.workspace import ROOT

PATIENCE = 90.0


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "how-to" / "watch-workers.md").read_text(encoding="utf-8")


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page, flags=re.DOTALL)


def test_every_metric_that_it_names_is_there(page: str) -> None:
    there = {metric.name for metric in METRICS}
    there |= {f"{m.name}_{part}" for m in METRICS if m.kind == "histogram" for part in ("bucket", "count", "sum")}
    named = set(re.findall(r"\bpfd_[a-z_]+\b", page))
    assert len(named) > 5
    assert named <= there


def test_its_labels_are_those_of_the_metrics(page: str) -> None:
    labels = {label for metric in METRICS for label in metric.labels} | {"le", "instance"}
    used = {word for group in re.findall(r"by \(([\w, ]+)\)", page) for word in group.split(", ")}
    assert used <= labels


def test_its_files_are_yaml_and_its_paths_are_served(page: str, tmp_path: Path) -> None:
    pods, scrape, rules = (yaml.safe_load(block) for block in blocks(page, "yaml"))
    alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    assert len(set(alerts)) == len(alerts) > 4
    assert [config["job_name"] for config in scrape["scrape_configs"]] == ["pfd", "pfd-many"]
    [container] = pods["containers"]
    given = {item["name"]: item["value"] for item in container["env"]}
    found = load_settings(environ={**given, "PFD_HOME": str(tmp_path)}).values.metrics_address
    assert found is not None
    assert list(found[1]) == [port["containerPort"] for port in container["ports"]]
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"


@pytest.mark.slow("a worker and a program that trace their job")
def test_its_worker_is_watched_and_its_program_traced_from_submission_to_result(page: str, tmp_path: Path) -> None:
    variables = dict(re.findall(r"^    export (\w+)=(\S+)$", page, flags=re.MULTILINE))
    assert set(variables) == {"PFD_OTEL", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_ENDPOINT"}
    [example] = blocks(page, "python")
    with collecting() as collector:
        environment = os.environ | variables | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        environment |= {"PFD_HOME": str(tmp_path / "home"), "OTEL_BSP_SCHEDULE_DELAY": "100"}
        command = [str(Path(sys.executable).with_name("pfd")), "worker"]
        watched = {"PFD_METRICS": "127.0.0.1:0", "OTEL_SERVICE_NAME": "pfd-worker"}
        worker = subprocess.Popen(command, env=environment | watched)
        try:
            printed = subprocess.check_output([sys.executable, "-c", example], env=environment, text=True)
            assert "dataset_id" in printed
            until(lambda: collector.named("run generate_dataset_task"), "the run is told of", PATIENCE)
            with Dispatcher(load_settings({"home": tmp_path / "home"}).values) as dispatcher:
                [info] = dispatcher.workers()
            assert info.metrics is not None
            assert health(info.metrics)[0] == 200
            assert Scrape(info.metrics).value("pfd_jobs_ended_total", task="generate_dataset_task") == 1
        finally:
            worker.terminate()
            worker.wait(PATIENCE)
    [nightly], [submit], [run] = map(
        collector.named, ("nightly", "submit generate_dataset_task", "run generate_dataset_task")
    )
    assert [submit.parent, run.parent] == [nightly.id, submit.id]
    assert run.service == "pfd-worker"

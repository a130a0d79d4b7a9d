"""The distributions of the workspace belong together and are each complete."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml

from tests.support.sizes import check, on_disk
from tests.support.workspace import ROOT, Distribution, distributions, plugins, runtimes

ALL = distributions()
WITH_CODE = [found for found in ALL if found.package]


def _names(found: list[Distribution]) -> list[str]:
    return [item.name for item in found]


def test_all_distributions_share_one_version() -> None:
    import pfd

    versions = {found.name: found.version for found in ALL}
    assert set(versions.values()) == {pfd.__version__}, versions


@pytest.mark.parametrize("found", ALL, ids=_names(ALL))
def test_a_distribution_asks_for_its_siblings_at_its_own_version(found: Distribution) -> None:
    siblings = set(_names(ALL))
    asked = [*found.project.get("dependencies", ())]
    for extra in found.project.get("optional-dependencies", {}).values():
        asked += extra
    for requirement in asked:
        name = re.split(r"[\[=<>~! ;]", requirement, maxsplit=1)[0]
        if name in siblings or name.startswith("pfd"):
            assert requirement.endswith(f"=={found.version}"), requirement


def test_the_meta_distribution_brings_every_plugin() -> None:
    meta = ALL[0]
    asked = {requirement.partition("==")[0] for requirement in meta.project["dependencies"]}
    assert asked == {"pfd-core", *_names(plugins())}


def test_nobody_is_told_to_install_what_is_another_projects() -> None:
    # On the package index the name `pfd` alone is not ours.
    wrong = re.compile(r"""['"]pfd\[\w|(?:pipx?|tool) install (?:-\S+ )*['"]?pfd(?=['"\s\[`;,)=]|\.\s|$)""")
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(names) > 100
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in names
        if (ROOT / name).is_file() and Path(name).suffix not in (".png", ".svg") and ROOT / name != Path(__file__)
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if wrong.search(line)
    ]
    assert found == []
    assert "pfd" not in _names(ALL)


def test_nothing_but_pytorch_is_asked_for_at_the_index_of_pytorch() -> None:
    places = [ROOT / "Makefile", ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*")]
    named = 0
    for path in (path for path in places if path.is_file()):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        assert "extra-index-url" not in text, path
        for line in text.splitlines():
            if "--index-url" in line:
                named += 1
                assert "--no-deps" in line, f"{path}: what it depends on comes from PyPI"
                asked = line.partition("--index-url")[2].partition("&&")[0] + line.partition("--index-url")[0]
                assert re.search(r"\btorch\b", asked), f"{path}: {line}"
    assert named >= 3


@pytest.mark.parametrize("found", WITH_CODE, ids=_names(WITH_CODE))
def test_a_distribution_is_complete(found: Distribution) -> None:
    assert found.package
    package = found.folder / "src" / found.package
    assert (package / "py.typed").is_file()
    assert (found.folder / found.project["readme"]).is_file()
    assert found.project["requires-python"] == ">=3.11"
    assert any((found.folder / "tests").glob("test_*.py"))


@pytest.mark.parametrize("found", plugins(), ids=_names(plugins()))
def test_a_plugin_is_named_after_its_domain(found: Distribution) -> None:
    domain = found.folder.name
    assert found.name == f"pfd-plugin-{domain.replace('_', '-')}"
    assert found.package == f"pfd_plugin_{domain}"
    assert found.project["entry-points"]["pfd.plugins"] == {domain: f"pfd_plugin_{domain}.plugin"}


@pytest.mark.parametrize("found", runtimes(), ids=_names(runtimes()))
def test_a_runtime_is_named_after_what_it_runs_on(found: Distribution) -> None:
    name = found.folder.name
    assert (found.name, found.package) == (f"pfd-runtime-{name}", f"pfd_runtime_{name}")
    assert found.project["entry-points"]["pfd.runtimes"] == {name: f"{found.package}:{name.title()}Runtime"}


def test_wheels_hold_their_package_whole_and_nothing_else(wheels: Path) -> None:
    for found in ALL:
        [wheel] = wheels.glob(f"{found.name.replace('-', '_')}-{found.version}-*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        inside = {name for name in names if ".dist-info/" not in name}
        expected = set()
        if found.package:
            source = found.folder / "src"
            tracked = (path for path in (source / found.package).rglob("*") if path.is_file())
            expected = {path.relative_to(source).as_posix() for path in tracked if "__pycache__" not in path.parts}
        assert inside == expected, found.name
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        parsed = Parser().parsestr(zipfile.ZipFile(wheel).read(metadata).decode())
        assert parsed["Summary"]
        assert len(parsed.get_payload()) > 100, f"{found.name}: the README is missing"


def test_every_dependency_has_a_known_good_version() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {_canonical(line.partition("==")[0]) for line in lines if line and not line.startswith("#")}
    for found in ALL:
        asked = [*found.project.get("dependencies", ())]
        for extra in found.project.get("optional-dependencies", {}).values():
            asked += extra
        for requirement in asked:
            name = _canonical(re.split(r"[\[=<>~! ;]", requirement, maxsplit=1)[0])
            assert name.startswith("pfd") or name in pinned, f"{found.name} asks for {requirement}"


def test_constraints_are_exact_sorted_and_free_of_local_builds() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins == sorted(pins)
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin)] == []


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


URLS = {"Homepage", "Documentation", "Changelog", "Issues"}


@pytest.mark.parametrize("found", ALL, ids=_names(ALL))
def test_a_distribution_names_where_it_comes_from_as_all_do(found: Distribution) -> None:
    assert set(found.project.get("urls", {})) == URLS
    assert found.project["urls"] == ALL[0].project["urls"]


def test_the_citation_is_of_this_version_and_its_address_that_of_the_project() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == ALL[0].version
    assert citation["repository-code"] == ALL[0].project["urls"]["Homepage"]
    assert citation["cff-version"] == "1.2.0"
    assert all(author.get("name") or author.get("family-names") for author in citation["authors"])


def test_the_readme_says_how_large_the_environment_is() -> None:
    environment = ROOT / ".venv"
    if Path(sys.prefix).resolve() != environment.resolve():
        pytest.skip("the tests run in another environment than .venv: 'make test' makes one")
    if "+cpu" not in importlib.metadata.version("torch"):
        pytest.skip("PyTorch is not a CPU build: 'make TORCH=cpu' takes one")
    check("all that the checks need takes", on_disk(environment))

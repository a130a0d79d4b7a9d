"""What others than the core print goes through `pfd.console`, which lets no foreign text steer a terminal."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import ROOT, distributions

FILES = [
    path
    for found in distributions()
    for path in sorted((found.folder / "src").rglob("*.py"))
    if found.package not in (None, "pfd", "pfd_contract")
]
"""Not the tasks of the contract, which print into the logs of their jobs on purpose."""

_BY_CLICK = {"echo", "secho", "echo_via_pager", "progressbar"}


def _printing(path: Path) -> Iterator[str]:
    """What of a module prints by itself: rich, click, `print`, and writes to standard streams."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.partition(".")[0] in ("rich", "tqdm"))
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").partition(".")[0] in ("rich", "tqdm"):
                yield str(node.module)
            elif node.module == "click":
                yield from (name.name for name in node.names if name.name in _BY_CLICK)
        elif isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if name in {f"click.{one}" for one in _BY_CLICK} or name in ("sys.stdout.write", "sys.stderr.write"):
                yield name
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield "print"


def test_there_are_modules_to_look_at() -> None:
    assert len(FILES) > 150
    assert ROOT / "plugins/data/src/pfd_plugin_data/cli/verify.py" in FILES


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f():\n    from rich.table import Table", ["rich.table"]),
        ("import tqdm", ["tqdm"]),
        ("click.echo('x')", ["click.echo"]),
        ("from click import secho, group", ["secho"]),
        ("with click.progressbar(x): pass", ["click.progressbar"]),
        ("print('x')", ["print"]),
        ("sys.stdout.write('x')", ["sys.stdout.write"]),
        ("from pfd.console import echo\necho('print')", []),
    ],
)
def test_what_prints_is_noticed(tmp_path: Path, code: str, found: list[str]) -> None:
    (tmp_path / "module.py").write_text(code, encoding="utf-8")
    assert list(_printing(tmp_path / "module.py")) == found


def test_nothing_but_the_core_prints_by_itself() -> None:
    found = {str(path.relative_to(ROOT)): printing for path in FILES if (printing := list(_printing(path)))}
    assert found == {}

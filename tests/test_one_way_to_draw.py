"""Pictures are drawn, saved and coloured in one place each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import ROOT, distributions

PALETTE = "core/src/pfd/views/palette.py"

NO_PICTURE = "core/src/pfd/client/display.py"
"""A table of jobs in a notebook, which has a colour for each state."""

FILES = [
    path
    for found in distributions()
    for path in sorted((found.folder / "src").rglob("*.py"))
    if found.package not in (None, "pfd_plots")
] + [path for folder in ("benchmarks", "docs", "examples", "tools") for path in sorted((ROOT / folder).rglob("*.py"))]

_WORD = re.compile(r"\b(?:savefig|matplotlib|pyplot|rcParams|PALETTE)\b")
"""Names that nothing but what draws has a use for."""

_COLOUR = re.compile(r"#(?:[0-9a-f]{3}){1,2}\b", re.IGNORECASE)


def _drawing(path: Path) -> Iterator[str]:
    """What of a module draws: imports of matplotlib, calls that save a figure, colours."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.partition(".")[0] == "matplotlib")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "matplotlib":
            yield str(node.module)
        elif isinstance(node, ast.Attribute) and _WORD.fullmatch(node.attr):
            yield node.attr
        elif isinstance(node, ast.Name) and _WORD.fullmatch(node.id):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _COLOUR.fullmatch(node.value):
            yield node.value


def test_there_are_modules_to_look_at() -> None:
    assert len(FILES) > 200
    assert ROOT / PALETTE in FILES


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from matplotlib.figure import Figure", ["matplotlib.figure"]),
        ("def f():\n    import matplotlib.pyplot as plt", ["matplotlib.pyplot"]),
        ("figure.savefig('x.png')", ["savefig"]),
        ("INK = '#1b1f24'", ["#1b1f24"]),
        ("PALETTE = load()", ["PALETTE"]),
        ("plt.rcParams.update(given)", ["rcParams"]),
        ("ISSUE = 'see #123 of the list'", []),
    ],
)
def test_what_draws_is_noticed(tmp_path: Path, code: str, found: list[str]) -> None:
    (tmp_path / "module.py").write_text(code, encoding="utf-8")
    assert list(_drawing(tmp_path / "module.py")) == found


def test_nothing_but_pfd_plots_draws_and_nothing_but_the_palette_has_colours() -> None:
    found = {path.relative_to(ROOT).as_posix(): list(_drawing(path)) for path in FILES}
    colours = found.pop(PALETTE)
    assert all(_COLOUR.fullmatch(drawn) for drawn in found.pop(NO_PICTURE))
    assert {path: drawn for path, drawn in found.items() if drawn} == {}
    assert len(colours) > 20

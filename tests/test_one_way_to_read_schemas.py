"""JSON schemas of models are made and read in one place, `pfd.schema`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import ROOT, distributions

READER = ROOT / "core/src/pfd/schema"

FILES = [path for found in distributions() if found.package for path in sorted((found.folder / "src").rglob("*.py"))]

WORDS = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "prefixItems", "additionalProperties"}


def _reading(path: Path) -> Iterator[str]:
    """What of a module makes a JSON schema, or reads one: words of it, as a text of their own or at its beginning."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in ("model_json_schema", "models_json_schema"):
            yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module == "pydantic.json_schema":
            yield str(node.module)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (word for word in WORDS if node.value == word or node.value.startswith(f"#/{word}/"))


def test_there_are_modules_to_look_at() -> None:
    assert len(FILES) > 200
    assert len([path for path in FILES if path.is_relative_to(READER)]) > 10


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("schema = Model.model_json_schema()", ["model_json_schema"]),
        ("schema['anyOf'].insert(1, {})", ["anyOf"]),
        ("shape = schema.get('oneOf') or [schema]", ["oneOf"]),
        ("name = schema.get('$ref', '#/$defs/X')", ["$ref", "$defs"]),
        ("TEXT = 'any of $defs'", []),
    ],
)
def test_what_reads_a_schema_is_noticed(tmp_path: Path, code: str, found: list[str]) -> None:
    (tmp_path / "module.py").write_text(code, encoding="utf-8")
    noticed = [word for word in _reading(tmp_path / "module.py") if word != "#/$defs/X"]
    assert sorted(noticed) == sorted(found)


def test_nothing_but_the_reader_makes_or_reads_a_schema() -> None:
    others = [path for path in FILES if not path.is_relative_to(READER)]
    found = {path.relative_to(ROOT).as_posix(): list(_reading(path)) for path in others}
    assert {path: words for path, words in found.items() if words} == {}
    assert any(_reading(READER / "document.py"))

"""Where a declaration is written: the line that holds the text which is declared."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def written(module: Any, folder: Path | None, call: str, *texts: str) -> str:
    """`file:line` of the declaration in which one of some texts stands, in the manifest or a module of its folder.

    Parameters
    ----------
    call : what is called to declare it.
    texts : what stands in it; a later one is looked for where an earlier one is put together from parts, and none of
        them needs to stand in such a call.  The manifest's file alone where none is found.
    """
    trees = {file: tree for file in dict.fromkeys(_files(module, folder)) if (tree := _parsed(file))}
    for name in (call, ""):
        for text in texts:
            for file, tree in trees.items():
                if line := _line(tree, name, text):
                    return f"{file}:{line}"
    return str(next(iter(trees), getattr(module, "__file__", None) or ""))


def _files(module: Any, folder: Path | None) -> Iterator[Path]:
    for one in (module, *tuple(sys.modules.values())):
        file = getattr(one, "__file__", None)
        if isinstance(file, str) and (one is module or (folder is not None and Path(file).is_relative_to(folder))):
            yield Path(file)


def _parsed(file: Path) -> ast.Module | None:
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # as an extension module, which is not a text
        return None


def _line(tree: ast.AST, call: str, text: str) -> int | None:
    """The first line of a call of that name in which a text stands; or, without a name, of the text itself."""
    if not call:
        found = (node.lineno for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value == text)
        return min(found, default=None)
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(call))
    return min((node.lineno for node in calls if _line(node, "", text)), default=None)

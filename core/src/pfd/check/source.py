"""Where a declaration is written: the line that holds the text which is declared."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def written(module: Any, folder: Path | None, *texts: str) -> str:
    """`file:line` of the first of some texts that stands in the manifest or in another loaded module of its folder.

    The later texts are for where the first is put together from parts.  The manifest's file alone where none is found.
    """
    files = list(dict.fromkeys(_files(module, folder)))
    for text in texts:
        for file in files:
            if line := _line(file, text):
                return f"{file}:{line}"
    return str(files[0]) if files else ""


def _files(module: Any, folder: Path | None) -> Iterator[Path]:
    for one in (module, *tuple(sys.modules.values())):
        file = getattr(one, "__file__", None)
        if isinstance(file, str) and (one is module or (folder is not None and Path(file).is_relative_to(folder))):
            yield Path(file)


def _line(file: Path, text: str) -> int | None:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # as an extension module, which is no text
        return None
    found = (node.lineno for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value == text)
    return min(found, default=None)

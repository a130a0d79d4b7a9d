"""Figures of how the code is built, measured the same way each time: `python -m tools.house`.

What they are for: the core is to stay small, a client is to load little of it, and no module is to need, by whatever
way, one that needs it.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
SOURCES = ("core/src/pfd", "contract/src/pfd_contract", "plots/src/pfd_plots", "runtimes/*/src/*", "plugins/*/src/*")
PACKAGES = sorted(path.name for kind in SOURCES for path in ROOT.glob(kind) if (path / "__init__.py").exists())


MANY_PARAMETERS = 6
EQUAL_LINES = 6


def main() -> None:
    """Print all figures, one a line."""
    core, contract, plots, runtimes, plugins = (list(_files(kind)) for kind in SOURCES)
    loaded = client_modules()
    print(f"lines of the core                     {lines(core):>7,}  in {len(core)} files")
    print(f"lines of the contract                 {lines(contract):>7,}  in {len(contract)} files")
    print(f"lines of what draws                   {lines(plots):>7,}  in {len(plots)} files")
    print(f"lines of the runtimes                 {lines(runtimes):>7,}  in {len(runtimes)} files")
    print(f"lines of the plugins                  {lines(plugins):>7,}  in {len(plugins)} files")
    print(f"modules that a client loads           {len(loaded):>7,}  (from pfd import Dispatcher)")
    print(f"                                      {len(client_modules('Dispatcher()')):>7,}  once it makes one")
    print(f"circles of imports                    {len(circles()):>7,}  of any kind")
    print(f"signatures of more than {MANY_PARAMETERS} parameters  {sum(map(wide_signatures, core)):>7,}  in the core")
    print(f"                                      {sum(map(wide_signatures, plugins)):>7,}  in the plugins")
    print(f"runs of {EQUAL_LINES} and more equal lines       {equal_runs(core):>7,}  in the core")
    print(f"                                      {equal_runs(plugins):>7,}  in the plugins")
    print(f"public names of pfd                   {len(public_names()):>7,}")


def _files(pattern: str) -> Iterator[Path]:
    for folder in sorted(ROOT.glob(pattern)):
        yield from sorted(path for path in folder.rglob("*.py") if "template" not in path.parts)


def lines(files: Iterable[Path]) -> int:
    """All lines: of code, of comments, and empty ones."""
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)


def client_modules(then: str = "pass") -> list[str]:
    """The modules of the core that a fresh interpreter has loaded for `from pfd import Dispatcher`, and `then`."""
    code = f"import json, sys; from pfd import Dispatcher; {then}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return sorted(name for name in json.loads(done.stdout) if name.partition(".")[0] == "pfd")


def inner_imports(path: str) -> set[str]:
    """The modules of the core that functions of a file import."""
    found: set[str] = set()
    for function in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom) and node.module:
                    found |= {_module(node.module, alias.name) for alias in node.names}
    return {name for name in found if name.partition(".")[0] == "pfd"}


def _module(parent: str, name: str) -> str:
    """What `from parent import name` loads: a module of that name, or the parent alone."""
    inner = ROOT / "core" / "src" / Path(*parent.split("."), f"{name}.py")
    return f"{parent}.{name}" if inner.exists() else parent


def circles() -> list[list[str]]:
    """Groups of modules that need each other: at import, on first use, or in annotations alone."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    return groups({name: graph.find_modules_directly_imported_by(name) for name in graph.modules})


def groups(needs: Mapping[str, set[str]]) -> list[list[str]]:
    """Those of the names that reach each other by what they need."""
    reached = {name: _reached(name, needs) for name in needs}
    found = {tuple(sorted(other for other in reached[name] if name in reached[other])) for name in needs}
    return sorted(list(group) for group in found if group)


def _reached(start: str, needs: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in needs[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return found


def wide_signatures(path: Path) -> int:
    """How many functions of a file take more than `MANY_PARAMETERS` arguments, without `self` and `cls`."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return sum(
        isinstance(node, kinds) and _parameters(node.args) > MANY_PARAMETERS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def _parameters(arguments: ast.arguments) -> int:
    named = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return sum(name not in ("self", "cls") for name in named)


def equal_runs(files: Iterable[Path]) -> int:
    """How many runs of at least `EQUAL_LINES` lines of code stand in more than one place.

    Lines are compared without their indentation; empty ones, comments and imports count for nothing.
    """
    texts = [list(_code(path)) for path in files]
    places: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for number, text in enumerate(texts):
        for start in range(len(text) - EQUAL_LINES + 1):
            places[tuple(text[start : start + EQUAL_LINES])].append((number, start))
    twice = {place for found in places.values() if len(found) > 1 for place in found[1:]}
    return sum((number, start - 1) not in twice for number, start in twice)  # the beginnings of runs


def _code(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if len(text) > 1 and not text.startswith(("#", "import ", "from ", '"""')):
            yield text


def public_names() -> list[str]:
    """What `pfd` says that it offers."""
    import pfd

    return list(pfd.__all__)


if __name__ == "__main__":
    main()

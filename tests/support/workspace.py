"""What this workspace holds: its distributions, read from their `pyproject.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pfd import load_settings
from pfd.plugins import Registry, load_registry

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Distribution:
    """One distribution.  `package` is None for the meta-distribution, which holds no code."""

    folder: Path
    project: dict[str, Any]
    package: str | None

    @property
    def name(self) -> str:
        return str(self.project["name"])

    @property
    def version(self) -> str:
        return str(self.project["version"])

    @property
    def plugin(self) -> str | None:
        """The name of its entry point among the plugins."""
        entries = self.project.get("entry-points", {}).get("pfd.plugins", {})
        return next(iter(entries), None)


def distributions() -> list[Distribution]:
    """All distributions: the meta-distribution, the core, contract and plots, then runtimes and plugins by name."""
    found = [path.parent for kind in ("runtimes", "plugins") for path in sorted(ROOT.glob(f"{kind}/*/pyproject.toml"))]
    return [_read(folder) for folder in (ROOT, ROOT / "core", ROOT / "contract", ROOT / "plots", *found)]


def runtimes() -> list[Distribution]:
    return [found for found in distributions() if found.folder.parent.name == "runtimes"]


def plugins() -> list[Distribution]:
    return [found for found in distributions() if found.folder.parent.name == "plugins"]


def workspace_registry() -> Registry:
    """The plugins of this workspace and nothing else that happens to be installed."""
    names = tuple(str(found.plugin) for found in plugins())
    return load_registry(load_settings({"plugins": names}).values)


def _read(folder: Path) -> Distribution:
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = [path.parent.name for path in sorted(folder.glob("src/*/__init__.py"))]
    return Distribution(folder, project, packages[0] if packages else None)

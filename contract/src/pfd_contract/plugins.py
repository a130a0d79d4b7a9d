"""A folder with the metadata of plugins in it, as a folder of installed packages would have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CONTRACT = {"contract": "pfd_contract.plugin.plugin"}


def write_plugins(folder: Path, plugins: Mapping[str, str], version: str = "1.0") -> None:
    """Make plugins known, by name and manifest module, to whoever has `folder` on its path."""
    for name, module in plugins.items():
        for old in folder.glob(f"pfd_plugin_{name}-*.dist-info/*"):
            old.unlink()
        for old in folder.glob(f"pfd_plugin_{name}-*.dist-info"):
            old.rmdir()
        info = folder / f"pfd_plugin_{name}-{version}.dist-info"
        info.mkdir(parents=True)
        metadata = f"Metadata-Version: 2.1\nName: pfd-plugin-{name}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[pfd.plugins]\n{name} = {module}\n", encoding="utf-8")

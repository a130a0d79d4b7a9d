"""The settings of this plugin: `[data]` in `pfd.toml`, `PFD_DATA_…` in the environment."""

from __future__ import annotations

from pydantic import Field

from pfd import PluginSettings


class DataSettings(PluginSettings, table="data"):
    """What whoever runs workers decides about datasets."""

    keep_free_bytes: int = Field(
        0, ge=0, description="bytes that a dataset which is generated has to leave free on the disk of PFD_HOME"
    )

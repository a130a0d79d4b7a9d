"""What is set once for all spectra."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from pfd import PluginSettings


class GearboxSettings(PluginSettings, table="gearbox"):
    """Below `[gearbox]` in `pfd.toml`, or as `PFD_GEARBOX_SIDEBANDS` and so on."""

    sidebands: int = Field(2, ge=1, le=5, description="pairs of sidebands that are looked at around each mesh")
    limit: float = Field(0.25, gt=0, le=10, description="sideband ratio above which a gear is suspect")
    alarms: Path | None = Field(None, description="file that gets a line for each suspect gear")

"""Foreign texts in pictures under their earlier names: what draws them is `pfd_plots`, and so is what guards them."""

from __future__ import annotations

from pfd.lazy import warn_renamed


def plain_text(text: object, most: int = 60) -> str:
    """The earlier name of `pfd_plots.plain_text`."""
    from pfd_plots import plain_text as present

    warn_renamed("pfd_plugin_data.plain_text", "pfd_plots.plain_text")
    return present(text, most)


def plain_lines(text: object, width: int, most: int = 12) -> list[str]:
    """The earlier name of `pfd_plots.plain_lines`."""
    from pfd_plots import plain_lines as present

    warn_renamed("pfd_plugin_data.plain_lines", "pfd_plots.plain_lines")
    return present(text, width, most)

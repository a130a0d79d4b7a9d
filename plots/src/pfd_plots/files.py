"""Figures as bytes and as files."""

from __future__ import annotations

import io
from pathlib import Path
from xml.sax.saxutils import quoteattr

from pfd import DataError, replacing
from pfd.views import Figure, Theme
from pfd_plots.drawing import draw
from pfd_plots.style import plain_style

DPI = 130

FORMATS = (".png", ".svg", ".json")


def png(figure: Figure, theme: Theme = "light", dpi: float = DPI, *, width: float | None = None) -> bytes:
    """The figure as PNG, with its alternative text inside; the same figure gives the same bytes.

    `width` in inches is as wide as the panels need by default.
    """
    about = {"Software": None, "Title": figure.title, "Description": figure.alt}
    with plain_style():
        written = io.BytesIO()
        draw(figure, theme, width=width).savefig(written, format="png", dpi=dpi, metadata=about)
    return written.getvalue()


def svg(figure: Figure, theme: Theme = "light", *, width: float | None = None) -> bytes:
    """The figure as SVG, its texts as text, an image with its alternative text; the same bytes each time."""
    about = {"Date": None, "Creator": None, "Title": figure.title, "Description": figure.alt}
    with plain_style():
        written = io.BytesIO()
        draw(figure, theme, width=width).savefig(written, format="svg", metadata=about)
    spoken = f'<svg role="img" aria-label={quoteattr(figure.alt)} '
    return written.getvalue().replace(b"<svg ", spoken.encode(), 1)


def save(figure: Figure, *paths: Path, theme: Theme = "light") -> None:
    """Write a figure into each of these files, whole or not at all, as PNG, SVG or JSON, as its name says.

    Raises
    ------
    DataError : a name ends otherwise; nothing is written then.
    """
    for path in paths:
        if path.suffix.lower() not in FORMATS:
            raise DataError(f"{path.name!r} names no format", hint=f"end it with {' or '.join(FORMATS)}")
    for path in paths:
        kind = path.suffix.lower()
        if kind == ".json":
            written = figure.decimated().model_dump_json().encode()
        else:
            written = png(figure, theme) if kind == ".png" else svg(figure, theme)
        with replacing(path) as temporary:
            temporary.write_bytes(written)

"""Figures as bytes and as files."""

from __future__ import annotations

import io
from pathlib import Path
from xml.sax.saxutils import quoteattr

from matplotlib.figure import Figure as Picture

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
    return _png(draw(figure, theme, width=width), figure, dpi)


def svg(figure: Figure, theme: Theme = "light", *, width: float | None = None) -> bytes:
    """The figure as SVG, its texts as text, an image with its alternative text; the same bytes each time."""
    return _svg(draw(figure, theme, width=width), figure)


def save(figure: Figure, *paths: Path, theme: Theme = "light") -> None:
    """Write a figure into each of these files, whole or not at all, as PNG, SVG or JSON, as its name says.

    Raises
    ------
    DataError : a name ends otherwise; nothing is written then.
    """
    kinds = [path.suffix.lower() for path in paths]
    for path, kind in zip(paths, kinds, strict=True):
        if kind not in FORMATS:
            raise DataError(f"{path.name!r} names no format", hint=f"end it with {' or '.join(FORMATS)}")
    kept = figure.decimated()
    picture = draw(kept, theme) if {".png", ".svg"} & set(kinds) else None
    whole = [_of_kind(kind, kept, picture) for kind in kinds]  # before any is written, so that none stands alone
    for path, data in zip(paths, whole, strict=True):
        with replacing(path) as temporary:
            temporary.write_bytes(data)


def _of_kind(kind: str, figure: Figure, picture: Picture | None) -> bytes:
    if picture is None or kind == ".json":
        return figure.model_dump_json().encode()
    return _png(picture, figure, DPI) if kind == ".png" else _svg(picture, figure)


def _png(picture: Picture, figure: Figure, dpi: float) -> bytes:
    about = {"Software": None, "Title": figure.title, "Description": figure.alt}
    written = io.BytesIO()
    with plain_style():
        picture.savefig(written, format="png", dpi=dpi, metadata=about)
    return written.getvalue()


def _svg(picture: Picture, figure: Figure) -> bytes:
    about = {"Date": None, "Creator": None, "Title": figure.title, "Description": figure.alt}
    written = io.BytesIO()
    with plain_style():
        picture.savefig(written, format="svg", metadata=about)
    spoken = f'<svg role="img" aria-label={quoteattr(figure.alt)} '
    return written.getvalue().replace(b"<svg ", spoken.encode(), 1)

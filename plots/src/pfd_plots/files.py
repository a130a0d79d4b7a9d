"""Figures as bytes and as files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from matplotlib.figure import Figure as Picture

from pfd import DataError, replacing
from pfd.views import Figure, Theme
from pfd_plots.drawing import draw
from pfd_plots.recolouring import is_recoloured, recoloured
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


def svgs(figure: Figure, themes: Sequence[Theme], *, width: float | None = None) -> tuple[bytes, ...]:
    """The figure as SVG in each of these themes, as `svg` gives it; drawn once where colours are all that differs."""
    first, *others = themes
    plain = _drawn_svg(draw(figure, first, width=width), figure)
    recolours = is_recoloured(figure, first)
    pictures = [
        recoloured(plain, first, theme) if recolours else _drawn_svg(draw(figure, theme, width=width), figure)
        for theme in others
    ]
    return tuple(_spoken(picture, figure) for picture in (plain, *pictures))


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
    return _spoken(_drawn_svg(picture, figure), figure)


def _drawn_svg(picture: Picture, figure: Figure) -> str:
    about = {"Date": None, "Creator": None, "Title": figure.title, "Description": figure.alt}
    written = io.StringIO()
    with plain_style():
        picture.savefig(written, format="svg", metadata=about)
    return written.getvalue()


def _spoken(svg: str, figure: Figure) -> bytes:
    """With the alternative text, for who hears it."""
    return svg.replace("<svg ", f'<svg role="img" aria-label={quoteattr(figure.alt)} ', 1).encode()

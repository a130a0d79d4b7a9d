"""A figure as Plotly's own JSON: a plain dict for `plotly.graph_objects.Figure(…)` or plotly.js; no plotly is needed.

Texts of a figure are texts: Plotly would read `<b>` or `<a href=…>` in a label as markup, so they are escaped.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from typing import Any

from pfd.views.figure import Axis, Figure, Panel, role_numbers
from pfd.views.marks import Band, Bars, Curve, Diagonal, Mark, Matrix, Note, Points, Rule
from pfd.views.palette import PALETTES, STROKES, Palette, Theme
from pfd.views.plotly_grid import EDGE, LINE, Grid, Place, under

_DASHES = {"solid": "solid", "dashed": "dash", "dotted": "dot"}
_CORNERS = {
    "upper left": (0.02, 0.98, "left", "top"),
    "upper right": (0.98, 0.98, "right", "top"),
    "lower left": (0.02, 0.02, "left", "bottom"),
    "lower right": (0.98, 0.02, "right", "bottom"),
}


def to_plotly(figure: Figure, theme: Theme = "light", width: int | None = None) -> dict[str, Any]:
    """The figure as `{"data": [...], "layout": {...}}`, of values that JSON holds.

    It fills the width that it is given; where that is known beforehand, `width` in pixels, texts are broken to fit, and
    panels that would be too narrow stand below each other.  The height is that of its texts and panels.
    """
    return _Drawing(figure, PALETTES[theme], width).drawn()


class _Drawing:
    def __init__(self, figure: Figure, palette: Palette, width: int | None) -> None:
        self._figure = figure
        self._palette = palette
        self._grid = Grid(figure, width)
        self._columns = self._grid.columns
        self._data: list[dict[str, Any]] = []
        self._shapes: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._axes: dict[str, Any] = {}

    def drawn(self) -> dict[str, Any]:
        for number, (panel, place) in enumerate(zip(self._figure.panels, self._grid.places, strict=True), start=1):
            self._panel(number, panel, place)
        return {"data": self._data, "layout": self._layout()}

    def _layout(self) -> dict[str, Any]:
        figure, palette, grid = self._figure, self._palette, self._grid
        title = grid.wrapped([figure.title], letter=9.0)
        split = figure.provenance
        leaky = split is not None and split.leaky
        strip = grid.wrapped([f"LEAKY SPLIT: {split.text}"], letter=7.0) if split is not None and leaky else []
        cautions = grid.wrapped([f"CAUTION: {text}" for text in figure.cautions], letter=6.5)
        below = [*([split.text] if split is not None and not leaky else []), *figure.notes]
        notes = grid.wrapped(below)
        at = 6 + LINE * len(cautions)
        left = EDGE - grid.margin_left  # from the edge of the picture, and not from that of the first panel
        self._text(cautions, y=1, yanchor="bottom", xshift=left, yshift=4, color=palette.warning, bold=True)
        style: dict[str, Any] = {"bgcolor": palette.warning, "borderpad": 3, "xshift": left}
        self._text(strip, y=1, yanchor="bottom", yshift=at, color=palette.paper, bold=True, **style)
        self._text(notes, y=0, yanchor="top", xshift=left, yshift=-6, color=palette.muted)
        top = at + (LINE * len(strip) + 10 if strip else 0) + 24 * len(title) + 14
        bottom = 16 + LINE * len(notes)
        return {
            "title": {
                "text": "<br>".join(f"<b>{_safe(line)}</b>" for line in title),
                "x": 0,
                "xref": "container",
                "xanchor": "left",
                "y": 1,
                "yref": "container",
                "yanchor": "top",
                "pad": {"t": 12, "l": EDGE},
                "font": {"size": 16},
            },
            "paper_bgcolor": palette.paper,
            "plot_bgcolor": palette.paper,
            "font": {"color": palette.ink},
            "margin": {"l": grid.margin_left, "r": grid.margin_right, "t": top, "b": bottom},
            "height": top + grid.plot_height + bottom,
            "barmode": "overlay",
            # Beside the plot: above it, it would lie on the title of a narrow one.
            "modebar": {"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": palette.muted},
            "shapes": self._shapes,
            "annotations": self._annotations,
            "meta": {
                "alt": figure.alt,
                "links": [None if panel.link is None else panel.link.model_dump() for panel in figure.panels],
            },
            **self._axes,
        }

    def _text(
        self, lines: Sequence[str], *, x: float = 0, size: int = 11, color: str, bold: bool = False, **place: Any
    ) -> None:
        """Write lines, the first on top, at a place of the picture."""
        if lines:
            text = "<br>".join(map(_safe, lines))
            of_paper = {"xref": "paper", "yref": "paper", "x": x, "xanchor": "left", "align": "left"}
            font = {"color": color, "size": size}
            shown = {"text": f"<b>{text}</b>" if bold else text, "showarrow": False, "font": font}
            self._annotations.append({**shown, **of_paper, **place})

    def _panel(self, number: int, panel: Panel, place: Place) -> None:
        suffix = "" if number == 1 else str(number)
        x, y = f"x{suffix}", f"y{suffix}"
        leaky = any(split is not None and split.leaky for split in (self._figure.provenance, panel.provenance))
        self._axes[f"xaxis{suffix}"] = self._axis(panel.x, place.x, y, leaky=leaky)
        self._axes[f"yaxis{suffix}"] = self._axis(panel.y, place.y, x, leaky=leaky) | {"automargin": False}
        if self._figure.share_y and place.x[0] > 0:
            first = number - (number - 1) % self._columns
            self._axes[f"yaxis{suffix}"] |= {"matches": f"y{first if first > 1 else ''}", "showticklabels": False}
            del self._axes[f"yaxis{suffix}"]["title"]
        if panel.equal:
            self._axes[f"yaxis{suffix}"] |= {"scaleanchor": x, "constrain": "domain"}
            self._axes[f"xaxis{suffix}"]["constrain"] = "domain"
        for mark, series in zip(panel.marks, role_numbers(panel), strict=True):
            for trace in self._traces(mark, series, panel, (x, y), place):
                self._data.append({"xaxis": x, "yaxis": y, "legend": f"legend{suffix}", **trace})
            self._beside(mark, (x, y), suffix)
        self._legend(number, panel, place, suffix)
        self._head(number, panel, place)

    def _legend(self, number: int, panel: Panel, place: Place, suffix: str) -> None:
        """What its marks are, below a panel."""
        if any(mark.name for mark in panel.marks):
            down = under(panel, self._grid.panel_width(number - 1)) / self._grid.plot_height
            self._axes[f"legend{suffix}"] = {
                "x": place.x[0],
                "xanchor": "left",
                "y": max(-2.0, place.y[0] - down),
                "traceorder": "normal",
                "yanchor": "top",
                "bgcolor": "rgba(0,0,0,0)",
                "font": {"size": 11},
                **({"title": {"text": _safe(panel.legend)}} if panel.legend else {}),
            }

    def _head(self, number: int, panel: Panel, place: Place) -> None:
        palette = self._palette
        up = 3 + self._grid.above_rules(panel)
        styles: tuple[dict[str, Any], ...] = (
            {"color": palette.paper, "bgcolor": palette.warning, "bold": True},
            {"color": palette.warning, "bold": True},
            {"color": palette.muted},
            {"color": palette.ink, "size": 12, "bold": True},
        )
        lines_of = self._grid.head_lines(panel, self._grid.panel_width(number - 1))
        for lines, style in zip(lines_of, styles, strict=True):
            self._text(lines, x=place.x[0], y=place.y[1], yanchor="bottom", yshift=up, **style)
            up += LINE * len(lines) + (4 if lines and "bgcolor" in style else 0)

    def _axis(self, axis: Axis, domain: tuple[float, float], anchor: str, *, leaky: bool) -> dict[str, Any]:
        found: dict[str, Any] = {
            "title": {"text": _safe(axis.text), "font": {"size": 12}, "standoff": 6},
            "domain": list(domain),
            "automargin": True,
            "tickfont": {"size": 11, "color": self._palette.muted},
            "anchor": anchor,
            "type": axis.scale,
            "gridcolor": self._palette.rule,
            "zeroline": False,
        }
        if leaky:  # it is framed, so that no part of the picture stands without the warning
            found |= {"showline": True, "mirror": True, "linecolor": self._palette.warning, "linewidth": 2}
        limits = [axis.low, axis.high]
        if limits != [None, None]:
            as_drawn = [None if limit is None else _placed(limit, axis.scale == "log") for limit in limits]
            # The end that is not given is found by Plotly.
            found |= {
                "range": as_drawn,
                "autorange": {0: "min", 1: "max"}[as_drawn.index(None)] if None in as_drawn else False,
            }
        if axis.ticks:
            found |= {"tickmode": "array", "tickvals": list(axis.ticks)}
            if axis.tick_labels:
                found["ticktext"] = [_safe(label) for label in axis.tick_labels]
        return found

    def _traces(
        self, mark: Mark, series: int, panel: Panel, axes: tuple[str, str], place: Place
    ) -> Iterator[dict[str, Any]]:
        colour = self._palette.of(mark.role, series)
        named = {"name": _safe(mark.name), "showlegend": bool(mark.name)}
        if isinstance(mark, Curve):
            stroke = mark.stroke or (STROKES[series // len(self._palette.series) % len(STROKES)])
            line = {"color": colour, "width": mark.width, "dash": _DASHES[stroke]}
            line |= {"shape": "hv"} if mark.steps else {}
            yield {"type": "scatter", "mode": "lines", "x": list(mark.x), "y": list(mark.y), "line": line, **named}
        elif isinstance(mark, Points):
            marker = {"color": colour, "size": mark.size}
            yield {
                "type": "scatter",
                "mode": "markers",
                "x": list(mark.x),
                "y": list(mark.y),
                "marker": marker,
                **named,
            }
        elif isinstance(mark, Band):
            edge = {"type": "scatter", "mode": "lines", "line": {"width": 0, "color": colour}, "hoverinfo": "skip"}
            yield {**edge, "x": list(mark.x), "y": list(mark.low), "showlegend": False}
            shade = {"fill": "tonexty", "fillcolor": _see_through(colour, 0.25)}
            yield {**edge, "x": list(mark.x), "y": list(mark.high), **shade, **named}
        elif isinstance(mark, Bars):
            yield self._bars(mark, colour, axes) | named
        elif isinstance(mark, Matrix):
            yield self._heatmap(mark, axes, place, below=panel.legend_below)
            self._thin_out(axes[0][1:], mark)
        elif isinstance(mark, Diagonal):
            line = {"color": colour, "width": 1, "dash": "dash"}
            yield {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "line": line, **named}
        elif isinstance(mark, Rule) and mark.name:  # what is drawn is a shape, which no legend lists
            listed: dict[str, Any] = {"type": "scatter", "x": [None], "y": [None], **named}
            if mark.to is None:
                line = {"color": colour, "width": mark.width, "dash": _DASHES[mark.stroke]}
                yield {**listed, "mode": "lines", "line": line}
            else:
                patch = {"color": _see_through(colour, 0.25), "size": 12, "symbol": "square"}
                yield {**listed, "mode": "markers", "marker": patch}

    def _bars(self, mark: Bars, colour: str, axes: tuple[str, str]) -> dict[str, Any]:
        names = [_safe(label) for label in mark.labels]
        places = list(range(len(names)))
        colours = [self._palette.faded if place in mark.faded else colour for place in places]
        along, across = ("x", "y") if mark.across else ("y", "x")
        trace: dict[str, Any] = {
            "type": "bar",
            "orientation": "h" if mark.across else "v",
            along: list(mark.values),
            across: places,
            "marker": {"color": colours},
        }
        if mark.deviations:
            trace[f"error_{along}"] = {"type": "data", "array": list(mark.deviations), "color": self._palette.ink}
        axis = self._axes[f"{across}axis{axes[0][1:]}"]
        axis |= {"tickmode": "array", "tickvals": places, "ticktext": names, "showgrid": False}
        if mark.across:
            axis["range"] = [len(places) - 0.5, -0.5]
        return trace

    def _heatmap(self, mark: Matrix, axes: tuple[str, str], place: Place, *, below: bool) -> dict[str, Any]:
        low, high = mark.limits()
        columns, rows = len(mark.values[0]), len(mark.values)
        trace: dict[str, Any] = {
            "type": "heatmap",
            "z": [list(row) for row in mark.values],
            "zmin": low,
            "zmax": high,
            "colorscale": self._palette.diverging if mark.diverging else self._palette.sequential,
            "reversescale": mark.diverging,  # red for what is large
            "colorbar": _scale(mark, place, below=below),
            "showlegend": False,
        }
        for name, edges, number in (("x", mark.x, columns), ("y", mark.y, rows)):
            first, last = edges if edges is not None else (-0.5, number - 0.5)
            step = (last - first) / number
            trace |= {f"{name}0": first + step / 2, f"d{name}": step}
        suffix = axes[0][1:]
        for name, labels in (("x", mark.column_labels), ("y", mark.row_labels)):
            axis = self._axes[f"{name}axis{suffix}"]
            axis["showgrid"] = False
            if labels:
                ticks = {"tickvals": list(range(len(labels))), "ticktext": [_safe(label) for label in labels]}
                axis |= {"tickmode": "array", **ticks}
        if not mark.upward:
            first, last = mark.y if mark.y is not None else (-0.5, rows - 0.5)
            self._axes[f"yaxis{suffix}"]["range"] = [last, first]
        if mark.written:
            trace |= {"texttemplate": "%{z:.3~g}"}
        return trace

    def _thin_out(self, suffix: str, mark: Matrix) -> None:
        """Leave names of rows and columns out, where there is no room for all."""
        number = int(suffix or 1) - 1
        for name, labels in (("x", mark.column_labels), ("y", mark.row_labels)):
            each = self._grid.names_apart(number, len(labels), along=name)
            axis = self._axes[f"{name}axis{suffix}"]
            if labels and each > 1:
                axis |= {"tickvals": axis["tickvals"][::each], "ticktext": axis["ticktext"][::each]}

    def _beside(self, mark: Mark, axes: tuple[str, str], suffix: str) -> None:
        """What is no trace: rules, notes, frames."""
        x, y = axes
        colour = self._palette.of(mark.role, mark.series or 0)
        if isinstance(mark, Rule):
            at = mark.x if mark.x is not None else mark.y
            to = at if mark.to is None else mark.to
            line = {"color": colour, "width": mark.width, "dash": _DASHES[mark.stroke]}
            shape: dict[str, Any] = {"type": "line", "line": line}
            if mark.to is not None:
                shape = {"type": "rect", "line": {"width": 0}, "fillcolor": _see_through(colour, 0.12)}
            if mark.x is not None:
                shape |= {"xref": x, "x0": at, "x1": to, "yref": f"{y} domain", "y0": 0, "y1": 1}
            else:
                shape |= {"yref": y, "y0": at, "y1": to, "xref": f"{x} domain", "x0": 0, "x1": 1}
            self._shapes.append(shape)
            if mark.label and at is not None and to is not None:
                self._annotations.append(self._at_end(mark, (at + to) / 2, axes, colour, suffix))
        elif isinstance(mark, Note):
            note: dict[str, Any] = {"text": _safe(mark.text), "showarrow": False, "font": {"color": colour, "size": 11}}
            if mark.x is not None and mark.y is not None:
                log_x = self._axes[f"xaxis{suffix}"]["type"] == "log"
                log_y = self._axes[f"yaxis{suffix}"]["type"] == "log"
                note |= {"xref": x, "yref": y, "x": _placed(mark.x, log_x), "y": _placed(mark.y, log_y)}
            else:
                across, up, x_anchor, y_anchor = _CORNERS[mark.corner]
                note |= {"xref": f"{x} domain", "yref": f"{y} domain", "x": across, "y": up}
                note |= {"xanchor": x_anchor, "yanchor": y_anchor}
            self._annotations.append(note)
        elif isinstance(mark, Matrix):
            for frame in mark.frames:
                edges = {
                    "x0": frame.first - 0.5,
                    "x1": frame.last + 0.5,
                    "y0": frame.first - 0.5,
                    "y1": frame.last + 0.5,
                }
                line = {"color": self._palette.ink, "width": 1.5}
                self._shapes.append({"type": "rect", "xref": x, "yref": y, "line": line, **edges})

    def _at_end(self, rule: Rule, middle: float, axes: tuple[str, str], colour: str, suffix: str) -> dict[str, Any]:
        """The label of a rule, above or to the right of the panel."""
        x, y = axes
        text: dict[str, Any] = {"text": _safe(rule.label), "showarrow": False, "font": {"color": colour, "size": 10}}
        if rule.x is not None:
            at = _placed(middle, self._axes[f"xaxis{suffix}"]["type"] == "log")
            return text | {"xref": x, "x": at, "yref": f"{y} domain", "y": 1, "yanchor": "bottom"}
        at = _placed(middle, self._axes[f"yaxis{suffix}"]["type"] == "log")
        return text | {"yref": y, "y": at, "xref": f"{x} domain", "x": 1, "xanchor": "left"}


def _scale(mark: Matrix, place: Place, *, below: bool) -> dict[str, Any]:
    """Where the scale of the colours of a panel lies: on its right, or below it."""
    (left, right), (bottom, top) = place.x, place.y
    font = {"tickfont": {"size": 10}, "title": {"text": _safe(mark.label), "font": {"size": 11}}}
    found: dict[str, Any] = {"thickness": 12, "lenmode": "fraction", **font}
    if below:
        found["title"] |= {"side": "bottom"}
        found |= {"orientation": "h", "x": (left + right) / 2, "xanchor": "center", "len": 0.6 * (right - left)}
        return found | {"y": place.below, "ypad": 0, "yanchor": "bottom"}
    found["title"] |= {"side": "right"}
    found |= {"x": right, "xpad": 6, "xanchor": "left", "len": top - bottom}
    return found | {"y": (bottom + top) / 2, "yanchor": "middle"}


def _placed(value: float, log: bool) -> float:
    return math.log10(value) if log and value > 0 else value


def _safe(text: str) -> str:
    return html.escape(text, quote=False)


def _see_through(colour: str, share: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"

"""A figure as Plotly's own JSON: a plain dict for `plotly.graph_objects.Figure(…)` or plotly.js; no plotly is needed.

Texts of a figure are texts: Plotly would read `<b>` or `<a href=…>` in a label as markup, so they are escaped.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from typing import Any

from pfd.views.figure import Axis, Figure, Panel, role_numbers
from pfd.views.marks import Band, Bars, Curve, Diagonal, Mark, Matrix, Note, Points, Rule
from pfd.views.palette import PALETTES, STROKES, Palette, Theme

IN_A_ROW = 3

_GAP_X, _GAP_Y = 0.10, 0.16
"""Shares of the picture between panels, for the labels of the axes and the titles."""

_DASHES = {"solid": "solid", "dashed": "dash", "dotted": "dot"}
_CORNERS = {
    "upper left": (0.02, 0.98, "left", "top"),
    "upper right": (0.98, 0.98, "right", "top"),
    "lower left": (0.02, 0.02, "left", "bottom"),
    "lower right": (0.98, 0.02, "right", "bottom"),
}


def to_plotly(figure: Figure, theme: Theme = "light") -> dict[str, Any]:
    """The figure as `{"data": [...], "layout": {...}}`, of values that JSON holds."""
    return _Drawing(figure, PALETTES[theme]).drawn()


class _Drawing:
    def __init__(self, figure: Figure, palette: Palette) -> None:
        self._figure = figure
        self._palette = palette
        self._columns = figure.columns or min(IN_A_ROW, len(figure.panels))
        self._data: list[dict[str, Any]] = []
        self._shapes: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._axes: dict[str, Any] = {}

    def drawn(self) -> dict[str, Any]:
        for number, (panel, x_domain, y_domain) in enumerate(self._placed(), start=1):
            self._panel(number, panel, x_domain, y_domain)
        return {"data": self._data, "layout": self._layout()}

    def _layout(self) -> dict[str, Any]:
        figure, palette = self._figure, self._palette
        below = [f"<b>CAUTION: {_safe(text)}</b>" for text in figure.all_cautions]
        if figure.provenance is not None:
            below.append(_safe(figure.provenance.text))
        below += [_safe(note) for note in figure.notes]
        if below:
            colour = palette.warning if figure.all_cautions else palette.muted
            self._annotations.append(
                {
                    "text": "<br>".join(below),
                    "xref": "paper",
                    "yref": "paper",
                    "x": 0,
                    "y": 0,
                    "yshift": -60,
                    "xanchor": "left",
                    "yanchor": "top",
                    "align": "left",
                    "showarrow": False,
                    "font": {"color": colour, "size": 11},
                }
            )
        return {
            "title": {"text": _safe(figure.title), "x": 0.02, "xanchor": "left"},
            "paper_bgcolor": palette.paper,
            "plot_bgcolor": palette.paper,
            "font": {"color": palette.ink},
            "margin": {"l": 70, "r": 30, "t": 90, "b": 80 + 16 * len(below)},
            "legend": {"bgcolor": "rgba(0,0,0,0)"},
            "barmode": "overlay",
            "shapes": self._shapes,
            "annotations": self._annotations,
            "meta": {
                "alt": figure.alt,
                "links": [None if panel.link is None else panel.link.model_dump() for panel in figure.panels],
            },
            **self._axes,
        }

    def _placed(self) -> Iterator[tuple[Panel, list[float], list[float]]]:
        """Panels with the shares of the picture that they take, from the left and from the bottom."""
        panels, columns = self._figure.panels, self._columns
        rows = math.ceil(len(panels) / columns)
        height = (1 - _GAP_Y * (rows - 1)) / rows
        for index, panel in enumerate(panels):
            row = index // columns
            beside = panels[row * columns : (row + 1) * columns]
            shares = [one.share for one in beside] + [1.0] * (columns - len(beside))
            room = 1 - _GAP_X * (columns - 1)
            left = sum(shares[: index % columns]) / sum(shares) * room + _GAP_X * (index % columns)
            bottom = 1 - (row + 1) * height - row * _GAP_Y
            width = panel.share / sum(shares) * room
            yield panel, [left, left + width], [max(0.0, bottom), min(1.0, bottom + height)]

    def _panel(self, number: int, panel: Panel, x_domain: list[float], y_domain: list[float]) -> None:
        suffix = "" if number == 1 else str(number)
        x, y = f"x{suffix}", f"y{suffix}"
        self._axes[f"xaxis{suffix}"] = self._axis(panel.x, x_domain, y)
        self._axes[f"yaxis{suffix}"] = self._axis(panel.y, y_domain, x)
        if self._figure.share_y and x_domain[0] > 0:
            first = number - (number - 1) % self._columns
            self._axes[f"yaxis{suffix}"] |= {"matches": f"y{first if first > 1 else ''}", "showticklabels": False}
            del self._axes[f"yaxis{suffix}"]["title"]
        if panel.equal:
            self._axes[f"yaxis{suffix}"]["scaleanchor"] = x
        for mark, series in zip(panel.marks, role_numbers(panel), strict=True):
            for trace in self._traces(mark, series, panel, (x, y)):
                self._data.append({"xaxis": x, "yaxis": y, "legendgroup": str(number), **trace})
            self._beside(mark, (x, y), suffix)
        heads = [f"<b>{_safe(panel.title)}</b>"] if panel.title else []
        heads += [_safe(line) for line in panel.lines]
        heads += [_safe(panel.provenance.text)] if panel.provenance else []
        if heads:
            self._annotations.append(
                {
                    "text": "<br>".join(heads),
                    "xref": "paper",
                    "yref": "paper",
                    "x": x_domain[0],
                    "y": y_domain[1],
                    "xanchor": "left",
                    "yanchor": "bottom",
                    "align": "left",
                    "showarrow": False,
                    "font": {"size": 12, "color": self._palette.ink},
                }
            )

    def _axis(self, axis: Axis, domain: list[float], anchor: str) -> dict[str, Any]:
        found: dict[str, Any] = {
            "title": {"text": _safe(axis.text)},
            "domain": domain,
            "anchor": anchor,
            "type": axis.scale,
            "gridcolor": self._palette.rule,
            "zeroline": False,
        }
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

    def _traces(self, mark: Mark, series: int, panel: Panel, axes: tuple[str, str]) -> Iterator[dict[str, Any]]:
        colour = self._palette.of(mark.role, series)
        named = {"name": _safe(mark.name), "showlegend": bool(mark.name)}
        if panel.legend and mark.name:
            named["legendgrouptitle"] = {"text": _safe(panel.legend)}
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
            yield self._heatmap(mark, axes, panel.legend_below)
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

    def _heatmap(self, mark: Matrix, axes: tuple[str, str], below: bool) -> dict[str, Any]:
        low, high = mark.limits()
        columns, rows = len(mark.values[0]), len(mark.values)
        trace: dict[str, Any] = {
            "type": "heatmap",
            "z": [list(row) for row in mark.values],
            "zmin": low,
            "zmax": high,
            "colorscale": self._palette.diverging if mark.diverging else self._palette.sequential,
            "reversescale": mark.diverging,  # red for what is large
            "colorbar": {"title": {"text": _safe(mark.label)}, **self._beside_panel(axes[0][1:], below)},
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

    def _beside_panel(self, suffix: str, below: bool) -> dict[str, Any]:
        """Where the scale of the colours of a panel lies: on its right, or below it."""
        (left, right), (bottom, top) = (self._axes[f"{name}axis{suffix}"]["domain"] for name in ("x", "y"))
        place: dict[str, Any] = {"thickness": 12, "lenmode": "fraction"}
        if below:
            place |= {"orientation": "h", "x": (left + right) / 2, "xanchor": "center", "len": (right - left) / 2}
            return place | {"y": bottom, "ypad": 45, "yanchor": "top"}
        place |= {"x": right, "xpad": 6, "xanchor": "left", "len": top - bottom}
        return place | {"y": (bottom + top) / 2, "yanchor": "middle"}

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


def _placed(value: float, log: bool) -> float:
    return math.log10(value) if log and value > 0 else value


def _safe(text: str) -> str:
    return html.escape(text, quote=False)


def _see_through(colour: str, share: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"

# SPDX-License-Identifier: Apache-2.0
"""A bar chart as SVG, without a library: medians, quartiles as whiskers, one panel per kind of figure."""
import html
import math

from . import table

WIDTH, LABEL, RIGHT, ROW, GAP = 900, 220, 90, 20, 56
OURS = ("pipeline", "budget", "claim", "blocked", "not-blocked", "over-limit", "tidegate")
PANELS = ("program", "veth", "veth-receiver")


def color(name):
    return "#1b6ca8" if name.startswith(OURS) else "#b0b7bf"


def text(x, y, content, extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {extra}>{html.escape(content)}</text>'


def step_of(highest):
    """A round distance between grid lines: 1, 2 or 5 times a power of ten, about six lines."""
    raw = highest / 6
    power = 10 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)


def bar(figure, y, scale):
    end = LABEL + max(figure.median, 0) * scale
    low, high = LABEL + max(figure.low, 0) * scale, LABEL + max(figure.high, 0) * scale
    middle = y + ROW / 2 - 2
    return [
        text(LABEL - 8, y + ROW - 7, figure.name, 'text-anchor="end"'),
        f'<rect x="{LABEL}" y="{y}" width="{max(end - LABEL, 1):.1f}" height="{ROW - 5}" fill="{color(figure.name)}"/>',
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="#222" stroke-width="2"/>',
        text(max(end, high) + 6, y + ROW - 7, f"{figure.median:.0f}"),
    ]


def panel(bench, figures, top):
    """Lines of SVG for one panel, and where it ends."""
    scale = (WIDTH - LABEL - RIGHT) / max(max(figure.high for figure in figures), 1)
    bottom = top + GAP - 20 + ROW * len(figures)
    lines = [text(8, top + 18, table.TITLES[bench] + ", ns", 'font-weight="bold"')]
    step = step_of(max(max(figure.high for figure in figures), 1))
    for i in range(int((WIDTH - LABEL - RIGHT) / scale / step) + 1):
        x = LABEL + i * step * scale
        lines.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top + 30}" y2="{bottom}" stroke="#e4e7ea"/>')
        lines.append(text(x, bottom + 13, f"{i * step:g}", 'text-anchor="middle" fill="#667"'))
    for i, figure in enumerate(figures):
        lines += bar(figure, top + GAP - 20 + i * ROW, scale)
    return lines, bottom + 30


def draw(figures):
    """SVG with what is measured in ns; "" when nothing is."""
    lines, top = [], 10
    for bench in PANELS:
        chosen = [figure for figure in figures.values() if figure.bench == bench]
        if chosen:
            drawn, top = panel(bench, chosen, top)
            lines += drawn
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" '
            f'viewBox="0 0 {WIDTH} {top}" font-family="sans-serif" font-size="12">'
            f'<rect width="{WIDTH}" height="{top}" fill="#fff"/>')
    return "\n".join([head, *lines, "</svg>\n"]) if lines else ""

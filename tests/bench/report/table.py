# SPDX-License-Identifier: Apache-2.0
"""Tables for people: on a terminal and as Markdown."""
TITLES = {
    "program": "Net cost of a packet in the program (BPF_PROG_TEST_RUN)",
    "veth": "Cost of a frame dropped over veth, one core for everything",
    "veth-receiver": "The receiving core alone, over veth",
    "tables": "Writing the tables (loader alone)",
    "agent": "Agent and command line",
    "inspect": "tidegate inspect and tshark on the same captures, per second of CPU time",
    "live": "nginx under load, bare, with the keylog library, and inspected",
    "behavior": "Behaviour rules alone: summaries per second of CPU time, memory of a key and rule",
    "rules": "From the response that crosses a rule's threshold to the first packet dropped, live",
}


def number(value, unit):
    if unit == "1/s":
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if unit == "ns" else f"{value:.2f}"


def verdict(outcome):
    return {True: "met", False: "NOT MET", None: "not measured"}[outcome.met]


def target_rows(outcomes):
    for outcome in outcomes:
        measured = "–" if outcome.value is None else f"{number(outcome.value, outcome.unit)} {outcome.unit}"
        limit = "–" if outcome.limit is None else f"{outcome.relation} {number(outcome.limit, outcome.unit)}"
        yield [outcome.text, measured, limit, verdict(outcome)]


def figure_rows(figures, bench):
    for figure in figures.values():
        if figure.bench == bench:
            spread = f"{number(figure.low, figure.unit)} – {number(figure.high, figure.unit)}"
            yield [figure.name, f"{number(figure.median, figure.unit)} {figure.unit}", spread, figure.what]


def benches(figures):
    present = {figure.bench for figure in figures.values()}
    return [bench for bench in TITLES if bench in present]


def plain(head, rows):
    table = [head, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table)


def markdown(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def memory_rows(tables):
    for table in tables:
        entries = str(table.get("entries", "–"))
        yield [table["name"], entries, str(table["capacity"] or "–"), f"{table['memory_bytes'] / 1e6:.1f} MB"]
    yield ["together", "", "", f"{sum(table['memory_bytes'] for table in tables) / 1e6:.1f} MB"]


def render(figures, outcomes, skips, tables, style):
    """Everything that was measured. style: plain or markdown."""
    heading = "\n{}\n" if style is plain else "\n### {}\n\n"
    parts = [heading.format("Targets"), style(["target", "measured", "limit", ""], list(target_rows(outcomes))), "\n"]
    for bench in benches(figures):
        head = ["case", "median", "quartiles", "what happened to the packets"]
        parts += [heading.format(TITLES[bench]), style(head, list(figure_rows(figures, bench))), "\n"]
    if tables:
        head = ["table", "entries", "capacity", "memory"]
        parts += [heading.format("Memory of the tables"), style(head, list(memory_rows(tables))), "\n"]
    for skip in skips:
        parts.append(f"\nNot measured: {skip['bench']} {skip['name']}: {skip['why']}\n")
    return "".join(parts)

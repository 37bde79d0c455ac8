"""Draws docs/dashboard.png: the dashboard's own JSON, as CloudWatch lays it out, with the data of sample.json.

The layout, the titles, the colours, the annotations, the expressions and which metric goes where come from the
dashboard that Terraform plans; only the figures are made up. Usage: draw.py PLAN_JSON OUT_PNG
"""

import json
import pathlib
import re
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch, Wedge

HERE = pathlib.Path(__file__).parent
SAMPLE = json.loads((HERE / "sample.json").read_text())
MINUTES = np.arange(SAMPLE["minutes"])
RANDOM = np.random.default_rng(20)
INK, FAINT, LINE = "#16191f", "#687078", "#d5dbdb"
# CloudWatch's own order, for rows that name no colour.
COLOURS = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd"]
UNIT = 0.72  # inches of one grid row
plt.rcParams.update({"font.family": "DejaVu Sans", "font.size": 8.5, "text.color": INK, "axes.edgecolor": LINE})


def dashboard(plan):
    """The body of the only dashboard in the plan."""
    changes = (plan.get("test_plan") or plan)["resource_changes"]
    bodies = [c["change"]["after"]["dashboard_body"] for c in changes if c["type"] == "aws_cloudwatch_dashboard"]
    assert len(bodies) == 1, "one dashboard was expected"
    return json.loads(bodies[0])


def sample(name, stat, period):
    """The made-up figures of a metric, a point a minute; a longer period is a moving window, as CloudWatch graphs it."""
    key = f"{name} {'PR' if stat.startswith('PR') else stat}"
    shape = SAMPLE["series"][key]  # a metric without sample data must fail, not vanish
    points = np.full(len(MINUTES), float(shape["base"]))
    points += shape.get("wave", 0) * np.sin(MINUTES / 75)
    for begin, end, value in shape.get("events", []):
        points[begin:end] = value
    points += shape.get("noise", 0) * RANDOM.standard_normal(len(MINUTES))
    points = np.clip(points, 0, 100 if "PR" in key else None)
    window = max(1, period // 60)
    if window > 1:
        padded = np.concatenate([np.full(window - 1, float(shape["base"])), points])
        points = np.convolve(padded, np.ones(window) / window, "valid")
    return points


def rows(widget):
    """What a widget shows: (label, colour, points, what is hidden is left out)."""
    properties = widget["properties"]
    known, shown = {}, []
    for index, row in enumerate(properties["metrics"]):
        options = row[-1] if isinstance(row[-1], dict) else {}
        if "expression" in options:
            # Arithmetic alone: a function would need its own meaning here.
            assert not re.search(r"[A-Z]{2,}\(", options["expression"]), options["expression"]
            points = eval(options["expression"], {"__builtins__": {}}, known)  # the expression is our own Terraform's
        else:
            stat = options.get("stat", properties.get("stat"))
            points = sample(row[1], stat, properties.get("period", 300))
        if "id" in options:
            known[options["id"]] = points
        if options.get("visible", True):
            label = options.get("label", row[1] if len(row) > 1 else "")
            shown.append((label, options.get("color", COLOURS[index % 5]), points))
    return shown


def frame(figure, box, title):
    """The white card of a widget, with its title; returns the rectangle inside it."""
    x, y, width, height = box
    pad_x, pad_y = 0.004, 0.004
    card = FancyBboxPatch((x + pad_x / 2, y + pad_y / 2), width - pad_x, height - pad_y, boxstyle="round,pad=0,rounding_size=0.003",
                          transform=figure.transFigure, facecolor="white", edgecolor=LINE, linewidth=0.8, zorder=-1)
    figure.patches.append(card)
    if title:
        figure.text(x + 0.010, y + height - 0.0065, title, fontsize=9.5, fontweight="bold", va="top")
    return x, y, width, height


def clean(axes):
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, colors=FAINT, labelsize=7.5)
    axes.grid(axis="y", color="#eaeded", linewidth=0.7)
    axes.set_axisbelow(True)


def time_series(figure, box, widget):
    x, y, width, height = frame(figure, box, widget["properties"]["title"])
    axes = figure.add_axes((x + 0.034, y + 0.031, width - 0.048, height - 0.060))
    clean(axes)
    shown = rows(widget)
    if widget["properties"].get("stacked"):
        axes.stackplot(MINUTES, [p for _, _, p in shown], colors=[c for _, c, _ in shown], labels=[l for l, _, _ in shown], alpha=0.85, linewidth=0)
    else:
        for label, colour, points in shown:
            axes.plot(MINUTES, points, color=colour, label=label, linewidth=1.3)
    axes.set_xlim(0, len(MINUTES) - 1)
    left = widget["properties"].get("yAxis", {}).get("left", {})
    top = left.get("max", max(1.15 * float(np.max(axes.get_ylim()[1])), 0.01))
    marks = widget["properties"].get("annotations", {}).get("horizontal", [])
    near = [m for m in marks if m["value"] <= 3.2 * top or "max" in left]
    top = max([top] + [1.18 * m["value"] for m in near]) if "max" not in left else top
    for mark in near:
        axes.axhline(mark["value"], color="#d13212", linewidth=0.8, linestyle=(0, (4, 3)))
        axes.text(len(MINUTES) - 3, mark["value"], f"{mark['label']} {mark['value']:g}", color="#d13212", fontsize=7, ha="right", va="bottom")
    axes.set_ylim(left.get("min", 0), top)
    begin = int(SAMPLE["begins"].split(":")[0])
    ticks = range(0, len(MINUTES), 60)
    axes.set_xticks(list(ticks), [f"{begin + tick // 60}:00" for tick in ticks])
    figure.legend(*axes.get_legend_handles_labels(), loc="lower left", bbox_to_anchor=(x + 0.008, y + 0.0035), ncols=5, frameon=False,
                  fontsize=7.5, handlelength=1.0, columnspacing=1.2, borderpad=0, borderaxespad=0)
    far = [m for m in marks if m not in near]
    if far:
        figure.text(x + width - 0.012, y + 0.0045, "not in sight: " + ", ".join(f"{m['label']} {m['value']:g}" for m in far), fontsize=7.5, color=FAINT, ha="right", va="bottom")


def gauge(figure, box, widget):
    x, y, width, height = frame(figure, box, widget["properties"]["title"])
    [(label, colour, _)] = rows(widget)
    value = SAMPLE["budget_left"][widget["properties"]["title"].split(":")[0]]
    axes = figure.add_axes((x + 0.01, y + 0.012, width - 0.02, height - 0.042))
    axes.set_xlim(-1.15, 1.15), axes.set_ylim(-0.25, 1.1), axes.set_aspect("equal"), axes.axis("off")
    axes.add_patch(Wedge((0, 0), 1, 0, 180, width=0.26, facecolor="#eaeded"))
    axes.add_patch(Wedge((0, 0), 1, 180 - 1.8 * value, 180, width=0.26, facecolor=colour))
    axes.text(0, 0.06, f"{value:.1f}", fontsize=19, ha="center", fontweight="bold")
    axes.text(0, -0.19, label, fontsize=8, ha="center", color=FAINT)
    axes.text(-0.87, -0.15, "0", fontsize=7.5, ha="center", color=FAINT), axes.text(0.87, -0.15, "100", fontsize=7.5, ha="center", color=FAINT)


def text(figure, box, widget):
    x, y, width, height = frame(figure, box, "")
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", widget["properties"]["markdown"]).replace("**", "")
    sentences = plain.split(". ")
    figure.text(x + 0.010, y + height - 0.013, ". ".join(sentences[:2]) + ".", fontsize=11.5, fontweight="bold", va="top")
    figure.text(x + 0.010, y + 0.012, ". ".join(sentences[2:]), fontsize=9, color=FAINT, va="bottom")


def alarms(figure, box, widget):
    x, y, width, height = frame(figure, box, widget["properties"]["title"])
    names = [arn.split(":alarm:")[1] for arn in widget["properties"]["alarms"]]
    prefix = re.match(r"(.*?)-slo-", names[0])[1] + "-"
    columns, lines = 6, -(-len(names) // 6)
    step_x, step_y = (width - 0.018) / columns, (height - 0.030) / lines
    for index, name in enumerate(names):
        short = name.removeprefix(prefix)
        state = SAMPLE["alarms"].get(short, "OK")
        at_x = x + 0.009 + (index % columns) * step_x
        at_y = y + height - 0.024 - (index // columns + 1) * step_y
        face, edge = ("#fdf0ee", "#d13212") if state == "ALARM" else ("#f2faf3", "#1d8102")
        figure.patches.append(FancyBboxPatch((at_x, at_y + 0.002), step_x - 0.005, step_y - 0.004, boxstyle="round,pad=0,rounding_size=0.002",
                                             transform=figure.transFigure, facecolor=face, edgecolor=edge, linewidth=0.7))
        figure.text(at_x + 0.006, at_y + step_y / 2, short, fontsize=8, va="center")
        figure.text(at_x + step_x - 0.010, at_y + step_y / 2, state, fontsize=7, va="center", ha="right", color=edge, fontweight="bold")


def table(figure, box, widget):
    title = widget["properties"]["title"]
    x, y, width, height = frame(figure, box, title)
    head, *body = SAMPLE["tables"][title]
    # The columns are those that the query makes, or the sample is not of this query.
    for column in head:
        assert re.search(rf"\b{column}\b", widget["properties"]["query"]), column
    widths = np.array([max(len(r[i]) for r in [head, *body]) + 3 for i in range(len(head))], float)
    starts = x + 0.012 + np.concatenate([[0], np.cumsum(widths)[:-1]]) / widths.sum() * (width - 0.024)
    for line, cells in enumerate([head, *body]):
        at = y + height - 0.034 - line * 0.0215
        for start, cell in zip(starts, cells):
            figure.text(start, at, cell, fontsize=8.5, va="center", fontweight="bold" if line == 0 else "normal", color=FAINT if line == 0 else INK)
        figure.add_artist(plt.Line2D([x + 0.010, x + width - 0.010], [at - 0.0108] * 2, color=LINE, linewidth=0.7))


def main(plan, out):
    body = dashboard(json.loads(pathlib.Path(plan).read_text()))
    rows_in_all = max(w["y"] + w["height"] for w in body["widgets"])
    figure = plt.figure(figsize=(17, rows_in_all * UNIT * 0.62), facecolor="#f2f3f3")
    for widget in body["widgets"]:
        box = (widget["x"] / 24, 1 - (widget["y"] + widget["height"]) / rows_in_all, widget["width"] / 24, widget["height"] / rows_in_all)
        kind = widget["type"] if widget["type"] != "metric" else widget["properties"]["view"]
        {"text": text, "alarm": alarms, "log": table, "gauge": gauge, "timeSeries": time_series}[kind](figure, box, widget)
    figure.savefig(out, dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main(*sys.argv[1:])

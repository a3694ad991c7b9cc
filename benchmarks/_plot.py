"""Draw a measurement beside peers as bars: ``_plot.py peers.json peers.svg``, where Matplotlib is installed."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "padm-ibis"  # names in the file are the same each time
from matplotlib import pyplot as plt  # noqa: E402  # after the choice of what draws

OURS, THEIRS = "#1f77b4", "#b0b0b0"


def main(measured: Path, drawn: Path) -> None:
    found = json.loads(measured.read_text(encoding="utf-8"))
    parts = list(found["timings"])[::-1]
    measures = list(next(iter(found["timings"].values())))
    second = found["machine"]["calibration"]["seconds"]
    figure, axes = plt.subplots(1, len(measures), figsize=(4 * len(measures), 1 + 0.4 * len(parts)), sharey=True)
    for axis, measure in zip(axes, measures, strict=True):
        rounds = [[t["cost"]["wall"] / t["unit"]["wall"] * second for t in found["timings"][part][measure]] for part in parts]
        medians = [statistics.median(values) for values in rounds]
        reach = [
            [m - min(v) for m, v in zip(medians, rounds, strict=True)],
            [max(v) - m for m, v in zip(medians, rounds, strict=True)],
        ]
        colors = [OURS if part.startswith("padm-ibis") else THEIRS for part in parts]
        bars = axis.barh(parts, medians, xerr=reach, color=colors, ecolor="#404040", capsize=2)
        axis.bar_label(bars, [f"{m:.1f} s" for m in medians], padding=6)
        axis.set_title(measure)
        axis.margins(x=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"{found['campuses']} × {found['students'] // found['campuses']:,} students; calibrated seconds, least and most"
    )
    figure.tight_layout()
    figure.savefig(drawn, metadata={"Date": None})


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))

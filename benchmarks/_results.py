"""What was measured beside the peers, as people read it: a page, and the README's figures. The measurement itself is JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _machine import Cost, Spread, Timing, machine_line, ratio

RESULTS = Path(__file__).with_name("results")
BEGIN, END = "<!-- made of benchmarks/results/peers.json by docs/generate.py -->", "<!-- end -->"
BESIDE = "SQL script"
DOES = {
    "padm-ibis run": "sources compared, contracts checked, published, history kept",
    "padm-ibis run, less reading the sources": "peers find bronze ready",
    "SQL script": "`CREATE TABLE … AS`, one after the other, and no more",
    "dbt run": "the same statements, tables",
    "dbt test": "`not_null` and `unique`, after `dbt run`",
    "SQLMesh": "the same statements, `FULL`",
    "SQLMesh with audits": "the same, `not_null` and unique in the same plan",
}
HEAD = """# padm-ibis beside a script, dbt-duckdb and SQLMesh

Written by `python benchmarks/peers.py`; what the rows mean, and what each tool does not do, is in
[How fast](../../docs/benchmarks.md). Everything that was measured is in `peers.json`.
"""


def timings(found: Mapping[str, Any]) -> dict[str, dict[str, list[Timing]]]:
    """Part → measure → a timing for each round."""
    return {
        part: {measure: [Timing(Cost(**t["cost"]), Cost(**t["unit"])) for t in rounds] for measure, rounds in measures.items()}
        for part, measures in found["timings"].items()
    }


def page(found: Mapping[str, Any], picture: str | None = None) -> str:
    """The whole of it as Markdown."""
    of = timings(found)
    measures = list(next(iter(of.values())))
    versions = ", ".join(f"{name} {version}" for name, version in sorted(found["versions"].items()))
    lines = [
        HEAD,
        f"{machine_line(found['machine'])}.",
        f"{versions or 'No peers were installed'}.",
        "",
        f"{size(found)}, of whom {found['changed']} changed: {found['tables']} tables, {found['rows']:,} rows of silver and "
        f"gold. Rounds: {found['rounds']}, interleaved. Every tool made the same rows.",
        "",
        f"Seconds by the clock; and how many times the {BESIDE}'s, calibrated: the median, and in brackets between what it lies.",
        "",
    ]
    lines += _head(["", *(column for measure in measures for column in (measure, f"÷ {BESIDE}")), "memory at most"])
    for part, timed in of.items():
        cells = []
        for measure, rounds in timed.items():
            cells += [_seconds(rounds), str(ratio(rounds, of[BESIDE][measure])) if BESIDE in of else "–"]
        peaks = [t.cost.peak for rounds in timed.values() for t in rounds if t.cost.peak]
        lines.append(_row([f"**{part}**: {DOES[part]}", *cells, f"{max(peaks) / 2**20:,.0f} MiB" if peaks else ""]))
    lines += ["", f"Checked: {'; '.join(f'{number:,} by {part}' for part, number in found['checks'].items())}."]
    lines += [f"\nNot measured: {name}: {reason}." for name, reason in found["skipped"].items()]
    lines += [f"\n![The same as bars]({picture})"] if picture else []
    return "\n".join(lines) + "\n"


def figures(found: Mapping[str, Any]) -> str:
    """The README's table."""
    of = timings(found)
    measures = list(next(iter(of.values())))
    rounds = f"{found['rounds']} rounds" if found["rounds"] > 1 else "one round"
    lines = _head([f"{size(found)}, {found['tables']} tables, {rounds}, load {found['machine']['load']}", *measures])
    for part, timed in of.items():
        cells = []
        for measure, rounds in timed.items():
            times = f" ({ratio(rounds, of[BESIDE][measure]).median:.1f} ×)" if BESIDE in of and part != BESIDE else ""
            cells.append(f"{_seconds(rounds)}{times}")
        lines.append(_row([f"{part}: {DOES[part]}", *cells]))
    return "\n".join(lines)


def put_into(text: str, found: Mapping[str, Any]) -> str:
    """A page with the figures between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{figures(found)}\n{END}{after}"


def size(found: Mapping[str, Any]) -> str:
    return f"{found['campuses']} × {found['students'] // found['campuses']:,} students"


def load(file: Path = RESULTS / "peers.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _seconds(rounds: Sequence[Timing]) -> str:
    return f"{Spread.of(t.cost.wall for t in rounds).median:.1f} s"


def _head(columns: Sequence[str]) -> list[str]:
    return [_row(columns), _row(["---"] * len(columns))]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

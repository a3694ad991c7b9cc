"""A run's report on a terminal: the verdict, what needs attention, the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from padm_ibis.report.attention import Item, of_run, screenful
from padm_ibis.report.passed import summary
from padm_ibis.report.run import headline

if TYPE_CHECKING:
    from padm_ibis.report.publication import PublishReport
    from padm_ibis.report.run import RunReport, TableReport

_COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}
_VERDICTS = {"ok": "green", "up to date": "green", "partial": "yellow", "failed": "red"}
_STYLES = {"failed": "red", "skipped": "dim", "unchanged": "dim"}


def show(report: RunReport, console: Console) -> None:
    """Print a report, no line of it wider than the console."""
    console.print(Text(headline(report), style=f"bold {_VERDICTS[report.status]}"))
    console.print(Text(f"as of {report.as_of} · {report.warehouse} · run {report.run_id}", style="dim"))
    items, rest = screenful(of_run(report))
    if passed := summary(report.passed_over):
        console.print(Text(f"passed over: {passed}", style="dim"))
    if items:
        console.print()
        console.print(Group(*(attention(item) for item in items)))
    if rest:
        console.print(Padding(Text(rest, style="dim"), (0, 0, 0, 8)))
    if report.status != "up to date" and report.tables:
        console.print(_tables(report.tables))
    for publication in report.publications:
        console.print(_publication(publication))


def attention(item: Item) -> RenderableType:
    """One thing to look at, with what to do below it."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=7)
    grid.add_column()
    grid.add_row(Text(item.kind, style=_COLOURS[item.kind]), Text(item.text, style=_COLOURS[item.kind]))
    if item.advice:
        grid.add_row("", Text(f"→ {item.advice}"))
    return grid


def _publication(publication: PublishReport) -> RenderableType:
    good = not publication.exit_code
    head = Text(f"{'published' if good else 'not published'} to {publication.target}", style="green" if good else "red")
    return Group(Text(), head, *(Padding(Text(line), (0, 0, 0, 2)) for line in publication.lines()))


def _tables(tables: list[TableReport]) -> Table:
    found = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    found.add_column("table", overflow="fold")
    for heading in ("rows", "new", "checks", "seconds"):
        found.add_column(heading, justify="right", no_wrap=True)
    for item in tables:
        mark = f"  {item.warnings} warning{'s' * (item.warnings != 1)}" if item.warnings else ""
        name = Text.assemble(f"{item.layer}.{item.name}", (mark, "yellow"))
        new = "" if item.changed is None else f"{item.changed:,}"
        seconds = f"{item.seconds:.2f}" if item.seconds else ""
        found.add_row(
            name, f"{item.rows:,}", new, f"{item.checks}" if item.checks else "", seconds, style=_STYLES.get(item.action)
        )
    return found

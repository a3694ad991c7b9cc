"""``padm-ibis run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from padm_ibis.commands._options import Common, common, console, masking, on_terminal
from padm_ibis.define.layers import LAYERS
from padm_ibis.errors import PadmError
from padm_ibis.report.run import RunReport, TableReport, headline, lines, problems

if TYPE_CHECKING:
    from rich.table import Table

_EVERYTHING = "*"


@click.command()
@click.option("--layer", type=click.Choice(LAYERS), help="Last layer to build; by default gold.")
@click.option("--select", multiple=True, metavar="NAME", help="Build this table and what it reads; patterns such as 'mart_*'.")
@click.option("--as-of", metavar="DATE", help="The date the warehouse speaks for; by default today; the sample's own.")
@click.option(
    "--full-refresh",
    multiple=True,
    is_flag=False,
    flag_value=_EVERYTHING,
    metavar="[NAME]...",
    help="Read bronze tables from the beginning: all, or the named ones.",
)
@click.option("--only", is_flag=True, help="Keep to the named layer or tables: build from what is there.")
@click.option("--reconcile", is_flag=True, help="Compare bronze with its sources, row by row, before building on it.")
@click.argument("more", nargs=-1, metavar="")
@common
def run(
    options: Common,
    layer: str | None,
    select: tuple[str, ...],
    as_of: str | None,
    full_refresh: tuple[str, ...],
    only: bool,
    reconcile: bool,
    more: tuple[str, ...],
) -> int:
    """Extract, build, check and publish.

    Builds everything up to gold, extraction included. Tables become visible together, only after all of them
    passed; a failed run changes nothing that a reader sees. What would come out the same is left alone.
    """
    from padm_ibis import api
    from padm_ibis.report.progress import for_terminal

    if more and (not full_refresh or _EVERYTHING in full_refresh):
        raise click.UsageError(f"Unexpected argument {more[0]!r}: tables are named with --select or after --full-refresh.")
    refresh: tuple[str, ...] | bool = (*full_refresh, *more) if full_refresh else False
    as_date = None if as_of is None else api.date(as_of)
    config = options.load()
    try:
        with for_terminal() as progress:
            report = api.run(
                layer=layer,
                select=select,
                as_of=as_date,
                full_refresh=True if full_refresh and _EVERYTHING in full_refresh else refresh,
                only=only,
                reconcile=reconcile,
                config=config,
                progress=progress,
            )
    except PadmError as error:
        if isinstance(error.report, RunReport):
            options.write_json(error.report.json())
        raise masking(config, error) from None
    options.write_json(report.json())
    if not options.quiet:
        show_report(report)
    return report.exit_code


def show_report(report: RunReport) -> None:
    """Print a report: a table on a terminal, plain lines elsewhere."""
    if not on_terminal():
        for line in lines(report):
            click.echo(line)
        return
    from rich.markup import escape

    out = console()
    title = f"as of {report.as_of} · {escape(report.warehouse)} · run {report.run_id}"
    out.print(f"[bold]padm-ibis[/] {report.version} · {title}", soft_wrap=True)
    layers = [layer for layer in LAYERS if report.of(layer)]
    if report.status != "up to date":
        from rich.table import Table

        parts = [_layer_table(layer, report.of(layer)) for layer in layers]
        grid = Table.grid(padding=(0, 3))
        grid.add_row(*parts)
        # Side by side where nothing has to be cut off, one below the other elsewhere.
        for part in [grid] if out.measure(grid).maximum <= out.width else parts:
            out.print(part)
    colours = {"error": "red", "warning": "yellow", "note": "dim"}
    for line in problems(report):
        kind = line.split(maxsplit=1)[0]
        out.print(f"[{colours[kind]}]{escape(line)}[/]", soft_wrap=True)
    colour = {"ok": "green", "up to date": "green", "partial": "yellow", "failed": "red"}[report.status]
    out.print(f"[bold {colour}]{escape(headline(report))}[/]", soft_wrap=True)


def _layer_table(layer: str, tables: list[TableReport]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0, collapse_padding=True, header_style="bold")
    table.add_column(layer, no_wrap=True)
    for heading in ("rows", "new" if layer == "bronze" else "checks", "s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for item in tables:
        style = {"failed": "red", "skipped": "dim", "unchanged": "dim"}.get(item.action, "")
        third = f"{item.changed or 0:,}" if layer == "bronze" else str(item.checks or "=")
        mark = f" [yellow]!{item.warnings}[/]" if item.warnings else ""
        table.add_row(f"{item.name}{mark}", f"{item.rows:,}", third, f"{item.seconds:.2f}" if item.seconds else "", style=style)
    return table

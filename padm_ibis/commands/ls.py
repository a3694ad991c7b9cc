"""``padm-ibis ls``."""

from __future__ import annotations

import click

from padm_ibis.commands._logs import ROOT
from padm_ibis.commands._options import Common, common, console, on_terminal
from padm_ibis.define.layers import LAYERS
from padm_ibis.report.tables import ListedTable, Listing


@click.command()
@click.option("--layer", type=click.Choice(LAYERS), help="Only this layer.")
@common("padm_ibis.report.tables:Listing")
def ls(options: Common, layer: str | None) -> int:
    """List the tables: rows, and when they were made."""
    from padm_ibis.backends.base import backend_of
    from padm_ibis.definitions import Definitions
    from padm_ibis.engine import ledger
    from padm_ibis.errors import WarehouseMissing

    config = options.load(secrets=False)
    nodes = [node for node in Definitions(config).dag if layer in (None, node.layer)]
    note = ""
    try:
        with backend_of(config).read() as reader:
            known = ledger.records(reader)
    except WarehouseMissing as error:
        known, note = {}, error.message
    rows: Listing = [
        ListedTable(
            node.qualified,
            known[node.name].rows if node.name in known else None,
            known[node.name].made_at if node.name in known else None,
            list(node.inputs),
        )
        for node in nodes
    ]
    options.answer(rows)
    if options.quiet:
        return 0
    if on_terminal():
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        table.add_column("table", no_wrap=True)
        table.add_column("rows", justify="right", no_wrap=True)
        table.add_column("made (UTC)", no_wrap=True)
        for row in rows:
            table.add_row(str(row.table), _count(row.rows), str(row.made_at or "-"))
        console().print(table)
    else:
        for row in rows:
            click.echo(f"{row.table}  {_count(row.rows)}  {row.made_at or '-'}")
    if note:
        ROOT.warning("%s", note)
    return 0


def _count(rows: object) -> str:
    return f"{rows:,}" if isinstance(rows, int) else "-"

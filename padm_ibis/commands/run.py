"""``padm-ibis run``."""

from __future__ import annotations

import click

from padm_ibis.commands._logs import Logs
from padm_ibis.commands._options import Common, common, console, masking, on_terminal, waiting
from padm_ibis.define.layers import LAYERS
from padm_ibis.errors import PadmError
from padm_ibis.report.run import RunReport, lines

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
@click.option("--publish", is_flag=True, help="Publish what passed, afterwards, to every target of [publish].")
@click.option("--accept-drop", multiple=True, metavar="NAME", help="Bronze table, or SOURCE.TABLE, that may lose many rows.")
@waiting
@click.argument("more", nargs=-1, metavar="")
@common("padm_ibis.report.run:RunReport")
def run(
    options: Common,
    layer: str | None,
    select: tuple[str, ...],
    as_of: str | None,
    full_refresh: tuple[str, ...],
    only: bool,
    reconcile: bool,
    publish: bool,
    accept_drop: tuple[str, ...],
    wait: float,
    more: tuple[str, ...],
) -> int:
    """Extract, build, check and publish.

    Builds everything up to gold, extraction included. Tables become visible together, only after all of them
    passed; a failed run changes nothing that a reader sees. What would come out the same is left alone.
    """
    from padm_ibis import api

    if more and (not full_refresh or _EVERYTHING in full_refresh):
        raise click.UsageError(f"Unexpected argument {more[0]!r}: tables are named with --select or after --full-refresh.")
    refresh: tuple[str, ...] | bool = (*full_refresh, *more) if full_refresh else False
    as_date = None if as_of is None else api.date(as_of)
    config = api.settings_of_run(options.config, options.profile, options.warehouse)
    options.logs.configure(config)
    try:
        with options.progress() as progress:
            report = api.run(
                layer=layer,
                select=select,
                as_of=as_date,
                full_refresh=True if full_refresh and _EVERYTHING in full_refresh else refresh,
                only=only,
                reconcile=reconcile,
                publish=publish,
                accept_drop=accept_drop,
                config=config,
                progress=progress,
                run_id=options.logs.run_id,
                wait=wait,
            )
    except PadmError as error:
        if isinstance(error.report, RunReport):
            options.answer(error.report)
        raise masking(config, error) from None
    options.answer(report)
    if not options.quiet:
        show_report(report, options.logs)
    return report.exit_code


def show_report(report: RunReport, logs: Logs) -> None:
    """Print a report: for people on a terminal, a line for each thing elsewhere."""
    if on_terminal():
        from padm_ibis.report.screen import show

        show(report, console())
    for line in lines(report):
        logs.result(line, shown=on_terminal())

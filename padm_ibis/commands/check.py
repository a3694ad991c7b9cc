"""``padm-ibis check``."""

from __future__ import annotations

import click

from padm_ibis.commands._options import Common, common, masking, say, waiting
from padm_ibis.define.layers import LAYERS
from padm_ibis.errors import PadmError
from padm_ibis.report.attention import of_checks
from padm_ibis.report.text import duration


@click.command()
@click.option("--layer", type=click.Choice(LAYERS), help="Only this layer.")
@click.option("--select", multiple=True, metavar="NAME", help="Only this table; patterns such as 'mart_*'.")
@click.option(
    "--against-source/--offline",
    "sources",
    default=True,
    help="Whether to compare bronze with its sources, row by row; by default yes.",
)
@waiting
@common("padm_ibis.report.check:CheckReport")
def check(options: Common, layer: str | None, select: tuple[str, ...], sources: bool, wait: float) -> int:
    """Validate what is published: contracts, integrity, counts against the sources, freshness.

    Failing rows are named by their keys only. What was found is added to
    _padm.check_results in the end, unless a run is going on for longer than
    SECONDS.
    """
    from padm_ibis import api
    from padm_ibis.report.progress import Live, Progress

    config = options.load(secrets=sources)
    try:
        with Live() if options.logs.has_bar else Progress() as progress:
            found = api.check(layer=layer, select=select, sources=sources, config=config, progress=progress, wait=wait)
    except PadmError as error:
        raise masking(config, error) from None
    options.answer(found)
    if options.quiet:
        return found.exit_code
    for item in of_checks(found.results):
        say(f"{item.kind:<8}{item.text}", "red" if item.kind == "error" else "yellow", under=8)
        if item.advice:
            say(f"        → {item.advice}", under=10)
    for note in found.notes:
        say(f"note    {note}", under=8)
    warnings = len(found.results) - len(found.errors)
    say(
        f"{found.tables} tables, {found.tried} rules: {len(found.errors)} failed, {warnings} warnings"
        f" (run {found.run_id}, as of {found.as_of}, {duration(found.seconds)})"
    )
    return found.exit_code

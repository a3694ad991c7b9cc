"""``padm-ibis check``."""

from __future__ import annotations

import sys

import click

from padm_ibis.commands._options import Common, common, masking
from padm_ibis.define.layers import LAYERS
from padm_ibis.errors import PadmError
from padm_ibis.report.text import duration, examples, rows


@click.command()
@click.option("--layer", type=click.Choice(LAYERS), help="Only this layer.")
@click.option("--select", multiple=True, metavar="NAME", help="Only this table; patterns such as 'mart_*'.")
@click.option(
    "--against-source/--offline",
    "sources",
    default=True,
    help="Whether to compare bronze with its sources, row by row; by default yes.",
)
@common
def check(options: Common, layer: str | None, select: tuple[str, ...], sources: bool) -> int:
    """Validate what is published: contracts, integrity, counts against the sources, freshness.

    Failing rows are named by their keys only. What was found is added to
    _padm.check_results in the end, unless a run is going on; a run that starts
    at that very moment finds the warehouse in use (exit code 4).
    """
    from padm_ibis import api
    from padm_ibis.report.progress import Live, Progress

    config = options.load(secrets=sources)
    try:
        progress = Live() if sys.stderr.isatty() else Progress()
        found = api.check(layer=layer, select=select, sources=sources, config=config, progress=progress)
    except PadmError as error:
        raise masking(config, error) from None
    options.write_json(found.json())
    if options.quiet:
        return found.exit_code
    for result in sorted(found.results, key=lambda r: (r.verdict != "error", r.table)):
        kind = "error  " if result.verdict == "error" else "warning"
        text = f"{kind} {result.table}: {result.rule}{f': {rows(result.failed)}' if result.failed else ''}{examples(result)}"
        click.secho(text, fg="red" if result.verdict == "error" else "yellow")
    for note in found.notes:
        click.echo(f"note    {note}")
    warnings = len(found.results) - len(found.errors)
    click.echo(
        f"{found.tables} tables, {found.tried} rules: {len(found.errors)} failed, {warnings} warnings"
        f" (run {found.run_id}, as of {found.as_of}, {duration(found.seconds)})"
    )
    return found.exit_code

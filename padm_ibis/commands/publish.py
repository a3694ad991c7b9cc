"""``padm-ibis publish``."""

from __future__ import annotations

import click

from padm_ibis.commands._logs import ROOT
from padm_ibis.commands._options import Common, common, masking, say, waiting
from padm_ibis.errors import PadmError


@click.command()
@click.option("--to", metavar="URL", help="postgres://…, duckdb://FILE or sqlite://FILE; by default [publish] to.")
@click.option("--tables", multiple=True, metavar="NAME", help="Table or pattern such as 'mart_*'; by default all of gold.")
@click.option("--mode", type=click.Choice(("replace", "upsert")), help="Replace tables (default), or upsert rows by key.")
@click.option("--check", "check_only", is_flag=True, help="Compare what the target holds; write nothing.")
@click.option("--whole", is_flag=True, help="Send all rows, even to a mirror that is known to be in step.")
@click.option("--load/--no-load", default=True, help="With [star]: load its CSV files first (default).")
@waiting
@common("padm_ibis.report.publication:PublishReport")
def publish(
    options: Common,
    to: str | None,
    tables: tuple[str, ...],
    mode: str | None,
    check_only: bool,
    whole: bool,
    load: bool,
    wait: float,
) -> int:
    """Replicate tables to another database, reconciled with it.

    Rows, keys, orphans and sums are compared before anything is shown: all tables become visible together, or
    the target keeps what it had. A mirror in PostgreSQL that nobody else touched gets the rows that changed.
    """
    from padm_ibis import publish as library

    config = options.load()

    def tell(line: str) -> None:
        ROOT.info("  %s", line)

    try:
        if config.star is not None and load and not check_only:
            library.load_star(config, tell=tell)
        report = library.publish(config, to, tables=tables, mode=mode, check_only=check_only, whole=whole, tell=tell, wait=wait)
    except PadmError as error:
        if error.report is not None:
            options.answer(error.report)
        raise masking(config, error) from None
    options.answer(report)
    if not options.quiet:
        for line in report.lines():
            say(line, under=2)
    return report.exit_code

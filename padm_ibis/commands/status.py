"""``padm-ibis status``."""

from __future__ import annotations

import click

from padm_ibis.commands._options import Common, common, show_pairs


@click.command()
@common("padm_ibis.report.status:Status")
def status(options: Common) -> int:
    """Say on one screen how the warehouse is, and what needs doing.

    Last good run, age of every source, failed checks, next scheduled run. Ends
    with 0 when nothing needs doing, 1 when something does, 3 when the warehouse
    could not be read.
    """
    from padm_ibis import overview
    from padm_ibis.report.status import screen

    found = overview.status(config=options.load(secrets=False))
    options.answer(found)
    if not options.quiet:
        show_pairs(screen(found))
    return found.exit_code

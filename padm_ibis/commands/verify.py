"""``padm-ibis verify``."""

from __future__ import annotations

import click

from padm_ibis.commands._options import Common, common, say


@click.command()
@click.argument("directory")
@common("padm_ibis.export:Verdict")
def verify(options: Common, directory: str) -> int:
    """Rebuild an export from its manifest and say equal, or what differs."""
    from padm_ibis import connect
    from padm_ibis.definitions import Definitions
    from padm_ibis.export import verify as compare

    config = options.load(secrets=False)
    with connect(config) as warehouse:
        verdict = compare(warehouse, Definitions(config).graph, directory)
    options.answer(verdict)
    if not options.quiet:
        for text in verdict.differs:
            say(f"differs: {text}")
        for text in verdict.notes:
            say(f"note: {text}")
        if verdict.equal:
            say(f"Equal: {verdict.table} as of {verdict.as_of}, {verdict.rows:,} rows, built again from the warehouse.")
    return 0 if verdict.equal else 1

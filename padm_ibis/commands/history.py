"""``padm-ibis history``."""

from __future__ import annotations

import datetime as dt

import click

from padm_ibis.commands._logs import ROOT
from padm_ibis.commands._options import Common, common, say, show_pairs


@click.command()
@click.argument("run", required=False)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Most runs to list.")
@common("padm_ibis.report.history:History")
def history(options: Common, run: str | None, limit: int) -> int:
    """List the runs, newest first, or show one: what it read, built and found.

    RUN is its name, the beginning of its name, or "last". Good, partial, failed
    and killed runs stand here, and in _padm.runs for everyone who reads the
    warehouse.
    """
    from padm_ibis import overview
    from padm_ibis.report.history import described, line, of_versions

    found = overview.history(run, config=options.load(secrets=False))
    options.answer(found)
    if not options.quiet:
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        if run is not None:
            show_pairs(described(found.runs[0], found, now))
        else:
            for one in found.runs[:limit]:
                click.echo(line(one, now))
            if len(found.runs) > limit:
                click.echo(f"and {len(found.runs) - limit} older runs; --limit shows more")
            for text in of_versions(found, now):
                say(text, under=2)
            if not found.runs and not found.trouble:
                click.echo("There was no run yet. Start one: padm-ibis run")
    if found.trouble:
        ROOT.warning("The warehouse could not be read; only what this machine knows is told. %s", found.trouble)
    return found.exit_code

"""``padm-ibis rollback``."""

from __future__ import annotations

import sys

import click

from padm_ibis.commands._logs import PROGRESS
from padm_ibis.commands._options import Common, common, on_terminal, say, waiting
from padm_ibis.errors import UsageError


@click.command()
@click.argument("run", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@waiting
@common("padm_ibis.report.versions:Rollback")
def rollback(options: Common, run: str | None, yes: bool, wait: float) -> int:
    """Bring readers back to the version before, or to that of RUN.

    RUN is the run that published it, or the beginning of its name; status and
    history list the versions that are kept. The version that readers leave is
    kept as well. The next run that ends well publishes a new one.
    """
    from padm_ibis import api, overview
    from padm_ibis.report.progress import Lines
    from padm_ibis.report.versions import chosen, lines

    config = options.load(secrets=False)
    if not yes:
        versions = overview.history(config=config).versions
        run = chosen(versions, run).run_id
        seen = next((version.run_id for version in versions if version.shown), "no run")
        if not _is_wanted(f"Readers of {config.warehouse.url} see the version of {seen}.", f"Bring them to that of {run}?"):
            say("Nothing was changed.")
            return 1
    found = api.rollback(run, config=config, progress=Lines(PROGRESS.info), wait=wait)
    options.answer(found)
    if not options.quiet:
        for line in lines(found):
            say(line, under=2)
    return 0


def _is_wanted(state: str, question: str) -> bool:
    """Say how things are, and ask.

    Raises
    ------
    UsageError
        If nobody can be asked.
    """
    if sys.stdin is None or not sys.stdin.isatty() or not on_terminal():
        raise UsageError(f"{question} Nobody can be asked here.", hint="--yes does it.")
    say(state)
    return click.confirm(question)

"""``padm-ibis doctor``."""

from __future__ import annotations

import click

from padm_ibis.commands._options import Common, common, say

_COLOURS = {"ok": "", "warning": "yellow", "error": "red"}


@click.command()
@click.option("--grants", "statements", is_flag=True, help="Print, as SQL, what the databases' administrators must run.")
@common("padm_ibis.report.health:Health")
def doctor(options: Common, statements: bool) -> int:
    """Look at configuration, versions, disk, connections, tables and columns, and say what to do.

    Changes nothing. The exit code is 1 when something would stop a run.
    """
    from padm_ibis.doctor import doctor as examine
    from padm_ibis.doctor import grants
    from padm_ibis.report.health import Health

    config = options.load()
    found = Health(grants=grants(config)) if statements else examine(config)
    options.answer(found)
    if options.quiet:
        return found.exit_code
    if found.grants is not None:
        click.echo(found.grants)
        return found.exit_code
    for item in found.findings:
        say(f"{item.verdict:<8}{item.subject}: {item.text}", _COLOURS[item.verdict], under=8)
        if item.advice:
            say(f"        → {item.advice}", under=10)
    warnings = sum(d.verdict == "warning" for d in found.findings)
    say(f"{len(found.errors)} errors, {warnings} warnings ({found.seconds:.1f} s)")
    return found.exit_code

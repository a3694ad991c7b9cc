"""``padm-ibis doctor``."""

from __future__ import annotations

import click

from padm_ibis.commands._options import Common, common

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command()
@common
def doctor(options: Common) -> int:
    """Look at configuration, versions, disk, connections, tables and columns, and say what to do.

    Changes nothing. The exit code is 1 when something would stop a run.
    """
    from padm_ibis.extract.doctor import doctor as examine

    found = examine(options.load())
    options.write_json(found.json())
    if options.quiet:
        return found.exit_code
    for item in found.findings:
        click.echo(click.style(f"{item.verdict:<8}", fg=_COLOURS[item.verdict]) + f"{item.subject}: {item.text}")
        if item.advice:
            click.echo(f"        → {item.advice}")
    warnings = sum(d.verdict == "warning" for d in found.findings)
    click.echo(f"{len(found.errors)} errors, {warnings} warnings ({found.seconds:.1f} s)")
    return found.exit_code

"""``padm-ibis plan``."""

from __future__ import annotations

import click

from padm_ibis.commands._options import Common, common, console, on_terminal, say
from padm_ibis.define.layers import LAYERS


@click.command()
@click.option("--layer", type=click.Choice(LAYERS), help="Last layer to build; by default gold.")
@click.option("--select", multiple=True, metavar="NAME", help="Only this table and what it reads; patterns such as 'mart_*'.")
@click.option("--as-of", metavar="DATE", help="The date the warehouse would speak for; by default today.")
@click.option("--only", is_flag=True, help="Keep to the named layer or tables.")
@common("padm_ibis.report.plan:Plan")
def plan(options: Common, layer: str | None, select: tuple[str, ...], as_of: str | None, only: bool) -> int:
    """Say what `run` would build and why, without building.

    No source is read: what is new there is found out by the run itself.
    """
    from padm_ibis import api

    found = api.plan(layer=layer, select=select, as_of=as_of, only=only, config=options.load(secrets=False))
    options.answer(found)
    if options.quiet:
        return 0
    if on_terminal():
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for name in ("table", "what", "why"):
            table.add_column(name, no_wrap=name != "why")
        for step in found.steps:
            table.add_row(f"{step.layer}.{step.name}", step.action, step.why, style="dim" if step.action == "keep" else "")
        console().print(table)
    else:
        for step in found.steps:
            click.echo(f"{step.action:<5} {step.layer}.{step.name}  {step.why}")
    counts = {action: sum(s.action == action for s in found.steps) for action in ("load", "build", "keep")}
    say(
        f"{found.warehouse} as of {found.as_of}: {counts['load']} to load, {counts['build']} to build,"
        f" {counts['keep']} to keep unless sources have news."
    )
    return 0

"""``padm-ibis schedule`` and ``padm-ibis schedule status``."""

from __future__ import annotations

import click

from padm_ibis.commands._options import Common, common, say


@click.group(invoke_without_command=True)
@click.option("--at", metavar="HH:MM", help="Time of day at which to run, every day.")
@click.option("--timezone", metavar="ZONE", help="IANA time zone of --at; by default this machine's.")
@click.option("--layer", type=click.Choice(("bronze", "silver", "gold")), help="Last layer to build; by default gold.")
@common()
@click.pass_context
def schedule(ctx: click.Context, options: Common, at: str | None, timezone: str | None, layer: str | None) -> None:
    """Run every day, in the foreground, for machines without cron.

    One run at a time; a failed run does not stop the schedule. SIGTERM ends it, and the run that is going on
    with it: readers keep the last good version.
    """
    if ctx.invoked_subcommand is not None:
        return
    if at is None:
        raise click.UsageError("When? --at 02:00", ctx)
    from padm_ibis.schedule import keep

    chosen = {"--config": options.config, "--profile": options.profile, "--warehouse": options.warehouse, "--layer": layer}
    arguments = [part for name, value in chosen.items() if value is not None for part in (name, str(value))]
    keep(options.load(), at, arguments, timezone=timezone, tell=lambda line: click.echo(line, err=True))


@schedule.command()
@common("padm_ibis.schedule:ScheduleStatus")
def status(options: Common) -> int:
    """Say when the next run is, and how the last ones ended."""
    from padm_ibis import schedule as twin

    known = twin.status(options.load())
    if known is None:
        say("There is no schedule for this warehouse. Start one: padm-ibis schedule --at 02:00")
        return 1
    options.answer(known)
    if options.quiet:
        return 0
    keeper = f"process {known.pid}" if known.pid else "not running"
    say(f"daily at {known.at} ({known.timezone}): {keeper}")
    say(f"running since: {known.running_since or '-'}")
    say(f"next run:      {known.next_run or '-'}")
    for run in known.runs[-10:]:
        say(f"{run.started}  {run.seconds:>8.1f} s  {run.outcome}")
    return 0

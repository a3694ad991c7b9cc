"""``padm-ibis schedule`` and ``padm-ibis schedule status``."""

from __future__ import annotations

import click

from padm_ibis.commands._logs import ROOT
from padm_ibis.commands._options import Common, common, say


@click.group(invoke_without_command=True)
@click.option("--at", metavar="HH:MM", help="Time of day at which to run, every day.")
@click.option("--timezone", metavar="ZONE", help="IANA time zone of --at; by default this machine's.")
@click.option("--layer", type=click.Choice(("bronze", "silver", "gold")), help="Last layer to build; by default gold.")
@click.option(
    "--publish/--no-publish", default=None, help="Whether each run publishes what passed; by default as [schedule] says."
)
@common()
@click.pass_context
def schedule(
    ctx: click.Context, options: Common, at: str | None, timezone: str | None, layer: str | None, publish: bool | None
) -> None:
    """Run every day, in the foreground, for machines without cron.

    One run at a time; a failed run does not stop the schedule. SIGTERM ends it, and the run that is going on
    with it: readers keep the last good version. What is not said here is taken
    from [schedule].
    """
    if ctx.invoked_subcommand is not None:
        return
    said = {"--log-format": options.logs.format, "--log-file": options.logs.file}  # the rest each run reads for itself
    config = options.load()
    at = at or config.schedule.at
    if at is None:
        raise click.UsageError("When? --at 02:00, or [schedule] at = …", ctx)
    from padm_ibis.schedule import keep

    layer = layer or config.schedule.layer
    chosen = {
        **said,
        "--layer": layer,
        "--config": options.config,
        "--profile": options.profile,
        "--warehouse": options.warehouse,
    }
    arguments = [part for name, value in chosen.items() if value is not None for part in (name, str(value))]
    if config.schedule.publish if publish is None else publish:
        arguments.append("--publish")
    keep(config, at, arguments, timezone=timezone or config.schedule.timezone, tell=ROOT.info)


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

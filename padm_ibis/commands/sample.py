"""``padm-ibis sample``."""

from __future__ import annotations

import click

from padm_ibis.commands._options import Common, common
from padm_ibis.report.text import duration


@click.command()
@click.option("--into", metavar="URL", default="duckdb://sample.duckdb", show_default=True, help="duckdb://FILE or postgres://….")
@click.option("--students", type=click.IntRange(1), default=500, show_default=True, help="Students of each campus.")
@click.option("--years", type=click.IntRange(1, 60), default=12, show_default=True, help="Academic years.")
@click.option(
    "--campuses", type=click.IntRange(1, 50), default=1, show_default=True, help="One: schema negocio; several: negocio_sede1, …."
)
@click.option("--seed", type=int, default=7, show_default=True, help="Same seed, same university.")
@click.option("--replace", is_flag=True, help="Replace a sample that is already there.")
@common("padm_ibis.sample.write:SampleReport")
def sample(options: Common, into: str, students: int, years: int, campuses: int, seed: int, replace: bool) -> int:
    """Write the sample university, of any size, into DuckDB or PostgreSQL.

    Its people are invented; its tables, codes and blemishes are those of SIU Guaraní 3.
    """
    from padm_ibis.config import redact_address
    from padm_ibis.sample import write_sample

    if options.config or options.profile:  # not needed, but what was named must exist
        options.load(secrets=False)
    report = write_sample(into, students=students, years=years, campuses=campuses, seed=seed, replace=replace)
    options.answer(report)
    if not options.quiet:
        click.echo(
            f"{report.rows:,} rows into {redact_address(into)} in {duration(report.seconds)}. To build from it, in padm.toml:"
        )
        secret = redact_address(into) != into
        for source in report.sources:
            shown = "${SAMPLE_URL}" if secret else into
            click.echo(f'\n[sources.{source.name}]\nurl = "{shown}"\nschema = "{source.schema}"')
        if secret:
            click.echo("\nSAMPLE_URL stands for the address given to --into: a password belongs into the environment.")
    return 0

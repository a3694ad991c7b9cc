"""``padm-ibis sql``."""

from __future__ import annotations

import click

from padm_ibis.commands._options import Common, common
from padm_ibis.report.tables import Statement

DIALECTS = ("duckdb", "postgres", "pyspark")


@click.command()
@click.argument("name")
@click.option("--dialect", type=click.Choice(DIALECTS), help="By default that of the warehouse.")
@click.option("--as-of", metavar="DATE", help="The date in the statement; by default today.")
@common("padm_ibis.report.tables:Statement")
def sql(options: Common, name: str, dialect: str | None, as_of: str | None) -> int:
    """Write the SQL of one table, without connecting to anything.

    It is what `run` executes, in the dialect of any engine.
    """
    from padm_ibis import api
    from padm_ibis.definitions import Definitions

    day = api.date(as_of)
    config = options.load(secrets=False)
    definitions = Definitions(config)
    graph = definitions.graph
    model = graph[name]
    from padm_ibis.define import compile

    chosen = dialect or config.warehouse.url.scheme
    text = compile.sql(graph.bind(model, definitions.params(day)), chosen)
    options.answer(Statement(model.name, chosen, text))
    if not options.quiet:
        click.echo(text)
    return 0

"""``padm-ibis show``."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from padm_ibis.commands._options import Common, common, console, on_terminal, say
from padm_ibis.errors import UsageError
from padm_ibis.report.tables import DescribedColumn, DescribedTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from padm_ibis.define.contract import Column
    from padm_ibis.define.graph import Graph
    from padm_ibis.define.model import Model
    from padm_ibis.params import Params
    from padm_ibis.sources.spec import ResourceSpec


@click.command()
@click.argument("name")
@click.option("--restated", is_flag=True, help="Show which of its published rows later runs restated: keys, columns, causes.")
@click.option("--since", metavar="RUN", help="With --restated: how much of what this run published is otherwise now.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="With --restated: most rows to list.")
@common("padm_ibis.report.tables:Shown")
def show(options: Common, name: str, restated: bool, since: str | None, limit: int) -> int:
    """Show one table: its columns, what it reads, who reads it.

    With --restated, of a point-in-time table: rows of years that were published
    and say something else since, with their causes.
    """
    if restated:
        return _show_restated(options, name, since, limit)
    if since is not None:
        raise UsageError("--since goes with --restated.")
    from padm_ibis import api
    from padm_ibis.definitions import Definitions
    from padm_ibis.engine.erased import specs_of

    config = options.load(secrets=False)
    definitions = Definitions(config)
    graph = definitions.graph
    described = describe(graph, graph[name], definitions.params(api.date(None)), specs_of(config).values())
    options.answer(described)
    if options.quiet:
        return 0
    for key in ("table", "description", "key", "defined_at", "reads", "read_by", "parameters", "per_person"):
        value = getattr(described, key)
        if value:
            say(f"{key.replace('_', ' ') + ':':<13}{', '.join(value) if isinstance(value, list) else value}", under=13)
    click.echo()
    _show_columns(described.columns)
    return 0


def _show_restated(options: Common, name: str, since: str | None, limit: int) -> int:
    from padm_ibis import overview
    from padm_ibis.report.restated import lines

    found = overview.restated(name, since, config=options.load(secrets=False))
    options.answer(found)
    if not options.quiet:
        for text in lines(found, limit):
            say(text, under=2)
    return 0


def describe(graph: Graph, model: Model, params: Params, specs: Iterable[ResourceSpec] = ()) -> DescribedTable:
    """Return what is known of a table, as plain data.

    Parameters
    ----------
    specs
        The tables that sources fill, which say whose their rows are.
    """
    from padm_ibis.define import contract as contracts
    from padm_ibis.define.moments import read_by
    from padm_ibis.define.owner import keys_by_table
    from padm_ibis.engine.moved import keys_of

    above = [m for m in graph if m.layer != "bronze" and m.name in graph.dag.upstream([model.name])]
    keys = keys_by_table({m.name: graph.bind(m, params) for m in above}, keys_of(list(specs))).get(model.name, ())

    return DescribedTable(
        table=f"{model.layer}.{model.name}",
        description=(inspect.getdoc(model.function) or "").split("\n\n")[0].replace("\n", " "),
        key=list(model.grain),
        defined_at=model.where,
        reads=list(model.inputs),
        read_by=[other.name for other in graph if model.name in other.inputs and other.layer != "bronze"],
        parameters=list(read_by(graph, model, params)),
        per_person=[keys[0].source, keys[0].number] if keys else [],
        columns=[_described(model, c) for c in contracts.columns(model.contract, params)],
    )


def _described(model: Model, column: Column) -> DescribedColumn:
    from padm_ibis.define.model import Resource

    c, time = column, model.time_of(column.name) if isinstance(model, Resource) else None
    return DescribedColumn(c.name, str(c.dtype.copy(nullable=True)), c.nullable, c.role, c.pii, c.fk, c.description, time)


def _show_columns(columns: list[DescribedColumn]) -> None:
    if not on_terminal():
        for c in columns:
            reference = f" → {c.foreign_key}" if c.foreign_key else ""
            click.echo(
                f"{c.name}  {', '.join([c.type, 'null' if c.null else 'not null', *_kind(c)])}{reference}  {c.description}"
            )
        return
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in ("column", "type", "null", "role", "description"):
        table.add_column(name, no_wrap=name not in ("description", "role"), overflow="fold")
    for c in columns:
        table.add_row(c.name, c.type, "yes" if c.null else "", ", ".join(_kind(c)), escape(c.description))
    console().print(table)


def _kind(column: DescribedColumn) -> list[str]:
    """What a column is for, the class of personal data if it is any, and in bronze the time that it speaks of."""
    return [column.role, *([column.pii] if column.pii != "none" else []), *([column.time] if column.time else [])]

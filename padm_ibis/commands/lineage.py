"""``padm-ibis lineage``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from padm_ibis.commands._options import Common, common, console, say
from padm_ibis.errors import UnknownName

if TYPE_CHECKING:
    from padm_ibis.define.lineage import Lineage, Node, Ref

FORMATS = ("tree", "mermaid", "dot")


@click.command()
@click.argument("name", metavar="TABLE[.COLUMN]")
@click.option("--format", "form", type=click.Choice(FORMATS), default="tree", show_default=True, help="How to write it.")
@click.option("--indirect", is_flag=True, help="Follow columns that only filter, join or group, too.")
@common("padm_ibis.report.tables:Branches")
def lineage(options: Common, name: str, form: str, indirect: bool) -> int:
    """Show where a column comes from, through every table down to the sources.

    Columns that only decide which rows count (filters, joins, groups) are named apart from those the value is made of.
    """
    from padm_ibis import api
    from padm_ibis.define import lineage as lines
    from padm_ibis.definitions import Definitions

    definitions = Definitions(options.load(secrets=False))
    graph = definitions.graph
    params = definitions.params(api.date(None))
    table, column = split(name, graph.names)
    reached = graph.dag.upstream([table])
    models = [m for m in graph if m.name in reached]
    known = lines.Lineage({m.name: graph.bind(m, params) for m in models}, {m.name: m.layer for m in models})
    columns = [column] if column else list(known.table(table))
    starts = [lines.Ref(table, c) for c in columns]
    trees = [lines.tree(known, start) for start in starts]
    described: Any = [tree.as_dict() for tree in trees]
    options.answer(described[0] if column else described)
    if options.quiet:
        return 0
    if form == "mermaid":
        click.echo(lines.mermaid(known, starts, indirect=indirect))
    elif form == "dot":
        click.echo(lines.dot(known, starts, indirect=indirect))
    elif column:
        _show_tree(trees[0], indirect=indirect)
        _show_sources(known, starts[0])
    else:
        for start in starts:
            made_of = ", ".join(str(ref) for ref in sorted(known.column(start).values)) or "no column"
            say(f"{start.column}  ←  {made_of}")
    return 0


def split(name: str, tables: tuple[str, ...]) -> tuple[str, str | None]:
    """``gold.t.c``, ``t.c``, ``gold.t`` or ``t`` → table and column."""
    parts = name.split(".")
    if parts[0] in ("bronze", "silver", "gold") and len(parts) > 1:
        parts = parts[1:]
    if parts[0] not in tables:
        raise UnknownName("table", parts[0], tables)
    return parts[0], ".".join(parts[1:]) or None


def _show_tree(node: Node, *, indirect: bool) -> None:
    from rich.markup import escape
    from rich.tree import Tree

    def label(node: Node) -> str:
        how = f" [dim]{', '.join(node.how)}[/dim]" if node.how else ""
        again = " [dim](shown above)[/dim]" if node.repeated else ""
        return f"[dim]{node.layer}.[/dim]{escape(node.ref.table)}.[bold]{escape(node.ref.column)}[/bold]{how}{again}"

    def grow(branch: Tree, node: Node) -> None:
        for child in node.values:
            grow(branch.add(label(child)), child)
        if indirect and node.indirect:
            branch.add(f"[dim]rows decided by {escape(', '.join(str(r) for r in node.indirect))}[/dim]")

    root = Tree(label(node), guide_style="dim")
    grow(root, node)
    console(cut=False).print(root, soft_wrap=True)


SHOWN = 12  # columns that a person still reads


def _show_sources(known: Lineage, start: Ref) -> None:
    found = known.sources(start)
    click.echo()
    say(f"value from: {', '.join(str(r) for r in sorted(found.values)) or 'no column: rows are counted'}")
    tables = {ref.table for ref in found.indirect}
    if len(found.indirect) > SHOWN:
        say(f"rows decided by: {len(found.indirect)} columns of {len(tables)} source tables; --json - lists them")
    else:
        say(f"rows decided by: {', '.join(str(r) for r in sorted(found.indirect)) or 'nothing else'}")

"""``padm-ibis new``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from padm_ibis.commands._options import Common, common, say

if TYPE_CHECKING:
    from padm_ibis.report.tables import NewTable


@click.group()
def new() -> None:
    """Begin a table of your own: its model, its contract and a failing test."""


@new.command()
@click.argument("name")
@click.option(
    "--grain", metavar="COLUMNS", multiple=True, required=True,
    help="Columns that identify a row, with commas between, or the option once for each.",
)  # fmt: skip
@click.option(
    "--depends", metavar="TABLES", multiple=True,
    help="Tables that it reads; by default the first that has the grain and several rows to one of it.",
)  # fmt: skip
@click.option("--module", metavar="PACKAGE", help="Package to write it into; by default the configured one, else marts.")
@common("padm_ibis.report.tables:NewTable")
def mart(options: Common, name: str, grain: tuple[str, ...], depends: tuple[str, ...], module: str | None) -> int:
    """Write a model with its contract, and a test that fails until it is filled in.

    NAME is that of the table, such as mart_alumnos_por_propuesta. The model
    counts rows by the grain at first. No file is ever overwritten.
    """
    from padm_ibis.api import split_names
    from padm_ibis.author import new_mart

    made = new_mart(name, split_names(grain), depends=split_names(depends), module=module, config=options.load(secrets=False))
    options.answer(made)
    if not options.quiet:
        for line in _told(made):
            say(line, under=6)
    return 0


def _told(made: NewTable) -> Iterator[str]:
    yield f"{made.table}: one row per {', '.join(made.key)}, from {', '.join(made.reads)}."
    yield from (f"  wrote {file}" for file in made.files)
    *_, model, test = made.files
    yield ""
    yield "Next:"
    yield f"  1.  Say in {model} what a row is, and count or sum what you need."
    yield f"  2.  Write the rows you expect into {test}, then: python -m pytest {test}"
    if made.configured:
        yield f"  3.  padm-ibis run --select {made.table}"
        return
    yield f"  3.  Add this to {made.configuration or 'a padm.toml'}, then: padm-ibis run --select {made.table}"
    yield ""
    yield "[models]"
    modules = ", ".join(f'"{module}"' for module in made.modules)
    yield f"modules = [{modules}]"
    if made.configuration is None:
        yield ""
        yield (
            "A padm.toml names its sources, too; the embedded sample is there only without one. `padm-ibis sample` writes a"
            " source to try with, and says what to put there."
        )

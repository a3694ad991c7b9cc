"""``padm-ibis forget``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from padm_ibis.commands._options import Common, common, masking, on_terminal, say, waiting
from padm_ibis.errors import PadmError, UsageError

if TYPE_CHECKING:
    from padm_ibis.report.erasure import Erasure


@click.command()
@click.option("--persona", multiple=True, metavar="SOURCE:ID", help="A source, and its number of the person.")
@click.option("--documento", metavar="HASHFILE", help="Whoever has one of these documents, in every source: a hash a line.")
@click.option("--export", multiple=True, metavar="DIR", help="An export made elsewhere; those made here are known.")
@click.option("--dry-run", is_flag=True, help="Count what would be removed; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@waiting
@common("padm_ibis.report.erasure:Erasure")
def forget(
    options: Common,
    persona: tuple[str, ...],
    documento: str | None,
    export: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    wait: float,
) -> int:
    """Erase people from the warehouse and from what was made of it, and keep them away.

    Their rows leave bronze, silver, gold, rejected rows, earlier versions,
    exports with a manifest and published mirrors; later runs leave out what the
    sources send of them. A certificate says what was removed where, and what is
    out of reach. Without --persona and --documento, what was cut off is finished.
    """
    from padm_ibis import erasure

    config = options.load()
    people: dict[str, Any] = {"persona": persona, "documento": documento, "export": export, "config": config, "wait": wait}
    try:
        if dry_run:
            found = erasure.forget(**people, dry_run=True)
        elif not yes and (persona or documento) and not _is_wanted(erasure.forget, people):
            say("Nothing was changed.")
            return 1
        else:
            with options.progress() as progress:
                found = erasure.forget(**people, progress=progress)
    except PadmError as error:
        raise masking(config, error) from None
    options.answer(found)
    if not options.quiet:
        show(found)
    return found.exit_code


def show(found: Erasure) -> None:
    """Print an erasure."""
    from padm_ibis.report.erasure import lines

    for line in lines(found):
        say(line, under=11)


def _is_wanted(look: Callable[..., Erasure], people: dict[str, Any]) -> bool:
    """Show what would be removed, and ask.

    Raises
    ------
    UsageError
        If nobody can be asked.
    """
    if sys.stdin is None or not sys.stdin.isatty() or not on_terminal():
        raise UsageError("An erasure cannot be undone, and nobody can be asked here.", hint="--dry-run looks, --yes does it.")
    show(look(**people, dry_run=True))
    return click.confirm("This cannot be undone. Erase them?")

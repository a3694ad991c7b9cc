"""``padm-ibis audit``: leakage and privacy."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from padm_ibis.commands._logs import ROOT
from padm_ibis.commands._options import Common, common, on_terminal, say

if TYPE_CHECKING:
    from padm_ibis.audit.leakage import LeakageReport
    from padm_ibis.audit.privacy import Finding, PrivacyReport
    from padm_ibis.config import Config
    from padm_ibis.define.graph import Graph
    from padm_ibis.warehouse import Warehouse


@click.group()
def audit() -> None:
    """Prove that no feature sees the future, and where personal data goes."""


@audit.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--cut", "cuts", type=int, multiple=True, metavar="YEAR", help="Cut at the end of this year; by default every one.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Cut at N years only, spread evenly.")
@click.option("--no-perturb", is_flag=True, help="Only take later facts away; do not change them as well.")
@click.option("--whole", is_flag=True, help="Audit everybody, not a sample of people, in every table.")
@click.option("--persons", type=click.IntRange(1), metavar="N", help="People of the sample; by default 1,400.")
@click.option("--changed", is_flag=True, help="Only tables of which a definition changed since they were proved.")
@click.option("--all", "everything", is_flag=True, help="List every column, not only those that fail.")
@common("padm_ibis.audit.leakage:LeakageReport")
def leakage(
    options: Common,
    tables: tuple[str, ...],
    cuts: tuple[int, ...],
    sample: int | None,
    no_perturb: bool,
    whole: bool,
    persons: int | None,
    changed: bool,
    everything: bool,
) -> int:
    """Take the future away, rebuild, and see whether the past changes.

    By default all point-in-time tables are audited, your own included. What the source overwrites and is no constant
    (`now` in `show TABLE`) is changed as well. A column that moves is a leak; one that no cut could have moved is not
    proved, and fails too. Tables that are made person by person are audited on a sample of people, with a bound on what
    that may miss; tables in which people meet, and small universities, whole. Nothing is written to the warehouse.
    """
    from padm_ibis import connect
    from padm_ibis.audit.leakage import MODES, PERSONS, audit_leakage
    from padm_ibis.definitions import Definitions

    config = options.load(secrets=False)
    graph = Definitions(config).graph
    tell = (lambda text: ROOT.info("  %s", text)) if sys.stderr.isatty() else (lambda text: None)
    with connect(config) as warehouse:
        report = audit_leakage(
            warehouse, graph, tables=tables, cuts=cuts, sample=sample, modes=("remove",) if no_perturb else MODES,
            whole=whole, persons=persons or PERSONS, changed=changed, progress=tell,
        )  # fmt: skip
    options.answer(report)
    if not options.quiet:
        _show_leakage(report, everything=everything)
    return 0 if report.ok else 1


def _show_leakage(report: LeakageReport, *, everything: bool) -> None:
    for c in report.columns:
        if everything or c.verdict in ("leak", "vacuous"):
            tried = f"{c.probes:,} probes, {c.effective:,} effective, {c.moved:,} moved"
            such = f": {'; '.join(c.examples)}" if c.examples else ""
            now = [f"by {', '.join(c.now)}, which is now"] if c.now else []
            _tell(f"{c.verdict}  {c.table}.{c.column}", [tried + such, *now])
    if report.tables:
        say(f"{_verdict(report)}; {report.seconds:.1f} s")
    if report.sample is not None:
        say(report.sample.bound)
    for proof in report.skipped:
        whom = "everybody" if proof.persons is None else f"{proof.persons:,} persons"
        say(f"Not changed since it was proved: {proof.table} ({proof.at:%Y-%m-%d %H:%M} UTC, run {proof.run_id}, on {whom})")
    if report.unkept:
        ROOT.warning("What was proved is not remembered: %s.", report.unkept)


def _verdict(report: LeakageReport) -> str:
    counts = Counter(c.verdict for c in report.columns)
    verdict = "No leak" if report.ok else "LEAKS" if report.leaks else "NOT PROVED"
    return (
        f"{verdict}: {', '.join(report.tables)}; {counts['ok']} columns proved, {counts['constant']} constant, "
        f"{counts['leak']} leaking, {counts['vacuous']} without proof; {len(report.cuts)} cuts from {min(report.cuts)} "
        f"to {max(report.cuts)}, {' and '.join(report.modes)}"
    )


def _tell(head: str, parts: Sequence[str], style: str = "") -> None:
    """Print what was found of one column: a line of its own elsewhere, each part below the head on a terminal."""
    if not on_terminal():
        click.echo("  ".join([head, *parts]))
        return
    say(head, style)
    for part in parts:
        say(f"    {part}", under=6)


@audit.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--all", "everything", is_flag=True, help="List every column, not only what needs a look.")
@common("padm_ibis.audit.privacy:PrivacyReport")
def privacy(options: Common, tables: tuple[str, ...], everything: bool) -> int:
    """Show which personal data reaches where, computed from the code.

    A column of silver or gold above its declared class, or of unknown origin, is an error. What is direct or sensitive is
    followed by value and by control: a column that only filters, joins, groups or orders still tells. No warehouse is
    needed; where there is one, the people behind columns that are declared to be aggregates over at least k of them are
    counted.
    """
    from padm_ibis import api
    from padm_ibis.audit.privacy import audit_privacy
    from padm_ibis.definitions import Definitions

    config = options.load(secrets=False)
    definitions = Definitions(config)
    graph = definitions.graph
    names = [graph[t].name for t in tables]
    with _people_of(config, graph) as warehouse:
        params = definitions.params(warehouse.as_of if warehouse else api.date(None))
        report = audit_privacy(graph, params, names, warehouse=warehouse)
    options.answer(report)
    if not options.quiet:
        _show_privacy(report, everything=everything)
    return 0 if report.ok else 1


@contextmanager
def _people_of(config: Config, graph: Graph) -> Iterator[Warehouse | None]:
    """The warehouse, if it is of use and there is one."""
    from padm_ibis import connect
    from padm_ibis.audit.privacy import counts_people
    from padm_ibis.errors import WarehouseError

    with ExitStack() as stack:
        warehouse = None
        if counts_people(graph):
            try:
                warehouse = stack.enter_context(connect(config))
            except WarehouseError as error:
                ROOT.warning("Aggregates are judged by their shape alone: %s", error.message)
        yield warehouse


def _show_privacy(report: PrivacyReport, *, everything: bool) -> None:
    shown = [c for c in report.columns if everything or _needs_a_look(c)]
    for c in shown:
        parts = (f"from {_made_from(c)}", _breaker(c), f"PROBLEM: {_problem(c)}" if c.problem else "")
        _tell(f"{c.layer}.{c.table}.{c.column}  {c.declared}", [part for part in parts if part], "red" if c.problem else "")
    if len(shown) < len(report.columns):
        say(f"{_columns(len(report.columns) - len(shown))} more hold what their class allows; --all lists them.")
    counts = Counter(c.declared for c in report.columns)
    classes = ", ".join(f"{counts[k]} {k}" for k in ("sensitive", "direct", "indirect", "none"))
    verdict = (
        "No column is above its declared class" if report.ok else f"{_columns(len(report.problems))} may not stay as they are"
    )
    say(f"{verdict}: {_columns(len(report.columns))} ({classes}).")


def _needs_a_look(found: Finding) -> bool:
    """Problems, what names a person or is sensitive beyond bronze, and every place where a class is lowered."""
    beyond_bronze = found.layer != "bronze" and found.declared in ("direct", "sensitive")
    return bool(found.problem or beyond_bronze or (found.breaker and found.layer != "bronze"))


def _made_from(found: Finding) -> str:
    """What its values come from, and what only decides about them."""
    decided = f"; decided by {', '.join(found.controls)}" if found.controls else ""
    return f"{', '.join(found.sources) or 'no source'}{decided}"


def _problem(found: Finding) -> str:
    return f"{found.problem}: {' → '.join(found.path)}" if found.problem and found.path else found.problem


def _columns(count: int) -> str:
    return f"{count:,} column{'s' * (count != 1)}"


def _breaker(found: Finding) -> str:
    if found.k is None:
        return ": ".join(text for text in (found.breaker, found.why) if text)
    people = f"smallest {found.smallest}" if found.smallest is not None else "nobody counted"
    return f"{found.breaker} of {found.k} people at least ({people}): {found.why}"

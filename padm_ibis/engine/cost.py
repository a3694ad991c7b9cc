"""What of the warehouse has nothing to be made of, where a source does not give all that bronze reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from padm_ibis.extract.findings import Finding, listed
from padm_ibis.report.results import CheckResult

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.define.dag import Dag
    from padm_ibis.define.graph import Graph
    from padm_ibis.params import Params

RULE = "not_given"
_MANY = 5


def not_given(config: Config, dag: Dag, findings: Iterable[Finding]) -> Iterator[CheckResult]:
    """Yield what a run says of each thing that a source does not give: what of bronze is empty, and who reads that."""
    for finding in findings:
        tables = list(dict.fromkeys(name.partition(".")[0] for name in finding.suffers))
        verdicts = {config.severity(f"{name}.{RULE}", "warn") for name in tables} - {"off"}
        if not verdicts:
            continue
        readers = [node.name for node in dag if set(tables) & set(node.inputs)]
        reached = f", which {listed(readers)} read{'s' if len(readers) == 1 else ''}" if readers else ""
        place = f"bronze.{tables[0]}" if len(tables) == 1 else "bronze"
        yield CheckResult(place, RULE, "error" if "error" in verdicts else "warn", 0, (f"{finding}{reached}",))


def cost(graph: Graph, params: Params, suffers: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return table → its columns that are made of what is empty, in building order.

    Parameters
    ----------
    suffers
        What of bronze is empty: ``table``, or ``table.column``.
    """
    from padm_ibis.define.lineage import Ref, of_expression

    bronze = {name.partition(".")[0] for name in suffers}
    read = graph.dag.downstream(bronze & set(graph.names))
    empty: set[Ref] = set()
    found: dict[str, tuple[str, ...]] = {}
    for model in graph:
        if model.layer == "bronze" or model.name not in read:
            continue
        origins = of_expression(graph.bind(model, params))
        lost = [name for name, origin in origins.items() if any(r in empty or _is_in(suffers, r) for r in origin.values)]
        if lost:
            found[model.name] = tuple(lost)
            empty |= {Ref(model.name, name) for name in lost}
    return found


def told(found: Mapping[str, Collection[str]]) -> str:
    """Say which tables and columns suffer: the columns by name where they are few."""
    shown = (f"{table} ({listed(list(columns)) if len(columns) < _MANY else f'{len(columns)} columns'})"
             for table, columns in found.items())  # fmt: skip
    return listed(list(shown))


def _is_in(suffers: Collection[str], ref: object) -> bool:
    text = str(ref)
    return text in suffers or text.partition(".")[0] in suffers

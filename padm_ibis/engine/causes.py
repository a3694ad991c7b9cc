"""Why a row of a moment that was published says something else now, as far as it can be told apart.

What is known of a table: which of code, parameters and bronze tables are other ones than when it was made. What is known of a
row: which of its columns moved, and whether a fact of its own student or person is new, another or gone. A finer knowledge of
what happened to bronze, row by row, would come in as `Evidence`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from padm_ibis.engine import ledger, queries

if TYPE_CHECKING:
    from padm_ibis.engine.ledger import Record
    from padm_ibis.engine.state import RunState

ERASED, CODE, PARAMETERS, DATA = "erased", "code", "parameters", "data"
AS_OF = "as_of"
NOT_FEATURES = ("key", "target", "metadata")
"""Roles of columns that may be told later than their row: labels, partitions, lengths of series."""


@dataclass(frozen=True, slots=True)
class Change:
    """What of a table, or of the tables it is made of, is another than when it was made last.

    Attributes
    ----------
    code
        Whether an expression or contract is.
    params
        Run parameters that are.
    data
        Bronze tables that are.
    back
        Whether ``as_of`` went back, so that years end which had been published.
    """

    code: bool = False
    params: frozenset[str] = frozenset()
    data: tuple[str, ...] = ()
    back: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a restated row.

    Attributes
    ----------
    kind
        See `report.restated.Restated`.
    feature
        Whether a column moved that no later knowledge may move.
    label
        Whether a label moved.
    revised
        Whether a label moved that had been told; one that became known is none.
    late, corrected, deleted
        Whether a fact of its own is new, another, or gone.
    """

    kind: str
    feature: bool
    label: bool
    revised: bool
    late: bool
    corrected: bool
    deleted: bool


def cause(row: Evidence, change: Change) -> str:
    """Return the cause of a restated row: several, joined by ``+``, where each of them may have been it."""
    dated = AS_OF in change.params
    became_known = row.kind == "changed" and row.label and not row.feature and not row.revised
    if dated and (became_known or (change.back and row.kind == "removed")):
        return PARAMETERS
    found = [name for name in ("late", "corrected", "deleted") if getattr(row, name)]
    found += [CODE] * change.code + [PARAMETERS] * bool(change.params - {AS_OF})
    if found:
        return "+".join(found)
    if dated and row.kind == "changed" and not row.feature and not row.revised:
        return PARAMETERS
    if change.data:
        return DATA
    return PARAMETERS if change.params else CODE  # the engine's, or this package's around the models


def of_table(run: RunState, name: str, known: Mapping[str, Record]) -> Change:
    """Return what changed since a table was made that this run made anew."""
    dag, models = run.definitions.dag, run.definitions.graph.models
    before = [(dag.nodes[one], known[one]) for one in sorted(dag.upstream([name])) if one in known]
    made = [(node, record) for node, record in before if node.layer != "bronze"]
    params = {node.name: (json.loads(record.params), json.loads(ledger.params_of(node, run.params))) for node, record in made}
    moved = {one: {key for key in {*was, *now} if was.get(key) != now.get(key)} for one, (was, now) in params.items()}
    # the expression of a table holds its parameters: where one of those is another, the code need not be
    written = [(node, record) for node, record in before if not moved.get(node.name, set()) - {AS_OF}]
    read = {(item, record.inputs.get(item)) for node, record in made for item in node.inputs if dag.nodes[item].layer == "bronze"}
    return Change(
        code=any(record.model and record.model != queries.code(run, models[node.name]) for node, record in written),
        params=frozenset[str]().union(*moved.values()),
        data=tuple(sorted({item for item, version in read if item in known and version != known[item].made_by})),
        back=any(now.get(AS_OF, "") < was.get(AS_OF, "") for was, now in params.values()),
    )

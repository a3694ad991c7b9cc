"""Which columns of bronze a column is made from or decided by, read off the operations of every model between them."""

from __future__ import annotations

from collections.abc import Mapping

import ibis.expr.types as ir

from padm_ibis.define.grain import Grain
from padm_ibis.define.graph import Graph
from padm_ibis.define.influence import Walk, ref, rows_of
from padm_ibis.define.lineage import Ref


class Reach:
    """The ways from columns and rows down to bronze, by value and by control.

    Parameters
    ----------
    expressions
        Table name → its expression over tables without data, for all tables between bronze and what is asked for.
    """

    def __init__(self, graph: Graph, expressions: Mapping[str, ir.Table]) -> None:
        grain = Grain(lambda table: (graph[table].grain,) if table in graph.models else ())
        self._walks = {name: Walk(expression, grain) for name, expression in expressions.items()}
        self._known: dict[Ref, frozenset[Ref]] = {}

    def bronze(self, of: Ref) -> frozenset[Ref]:
        """Return the columns of bronze, and the bronze tables whose rows (`rows_of`), that reach a column or a table's rows."""
        if of not in self._known:
            self._known[of] = self._found(of)
        return self._known[of]

    def _found(self, of: Ref) -> frozenset[Ref]:
        walk = self._walks.get(of.table)
        if walk is None:
            return frozenset({of})
        ways = walk.rows() if of == rows_of(of.table) else walk.column(of.column)
        return frozenset().union(*(self.bronze(one) for one in {ref(i.origin) for i in ways.influences}))

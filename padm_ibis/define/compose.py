"""Several models as one expression: each input that is not given is itself written out."""

from __future__ import annotations

from collections.abc import Callable

import ibis.expr.types as ir

from padm_ibis.define.graph import Graph
from padm_ibis.define.model import Model
from padm_ibis.params import Params

Given = Callable[[Model], "ir.Table | None"]


def compose(graph: Graph, names: list[str] | tuple[str, ...], params: Params, given: Given) -> dict[str, ir.Table]:
    """Return the expressions of the named models over the tables that ``given`` provides.

    Parameters
    ----------
    given
        Returns the table that stands for a model, or None to write its expression out. Bronze must be given.
    """
    known: dict[str, ir.Table] = {}

    def resolve(model: Model) -> ir.Table:
        if model.name not in known:
            table = given(model)
            known[model.name] = graph.bind(model, params, resolve) if table is None else table
        return known[model.name]

    return {name: resolve(graph[name]) for name in names}

"""Which columns of silver and gold name a person, by the lineage of every model down to what a source says of its tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

from padm_ibis.sources.spec import identity_of

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.define.source_table import Identity

SOURCE = "source_db"
Columns = Mapping[str, "Identity"]


def people_columns(config: Config) -> dict[str, Columns]:
    """Return, for each table of silver and gold whose rows say their source, the columns that name people."""
    from padm_ibis.define.lineage import Lineage, Ref
    from padm_ibis.definitions import Definitions

    graph = Definitions(config).graph
    params = config.params(dt.date(2000, 1, 1))  # any day: no column depends on it
    expressions = {model.name: graph.bind(model, params) for model in graph}
    lineage = Lineage(expressions, {model.name: model.layer for model in graph})
    found: dict[str, Columns] = {}
    for model in graph:
        schema = expressions[model.name].schema()
        if model.layer == "bronze" or SOURCE not in schema:
            continue
        named = {name: identity_of(lineage.sources(Ref(model.name, name)), kind, graph.sources) for name, kind in schema.items()}
        found[model.name] = {name: identity for name, identity in named.items() if identity is not None}
    return found

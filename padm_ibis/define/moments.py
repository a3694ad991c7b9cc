"""Which of a run's parameters a table reads, found by writing its expression: a day that changes none changes nothing."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from padm_ibis.define import contract as contracts
from padm_ibis.params import Params

if TYPE_CHECKING:
    from padm_ibis.define.graph import Graph
    from padm_ibis.define.model import Model

FIELDS = tuple(field.name for field in fields(Params))
WORDS = (*FIELDS, *(name for name, value in vars(Params).items() if isinstance(value, property)))
"""What a model can ask of the parameters: what was configured, and what follows from it, such as the last closed year."""


DATED = frozenset({"as_of"} | {*WORDS} - {*FIELDS})
"""Those that are others on another day."""


def watched(params: Params, read: set[str]) -> Params:
    """Return the same parameters, which note in ``read`` what is asked of them; a closed year is a word of its own."""

    class Watched(Params):
        """Parameters that note what is asked of them."""

        def __getattribute__(self, name: str) -> Any:
            if name in WORDS:
                read.add(name)
                return getattr(params, name)
            if not name.startswith("__"):
                read.update({*FIELDS} - {"lms"})  # a method may read any of the others
            return object.__getattribute__(self, name)

    return Watched(**{name: getattr(params, name) for name in FIELDS})


def read_by(graph: Graph, model: Model, params: Params) -> tuple[str, ...]:
    """Return the names of the parameters that a model reads."""
    if not model.takes_params:
        return ()
    read = set[str]()
    graph.bind(model, watched(params, read), lambda m: contracts.unbound(m.contract, m.name, params))
    return tuple(sorted(read))


def values(names: tuple[str, ...], params: Params) -> dict[str, str]:
    """Return what some parameters are, as text."""
    return {name: str(getattr(params, name)) for name in names}

"""Which table reads which, as plain names: enough to choose and to order, without importing Ibis."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType

from padm_ibis.define.layers import LAYERS
from padm_ibis.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Node:
    """One table: its place and what it reads.

    Attributes
    ----------
    inputs
        Tables of the warehouse that it reads; of a bronze table, none.
    dated
        Whether it depends on the run parameters, ``as_of`` among them.
    module
        The module its model comes from, when it is not one of this package; its code counts for this table.
    """

    name: str
    layer: str
    inputs: tuple[str, ...]
    dated: bool = False
    module: str = ""

    @property
    def qualified(self) -> str:
        """``dim_student`` → ``silver.dim_student``."""
        return f"{self.layer}.{self.name}"


@dataclass(frozen=True, slots=True)
class Dag:
    """Every table, each after all that it reads."""

    nodes: Mapping[str, Node]

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> Dag:
        """Keep nodes that come in building order."""
        return cls(MappingProxyType({node.name: node for node in nodes}))

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __getitem__(self, name: str) -> Node:
        layer, _, bare = name.rpartition(".")
        node = self.nodes.get(bare)
        if node is None or layer not in ("", node.layer):
            raise UnknownName("table", name, [n.qualified for n in self] if layer else self.nodes)
        return node

    def upstream(self, names: Iterable[str]) -> frozenset[str]:
        """Return ``names`` and everything that they read, however far up."""
        found: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += self.nodes[name].inputs
        return frozenset(found)

    def downstream(self, names: Iterable[str]) -> frozenset[str]:
        """Return ``names`` and everything that reads them, however far down."""
        found = set(names)
        for node in self:  # in building order, so one pass is enough
            if found.intersection(node.inputs):
                found.add(node.name)
        return frozenset(found)

    def select(self, layer: str | None = None, names: Sequence[str] = (), *, only: bool = False) -> tuple[Node, ...]:
        """Return the tables that a run builds, in order.

        Parameters
        ----------
        layer
            The last layer to build; by default gold, or that of the named tables.
        names
            Tables (``dim_student``, ``silver.dim_student``, ``mart_*``) that are wanted; what they read is built too.
        only
            Keep to the named layer, or, without one, to the named tables.

        Raises
        ------
        UnknownName
            If a layer or a table does not exist.
        """
        if layer is not None and layer not in LAYERS:
            raise UnknownName("layer", layer, LAYERS)
        wanted = {name for given in names for name in self.expand(given)}
        last = LAYERS.index(layer) if layer is not None else len(LAYERS) - 1
        closure = self.upstream(wanted) if wanted else frozenset(self.nodes)
        chosen = [node for node in self if node.name in closure and LAYERS.index(node.layer) <= last]
        if only and layer is not None:
            return tuple(node for node in chosen if node.layer == layer)
        if only and wanted:
            return tuple(node for node in chosen if node.name in wanted)
        return tuple(chosen)

    def expand(self, given: str) -> list[str]:
        """Return the tables that a name or a pattern stands for."""
        if not any(mark in given for mark in "*?["):
            return [self[given].name]
        found = [n.name for n in self if fnmatch.fnmatchcase(n.name, given) or fnmatch.fnmatchcase(n.qualified, given)]
        if not found:
            raise UnknownName("table like", given, self.nodes)
        return found

    def dumps(self) -> str:
        """Return everything as JSON."""
        return json.dumps([asdict(node) for node in self])

    @classmethod
    def loads(cls, text: str) -> Dag:
        """Read what `dumps` wrote."""
        return cls.of(Node(**{**item, "inputs": tuple(item["inputs"])}) for item in json.loads(text))

"""What is published: tables with their keys and references, whoever described them."""

from __future__ import annotations

import fnmatch
import graphlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from padm_ibis.backends.patience import AT_ONCE, Patience
from padm_ibis.config import Config, Url
from padm_ibis.errors import UnknownName
from padm_ibis.report.publication import PublishReport


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns that point to a row of another table."""

    columns: tuple[str, ...]
    table: str
    target: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table to publish.

    Attributes
    ----------
    schema
        Where it stands at the source, and in a database that has schemas.
    key
        Columns that identify a row.
    nullable_key
        Those of them that may be null; two nulls are equal.
    metrics
        Name → SQL aggregate that must be equal on both sides.
    """

    schema: str
    name: str
    key: tuple[str, ...]
    nullable_key: frozenset[str] = frozenset()
    references: tuple[Reference, ...] = ()
    metrics: Mapping[str, str] = field(default_factory=dict)

    @property
    def qualified(self) -> str:
        """``schema.name``."""
        return f"{self.schema}.{self.name}"

    @property
    def findable(self) -> bool:
        """Whether PostgreSQL finds a row by its key without looking at all of them: nulls alone are not found so."""
        return not self.nullable_key.issuperset(self.key)


@dataclass(frozen=True, slots=True)
class Publication:
    """What one publication shows.

    Attributes
    ----------
    url
        Where to.
    specs
        The tables, those that others point to first.
    columns
        Table → the columns it has at the source.
    views
        Name → SELECT, in the target's dialect.
    patience
        How long to wait for whoever has the target.
    file_mode
        Who may read the target's file, where that is configured.
    whole
        Whether every table is sent as a whole, whatever the target is known to hold.
    number
        What tells this publication from all others.
    """

    config: Config
    url: Url
    specs: tuple[TableSpec, ...]
    columns: Mapping[str, pa.Schema]
    views: Mapping[str, str]
    report: PublishReport
    patience: Patience = AT_ONCE
    file_mode: int | None = None
    whole: bool = False
    number: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def upserts(self) -> bool:
        """Whether rows are replaced by key, and the others stay."""
        return self.report.mode == "upsert"

    def references(self, spec: TableSpec) -> tuple[Reference, ...]:
        """Return the references of a table to others of this publication."""
        here = {other.name for other in self.specs}
        return tuple(reference for reference in spec.references if reference.table in here)


def chosen(config: Config, patterns: Sequence[str]) -> tuple[TableSpec, ...]:
    """Return the tables that ``patterns`` name, those that others point to first.

    Raises
    ------
    UnknownName
        If a pattern names none.
    """
    available = {spec.name: spec for spec in (_of_star(config) if config.star else _of_models(config))}
    wanted = list(patterns) or config.publish.tables or (["*"] if config.star else ["gold.*"])
    names: set[str] = set()
    for pattern in wanted:
        found = [s.name for s in available.values() if fnmatch.fnmatch(s.name, pattern) or fnmatch.fnmatch(s.qualified, pattern)]
        if not found:
            raise UnknownName("table to publish", pattern, available)
        names.update(found)
    for table in config.publish.metrics:
        if table not in available:
            raise UnknownName("table", table, available, where="publish.metrics")
    return _ordered([available[name] for name in available if name in names])


def _ordered(specs: Iterable[TableSpec]) -> tuple[TableSpec, ...]:
    by_name = {spec.name: spec for spec in specs}
    edges = {s.name: {r.table for r in s.references if r.table in by_name and r.table != s.name} for s in by_name.values()}
    return tuple(by_name[name] for name in graphlib.TopologicalSorter(edges).static_order())


def _of_models(config: Config) -> list[TableSpec]:
    from padm_ibis.define import contract as contracts
    from padm_ibis.definitions import Definitions

    models = Definitions(config).graph.models
    specs = []
    for model in models.values():
        columns = {c.name: c for c in contracts.all_columns(model.contract)}
        references = []
        for column in columns.values():
            table, _, target = (column.fk or "").partition(".")
            if table in models and (column.when is None or getattr(config.pipeline, column.when)):
                parent = {c.name for c in contracts.all_columns(models[table].contract)}
                shared = ("source_db",) if "source_db" in parent and "source_db" in columns and target != "source_db" else ()
                references.append(Reference((*shared, column.name), table, (*shared, target)))
        specs.append(
            TableSpec(
                model.layer,
                model.name,
                model.grain,
                frozenset(name for name in model.grain if columns[name].nullable),
                tuple(references),
                config.publish.metrics.get(model.name, {}),
            )
        )
    return specs


def _of_star(config: Config) -> list[TableSpec]:
    star = config.star
    assert star is not None, "only called for a star schema"
    specs = []
    for name, table in star.tables.items():
        references = []
        for column, target in table.references.items():
            parent, _, key = target.partition(".")
            if parent not in star.tables:
                raise UnknownName("table", parent, star.tables, where=f"star.tables.{name}.references.{column}")
            references.append(Reference((column,), parent, (key,)))
        metrics = config.publish.metrics.get(name, {})
        specs.append(TableSpec(star.schema_, name, tuple(table.key), frozenset(), tuple(references), metrics))
    return specs

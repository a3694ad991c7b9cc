"""Fit a resource's statement to the tables that one installation really has.

The columns of the source are read first. What an installation lacks and may lack becomes typed nulls or an empty table,
what it keeps in another type is converted, what it must have and has not is an error that names it. Nothing is read
before all of that is known for every resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from padm_ibis.extract.findings import Finding, Level, listed, merged, shape_error
from padm_ibis.extract.fitted import Fitted, Suspect
from padm_ibis.extract.given import BEFORE, Given, Known, Lack, lacks_of
from padm_ibis.extract.statement import Statement
from padm_ibis.sources.connect import Columns, Refusal, Source
from padm_ibis.sources.conversion import Reading, convert, of_epoch
from padm_ibis.sources.spec import KindSpec, ResourceSpec, TableSpec
from padm_ibis.sources.values import FIELD, family, null, quote


def tables_of(kind: KindSpec, specs: Iterable[ResourceSpec]) -> dict[str, TableSpec]:
    """Return the source tables that resources read, or may read instead."""
    return {name: kind.tables[name] for spec in specs for name in (*spec.inputs, *spec.fallback.values())}


def resolve(
    source: Source, kind: KindSpec, specs: Sequence[ResourceSpec], found: Columns, known: Known
) -> tuple[dict[str, Statement], list[Finding]]:
    """Return the statement of each resource, and what was remarkable.

    Parameters
    ----------
    known
        What was read the last time, and which of it may be gone.

    Raises
    ------
    SourceShapeError
        If something required is missing or has a type that does not convert; all of it is listed.
    """
    fitted = _Fitting(source, kind, specs, found, known)
    if errors := [f for f in fitted.findings if f.level == "error"]:
        raise shape_error(source.config.name, errors)
    return fitted.statements, fitted.findings


def survey(source: Source, kind: KindSpec, specs: Sequence[ResourceSpec], found: Columns) -> list[Finding]:
    """Return everything remarkable about a source's tables, errors included."""
    return _Fitting(source, kind, specs, found, Known()).findings


class _Fitting:
    """The statements of one source, and everything remarkable that was met while they were fitted."""

    def __init__(self, source: Source, kind: KindSpec, specs: Sequence[ResourceSpec], found: Columns, known: Known) -> None:
        self.source, self.kind, self.found = source, kind, found
        self.statements: dict[str, Statement] = {}
        self._noted: list[Finding] = []
        # what is refused for one reason is one finding, however many tables it is
        self._refused: dict[tuple[str | None, Refusal], list[tuple[str, ResourceSpec, tuple[str, ...]]]] = {}
        tables = tables_of(kind, specs)
        if (wrong := self._misplaced(tables)) is not None:
            self.findings = [wrong]
            return
        self._refusals = source.refusals(tables)
        read = {spec.name: [(kind.tables[name], kind.tables[self._actual(spec, name)]) for name in spec.inputs] for spec in specs}
        lacks = {name: tuple(lacks_of(source, pairs, found, self._refusals)) for name, pairs in read.items()}
        self._given = Given(source.config, kind, lacks, known)
        for spec in specs:
            for lack in lacks[spec.name]:
                self._lacks(spec, lack)
        self.statements = {spec.name: self._statement(spec) for spec in specs}
        self.findings = merged([*self._told_refusals(), *self._noted])

    def _misplaced(self, tables: Mapping[str, TableSpec]) -> Finding | None:
        """Say in one sentence of a schema without any of the tables where they are, not forty times that they are missing."""
        source = self.source
        if self.found or len(tables) == 1 or source.config.schema in (places := source.schemas(tables)):
            return None
        text, hint = f"{source.place()} has none of the {len(tables)} tables that are read", source.missing_hint
        if places:
            best = max(places, key=lambda name: places[name])
            text += f"; {listed([f'the schema {name} has {count}' for name, count in places.items()])} of them"
            hint = f'Write schema = "{best}" in [sources.{source.config.name}].'
        return Finding("error", source.config.name, "", None, text, hint=hint)

    def _actual(self, spec: ResourceSpec, name: str) -> str:
        """Return the table that a resource reads for one of its inputs."""
        other = spec.fallback.get(name)
        return other if other is not None and name not in self.found and other in self.found else name

    def _lacks(self, spec: ResourceSpec, lack: Lack) -> None:
        """Note what a source does not give of a resource, and what follows."""
        why = self._given.why_fatal(spec, lack)
        suffers = self._given.suffers(spec, lack) if why is None else ()
        if lack.refusal is not None:
            self._refused.setdefault((why, lack.refusal), []).append((lack.table, spec, suffers))
        elif why is None:
            text = f"{lack.text}: {'it' if lack.column is None else 'the table'} counts as empty"
            self._note("warning", lack.table, spec.name, text, lack.column, suffers=suffers)
        else:
            hint = self.source.missing_hint if lack.column is None else None
            hint = _accept([spec]) if why == BEFORE else hint
            self._note("error", lack.table, spec.name, f"{lack.text}{why}", lack.column, hint)

    def _statement(self, spec: ResourceSpec) -> Statement:
        empty = self._given.is_empty(spec) and not self._given.is_fatal(spec)
        tables, fallbacks = {}, {}
        for name in spec.inputs:
            actual = self._actual(spec, name)
            if actual != name:
                fallbacks[name] = actual
            wanted = self.kind.tables[name]
            tables[name] = Fitted(self._empty(wanted)) if empty else self._table(wanted, self.kind.tables[actual], spec)
        for name, used in fallbacks.items():
            why = f"{name} may not be read ({self._refusals[name].reason})" if name in self._refusals else f"{name} is missing"
            self._note("warning", name, spec.name, f"{why}: {spec.name} is read from {used}")
        on_invalid = self.source.config.invalid(spec.name) or self.source.on_invalid
        if spec.windows is not None:  # what is odd about its rows is counted where they are read, window by window
            tables[spec.windows.table] = replace(tables[spec.windows.table], suspects=())
        return Statement(spec, self.source.dialect, tables, fallbacks, on_invalid, given=not empty)

    def _table(self, wanted: TableSpec, actual: TableSpec, spec: ResourceSpec) -> Fitted:
        """Return one table in the shape the expressions expect."""
        resource, found = spec.name, self.found.get(actual.name)
        if found is None:
            return Fitted(self._empty(wanted))
        readings = {column: self._column(actual, found, column, kind, resource) for column, kind in wanted.columns.items()}
        if actual.required - found.keys():
            return Fitted(self._empty(wanted))
        relation = self.source.qualified(actual.name)
        if all(reading.sql == quote(column) for column, reading in readings.items()):
            return Fitted(relation)
        columns = tuple((column, reading.sql) for column, reading in readings.items())
        suspects = (
            Suspect(actual.name, relation, column, found[column], wanted.columns[column], reading.invalid,
                    _names(spec, wanted, readings, column), f"{wanted.name}.{column}" in spec.vital)
            for column, reading in readings.items() if reading.invalid is not None
        )  # fmt: skip
        return Fitted(relation, columns, tuple(suspects))

    def _column(self, table: TableSpec, found: Mapping[str, str], column: str, kind: str, resource: str) -> Reading:
        source, name = self.source, f"{self.source.config.schema}.{table.name}"
        if column not in found and column in table.required:  # told as what the table lacks
            return Reading(null(kind, source.dialect))
        if column not in found:
            self._note("warning", table.name, resource, f"{name} has no column {column}: it counts as null", column)
            return Reading(null(kind, source.dialect))
        if column in table.epoch:
            reading = of_epoch(quote(column), found[column], source.dialect, source.config.timezone)
        else:
            written = source.written(table.name, column)
            reading = convert(quote(column), found[column], kind, source.dialect, source.config.timezone, written)
        if reading is None:
            self._note("error", table.name, resource, f"{name}.{column} is of type {found[column]}, which is no {kind}", column)
            return Reading(null(kind, source.dialect))
        if reading.remark:
            text = f"{name}.{column} is {found[column]} at the source and is read as {kind}: {reading.remark}"
            self._note("warning", table.name, resource, text, column)
        elif family(found[column]) == "text" and found[column] != FIELD and kind != "string":
            self._note("warning", table.name, resource, f"{name}.{column} is text at the source and is read as {kind}", column)
        return reading

    def _empty(self, table: TableSpec) -> str:
        dialect = self.source.dialect
        nulls = ", ".join(f"{null(kind, dialect)} AS {quote(column)}" for column, kind in table.columns.items())
        return f"(SELECT {nulls} WHERE FALSE)"

    def _note(
        self,
        level: Level,
        table: str,
        resource: str,
        text: str,
        column: str | None = None,
        hint: str | None = None,
        suffers: tuple[str, ...] = (),
    ) -> None:
        self._noted.append(Finding(level, self.source.config.name, table, column, text, (resource,), hint, suffers))

    def _told_refusals(self) -> Iterator[Finding]:
        for (why, refusal), pairs in self._refused.items():
            level: Level = "warning" if why is None else "error"
            tables = list(dict.fromkeys(table for table, *_ in pairs))
            specs = list({spec.name: spec for _, spec, _ in pairs}.values())
            suffers = tuple(dict.fromkeys(one for *_, suffering in pairs for one in suffering))
            names = listed([f"{self.source.config.schema}.{table}" for table in tables])
            verb = "may be read in part only" if refusal.hides else "may not be read"
            counts = ": it counts as empty" if len(tables) == 1 else ": they count as empty"
            text = f"{names} {verb} ({refusal.reason}){counts if why is None else why}"
            table = tables[0] if len(tables) == 1 else ""
            hint = _accept(specs) if why == BEFORE else refusal.hint
            resources = tuple(spec.name for spec in specs)
            yield Finding(level, self.source.config.name, table, None, text, resources, hint, suffers)


def _accept(specs: Sequence[ResourceSpec]) -> str:
    """Return how to take a source without something that it gave before."""
    return f"Look at the source. If it is right: padm-ibis run --accept-drop {','.join(spec.name for spec in specs)}"


def _names(spec: ResourceSpec, table: TableSpec, readings: Mapping[str, Reading], but: str) -> tuple[tuple[str, str], ...]:
    """Return the columns that say which row of a table it is, and hold no words: parts of the key, or its first number."""
    numbers = [name for name, kind in table.columns.items() if kind in ("int64", "date", "timestamp") and name != but]
    key = [name for name in numbers if f"{table.name}.{name}" in spec.vital]
    return tuple((name, readings[name].sql) for name in key or numbers[:1])

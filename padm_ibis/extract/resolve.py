"""Fit a resource's statement to the tables that one installation really has.

The columns of the source are read first. What an installation lacks and may lack becomes typed nulls, what it keeps in
another type is converted, what it must have and has not is an error that names it. Nothing is read before all of that
is known for every resource.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from padm_ibis.errors import SourceShapeError
from padm_ibis.extract.hashing import Hasher
from padm_ibis.sources.connect import Columns, Source
from padm_ibis.sources.spec import PLACEHOLDER, KindSpec, ResourceSpec, TableSpec
from padm_ibis.sources.values import bounded, convert, family, landed, literal, null, quote, sql_type

Level = Literal["error", "warning", "note"]
ODD = "_odd"
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a source that is not as expected.

    Attributes
    ----------
    resources
        Bronze tables that it concerns.
    """

    level: Level
    source_db: str
    table: str
    column: str | None
    text: str
    resources: tuple[str, ...] = ()
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.source_db}: {self.text}"


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement of one resource at one source, and what is done here with the rows it sends.

    Attributes
    ----------
    body
        The resource's own statement, over this installation's tables.
    fallbacks
        Table → the one that is read in its place.
    """

    spec: ResourceSpec
    dialect: str
    body: str
    fallbacks: Mapping[str, str]

    @property
    def definition(self) -> str:
        """Names what the rows are made by: rows made by another are read again."""
        made = [self.sql(), *self.landed().values()]
        return hashlib.sha256("\n".join(made).encode()).hexdigest()[:16]

    def sql(self, since: str | None = None) -> str:
        """Return the statement; with ``since``, only of rows whose cursor is not before it, or null."""
        sent = {name: bounded(f"q.{quote(name)}", kind, self.dialect) for name, kind in self._plain.items()}
        columns = {name: sent[name][0] if name in sent else f"q.{quote(name)}" for name in self.spec.own_columns}
        odd = " OR ".join(condition for _, condition in sent.values() if condition)
        flag = f"CASE WHEN {odd} THEN 1 ELSE 0 END" if odd else "0"
        return f"SELECT {_listed(columns)}, {flag} AS {ODD} FROM ({self.body}) AS q{self._where(since)}"

    def landed(self) -> dict[str, str]:
        """Return DuckDB's SQL, by column, that makes of what was sent what bronze holds."""
        hashes = {name: Hasher.sql(name, how) for name, how in self.spec.hashes.items()}
        return {name: hashes.get(name) or landed(quote(name), kind)[0] for name, kind in self.spec.own_columns.items()}

    def odd(self) -> str:
        """Return DuckDB's condition: some value of a row that was sent had to be changed to fit the contract's type."""
        here = (landed(quote(name), kind)[1] for name, kind in self._plain.items())
        return " OR ".join([f"{ODD} = 1", *(condition for condition in here if condition)])

    def odd_columns(self, relation: Callable[[str], str], since: str | None = None) -> tuple[tuple[str, ...], str]:
        """Return columns, and DuckDB's query that counts the values of each that had to be changed.

        Parameters
        ----------
        relation
            What stands in a FROM for a statement at the source.
        """
        there, here = {}, {}
        for name, kind in self._plain.items():
            column = f"q.{quote(name)}"
            if condition := bounded(column, kind, self.dialect)[1]:
                there[name], here[name] = f"CASE WHEN {condition} THEN 1 ELSE 0 END", f"{quote(name)} = 1"
            elif condition := landed(quote(name), kind)[1]:
                there[name], here[name] = column, condition
        counts = ", ".join(f"count(*) FILTER ({condition})" for condition in here.values())
        sent = f"SELECT {_listed(there)} FROM ({self.body}) AS q{self._where(since)}"
        return tuple(here), f"SELECT {counts} FROM {relation(sent)}"

    @property
    def _plain(self) -> dict[str, str]:
        """The columns that arrive as they are."""
        return {name: kind for name, kind in self.spec.own_columns.items() if name not in self.spec.hashes}

    def _where(self, since: str | None) -> str:
        if since is None or self.spec.cursor is None:
            return ""
        cursor = f"q.{quote(self.spec.cursor)}"
        kind = sql_type(self.spec.columns[self.spec.cursor], self.dialect)
        return f" WHERE {cursor} >= CAST({literal(since)} AS {kind}) OR {cursor} IS NULL"


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{sql} AS {quote(name)}" for name, sql in columns.items())


def tables_of(kind: KindSpec, specs: Iterable[ResourceSpec]) -> dict[str, TableSpec]:
    """Return the source tables that resources read, or may read instead."""
    return {name: kind.tables[name] for spec in specs for name in (*spec.inputs, *spec.fallback.values())}


def resolve(
    source: Source, kind: KindSpec, specs: Sequence[ResourceSpec], found: Columns
) -> tuple[dict[str, Statement], list[Finding]]:
    """Return the statement of each resource, and what was remarkable.

    Raises
    ------
    SourceShapeError
        If something required is missing or has a type that does not convert; all of it is listed.
    """
    findings: list[Finding] = []
    statements = {spec.name: _statement(source, kind, spec, found, findings) for spec in specs}
    merged = _merge(findings)
    if errors := [f for f in merged if f.level == "error"]:
        raise shape_error(source.config.name, errors)
    return statements, merged


def shape_error(source_db: str, errors: Sequence[Finding]) -> SourceShapeError:
    """Return the one error that lists all that a source lacks."""
    shown = [f"{e.text} (needed by {', '.join(e.resources)})" for e in errors[:_SHOWN]]
    if len(errors) > _SHOWN:
        shown.append(f"and {len(errors) - _SHOWN} more, which `padm-ibis doctor` lists")
    return SourceShapeError(f"The source {source_db}: {'; '.join(shown)}.", hint=errors[0].hint)


def survey(source: Source, kind: KindSpec, specs: Sequence[ResourceSpec], found: Columns) -> list[Finding]:
    """Return everything remarkable about a source's tables, errors included."""
    findings: list[Finding] = []
    for spec in specs:
        _statement(source, kind, spec, found, findings)
    return _merge(findings)


def _statement(source: Source, kind: KindSpec, spec: ResourceSpec, found: Columns, findings: list[Finding]) -> Statement:
    tables, fallbacks = {}, {}
    for name in spec.inputs:
        actual = name
        if name not in found and name in spec.fallback:
            actual = fallbacks[name] = spec.fallback[name]
        tables[name] = _table(source, kind.tables[name], kind.tables[actual], spec.name, found.get(actual), findings)
    for name, used in fallbacks.items():
        if used in found:
            text = f"{name} is missing: {spec.name} is read from {used}"
            findings.append(Finding("warning", source.config.name, name, None, text, (spec.name,)))
    body = PLACEHOLDER.sub(lambda match: tables[match[1]], spec.sql[source.dialect])
    return Statement(spec, source.dialect, body, fallbacks)


def _table(
    source: Source, wanted: TableSpec, actual: TableSpec, resource: str, found: Mapping[str, str] | None, findings: list[Finding]
) -> str:
    """Return what stands in the FROM for one table, in the shape the expressions expect."""
    config, dialect, name = source.config, source.dialect, actual.name

    def note(level: Level, text: str, column: str | None = None, hint: str | None = None) -> None:
        findings.append(Finding(level, config.name, name, column, text, (resource,), hint))

    if found is None:
        missing = f"{source.named(name)} is missing, or may not be read"
        if wanted.optional:
            note("warning", f"{missing}: it counts as empty")
        else:
            note("error", missing, hint=source.missing_hint)
        nulls = ", ".join(f"{null(kind, dialect)} AS {quote(column)}" for column, kind in wanted.columns.items())
        return f"(SELECT {nulls} WHERE FALSE)"
    columns = []
    for column, kind in wanted.columns.items():
        if column not in found:
            level: Level = "error" if column in actual.required else "warning"
            rest = "" if level == "error" else ": it counts as null"
            note(level, f"{config.schema}.{name} has no column {column}{rest}", column)
            columns.append((column, null(kind, dialect)))
            continue
        sql = convert(quote(column), found[column], kind, dialect, config.timezone)
        if sql is None:
            note("error", f"{config.schema}.{name}.{column} is of type {found[column]}, which is no {kind}", column)
        elif family(found[column]) == "text" and kind != "string":
            note("warning", f"{config.schema}.{name}.{column} is text at the source and is read as {kind}", column)
        columns.append((column, sql or null(kind, dialect)))
    if all(sql == quote(column) for column, sql in columns):
        return source.qualified(name)
    listed = ", ".join(sql if sql == quote(column) else f"{sql} AS {quote(column)}" for column, sql in columns)
    return f"(SELECT {listed} FROM {source.qualified(name)})"


def _merge(findings: Sequence[Finding]) -> list[Finding]:
    """Say once what several resources stumbled over."""
    merged: dict[tuple[str, str], Finding] = {}
    for f in findings:
        known = merged.get((f.level, f.text))
        resources = tuple(dict.fromkeys((*(known.resources if known else ()), *f.resources)))
        merged[f.level, f.text] = Finding(f.level, f.source_db, f.table, f.column, f.text, resources, f.hint)
    return list(merged.values())

"""What a reader of the report should know of what arrived: odd rows, and columns that are not what they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from padm_ibis.extract.findings import Finding
from padm_ibis.extract.invalid import Invalid, told
from padm_ibis.extract.statement import Statement
from padm_ibis.extract.store import Plan, Staged
from padm_ibis.extract.window import since_of
from padm_ibis.report.results import CheckResult
from padm_ibis.sources.connect import Columns, Source
from padm_ibis.sources.spec import ResourceSpec
from padm_ibis.sources.values import family

if TYPE_CHECKING:
    from padm_ibis.config import Config, Severity, SourceConfig

_NOTES = 20
Types = Mapping[tuple[str, str], str]
"""(table, column) → type."""


def remarks(
    config: Config,
    source_db: str,
    source: Source,
    spec: ResourceSpec,
    statement: Statement,
    plan: Plan,
    rows: Staged,
    invalid: Sequence[Invalid],
) -> Iterator[CheckResult]:
    """Yield what was remarkable about the rows of one resource."""

    def remark(rule: str, failed: int, texts: Sequence[str], verdict: Severity) -> Iterator[CheckResult]:
        verdict = config.severity(f"{spec.name}.{rule}", verdict)
        if failed and verdict != "off":
            yield CheckResult(f"bronze.{spec.name}", rule, verdict, failed, tuple(f"{source_db}: {text}" for text in texts))

    checks = config.checks
    key = ", ".join(spec.key)
    yield from remark("duplicate_key", rows.rejected, [f"another row has the same {key}; see _padm.rejected_rows"], "warn")
    yield from remark("duplicate_row", rows.copies, ["copies of another row, left out"], "warn")
    early = f"dated before {plan.loaded_from}, left out; --full-refresh {spec.name} reads them"
    yield from remark("before_start", rows.early, [early], "warn")
    later = f"{spec.cursor} is after the source's clock; the watermark does not follow"
    yield from remark("future_instant", rows.future, [later], "warn")
    odd = rows.odd or (rows.invalid if not invalid else 0)
    texts = [*told(invalid, statement), *([odd_values(source, spec, statement, plan)] if odd else [])]
    yield from remark("unreadable_value", odd + sum(item.count for item in invalid), texts, checks.unreadable_value)


def odd_values(source: Source, spec: ResourceSpec, statement: Statement, plan: Plan) -> str:
    """Say of which columns values had to be changed to fit, how many, what became of them, and the key of an example."""
    since = since_of(spec, plan)
    names, query = statement.odd_columns(source.relation, since)
    landed = statement.landed()
    key = ", ".join(f"CAST({landed[name]} AS VARCHAR)" for name in spec.key)
    example = f"SELECT {key} FROM {source.relation(statement.sql(since))} WHERE {statement.odd()} ORDER BY ALL LIMIT 1"
    with source.errors():
        counts = source.con.execute(query).fetchall()[0]
        found = source.con.execute(example).fetchall()[0]
    listed = ", ".join(f"{name} ({n})" for name, n in zip(names, counts, strict=True) if n)
    where = ", ".join(f"{name} {value}" for name, value in zip(spec.key, found, strict=True))
    fate = {
        "null": "landed as the last or first day, or null",
        "reject": "its row left out, see _padm.rejected_rows",
        "stop": "which stops the source",
    }[statement.on_invalid]
    return f"infinity, NaN or too large, {fate}, for example at {where}: {listed}"


def drift(config: SourceConfig, specs: Sequence[ResourceSpec], before: Types, after: Types) -> list[Finding]:
    """Return what changed in the tables we read since they were last read."""
    tables = {table for table, _ in before}
    readers = {t: tuple(s.name for s in specs if t in (*s.inputs, *s.fallback.values())) for t in {t for t, _ in after}}
    notes = []
    for (table, column), kind in after.items():
        if table not in tables:
            continue
        was = before.get((table, column))
        if was is None:
            text = f"{config.schema}.{table} has a new column {column} ({kind})"
        elif family(was) != family(kind):
            text = f"{config.schema}.{table}.{column} is now {kind}; it was {was}"
        else:
            continue
        notes.append(Finding("note", config.name, table, column, text, readers[table]))
    if len(notes) > _NOTES:
        text = f"and {len(notes) - _NOTES} more columns are new or of another type than before"
        notes[_NOTES:] = [Finding("note", config.name, "", None, text)]
    return notes


def types_of(found: Columns) -> Types:
    """Return a source's columns by table and name."""
    return {(table, column): kind for table, columns in found.items() for column, kind in columns.items()}

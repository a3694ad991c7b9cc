"""What a publication would lose at the target, named before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from padm_ibis.errors import UsageError, WarehouseError
from padm_ibis.publish.databases import Database, PostgresDatabase, column_types
from padm_ibis.publish.spec import Publication, TableSpec
from padm_ibis.publish.targets.history import published_before

LONGEST_NAME = 63  # bytes; PostgreSQL cuts the rest off without a word


def refuse_cut_names(publication: Publication) -> None:
    """Names that PostgreSQL would cut: two of them may even become one."""
    schemas = {spec.schema for spec in publication.specs}
    names = {f"schema {s}": [t.name for t in publication.specs if t.schema == s] + list(publication.views) for s in schemas}
    names |= {f"table {spec.qualified}": list(publication.columns[spec.name].names) for spec in publication.specs}
    names["database"] = sorted(schemas)
    problems = []
    for where, own in names.items():
        for name in own:
            if len(name.encode()) > LONGEST_NAME:
                same = [n for n in own if n != name and n.encode()[:LONGEST_NAME] == name.encode()[:LONGEST_NAME]]
                problems.append(f"{name} in the {where}" + (f"; it would be the same as {', '.join(same)}" if same else ""))
    if problems:
        raise UsageError(
            f"PostgreSQL cuts names after {LONGEST_NAME} bytes, and would cut these; nothing was changed.\n{_listed(problems)}",
            hint="Give them shorter names, or publish to DuckDB or SQLite.",
        )


def refuse_losses(database: PostgresDatabase, publication: Publication) -> None:
    """Name what would not survive, before anything is touched."""
    from padm_ibis.backends.postgres import survivors

    con, problems = database.raw, []
    for schema in {spec.schema for spec in publication.specs}:
        tables = [spec.name for spec in publication.specs if spec.schema == schema]
        taken = con.execute(_TAKEN, {"schema": schema, "tables": tables, "views": list(publication.views)})
        problems += [f"the {described}: it has the name of one to publish" for (described,) in taken]
    there = [(s, oid) for s in publication.specs for oid in survivors.tables(con, s.schema, [s.name]).values()]
    problems += strangers_among(database, publication, [spec for spec, _ in there])
    if not publication.upserts:
        oids = [oid for _, oid in there]
        types = {(s.schema, s.name): column_types(publication.columns[s.name]) for s in publication.specs}
        problems += survivors.dependents(con, oids)[1]
        problems += survivors.changed_columns(con, oids, lambda schema, name: types[schema, name])
        problems += survivors.unowned(con, oids)
    if problems:
        raise would_be_lost(problems)


def strangers_among(database: Database, publication: Publication, there: Iterable[TableSpec]) -> list[str]:
    """Tables that would be replaced and that no publication made."""
    if publication.upserts:
        return []
    ours = published_before(database)
    return [f"the table {spec.qualified}: no publication made it" for spec in there if spec.qualified not in ours]


_TAKEN = """
    SELECT pg_describe_object('pg_class'::regclass, c.oid, 0) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND (c.relname = ANY(%(tables)s) AND c.relkind <> 'r'
                                      OR c.relname = ANY(%(views)s) AND c.relkind <> 'v')
    ORDER BY 1"""


def would_be_lost(problems: Sequence[str]) -> WarehouseError:
    """Return the refusal that lists what would not survive."""
    return WarehouseError(
        f"The target's tables cannot be replaced without losing these; nothing was changed.\n{_listed(problems)}",
        hint="Drop or rename them first, or publish with --mode upsert, which keeps the tables.",
    )


def _listed(problems: Sequence[str]) -> str:
    return "\n".join(f"  {problem}" for problem in problems)

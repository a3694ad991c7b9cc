"""Readers are brought back to a version that is kept: its schemas change names with those of now, in one transaction.

Its tables get what people gave those of now: rights, owners, indexes, comments; views that read them are pointed to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from padm_ibis.backends.postgres import survivors
from padm_ibis.backends.postgres.connection import Connection, execute
from padm_ibis.backends.postgres.kept import Kept, Made
from padm_ibis.backends.postgres.publish import swap
from padm_ibis.backends.postgres.schemas import REPLACED, get, known_tables, next_of, open_next, put, table
from padm_ibis.errors import WarehouseError
from padm_ibis.extract.store import LEDGER
from padm_ibis.sources.values import quote

if TYPE_CHECKING:
    from padm_ibis.config import Config


def roll_back(con: Connection, config: Config, to: Made, note: Sequence[Any]) -> None:
    """See `base.Work.roll_back`; inside a transaction."""
    kept = Kept(con, config)
    now = kept.of(get(con, "published"))
    assert now is not None, "what readers see was registered"
    layers = [layer for layer in REPLACED if getattr(to, layer) != getattr(now, layer)]
    known = known_tables(con)
    old = {layer: survivors.tables(con, layer, known.get(layer, ())) for layer in layers}
    ours = {oid for tables in old.values() for oid in tables.values()}
    _refuse_losses(con, to, old)
    before = {key: get(con, key) for key in (f"comments {layer}.{name}" for layer in layers for name in old[layer])}
    kept.leave_work()
    kept.show(to)
    for layer in layers:
        open_next(con, layer)
        for name in _tables_of(con, to.schema(layer)):
            con.execute(f"ALTER TABLE {table(to.schema(layer), name)} SET SCHEMA {quote(next_of(layer))}")
            if name in old[layer]:
                _carry(con, f"comments {layer}.{name}", before, old[layer][name], table(next_of(layer), name))
        con.execute(f"DROP SCHEMA {quote(to.schema(layer))}")
    put(con, "published", to.run_id)
    execute(con, f"INSERT INTO {LEDGER}.rollbacks VALUES ({', '.join('?' * len(note))})", note)
    swap(con, config, {layer: now.schema(layer) for layer in layers}, ours)
    kept.prune(to.run_id)


def _carry(con: Connection, key: str, before: Mapping[str, str | None], old: int, new: str) -> None:
    """Give a table what people gave the one in whose place it comes."""
    written = get(con, key)
    texts = survivors.merged(json.loads(written) if written else {}, survivors.comments(con, old), before[key])
    there = {"", *_columns(con, new)}
    for statement in survivors.comment_statements(new, {name: text for name, text in texts.items() if name in there}):
        con.execute(statement)
    survivors.carry_indexes(con, old, new)
    survivors.carry_table(con, old, new)


def _refuse_losses(con: Connection, to: Made, old: Mapping[str, Mapping[str, int]]) -> None:
    """Name what people made that the older tables could not carry, before anything is touched."""

    def types(layer: str, name: str) -> Mapping[str, str]:
        return _columns(con, table(to.schema(layer), name)) or {"": "text"}  # a table that was not there yet has none of them

    oids = [oid for tables in old.values() for oid in tables.values()]
    problems = survivors.dependents(con, oids)[1]
    problems += survivors.changed_columns(con, oids, types)
    problems += survivors.unowned(con, oids)
    for layer, tables in old.items():
        problems += survivors.members(con, layer, tables.values())[1]
    if problems:
        listed = "\n".join(f"  {problem}" for problem in dict.fromkeys(problems))
        raise WarehouseError(
            f"The version of the run {to.run_id} cannot be brought back: it would take along what people made;"
            f" nothing was touched.\n{listed}",
            hint="Move or drop these first, and make them anew afterwards.",
        )


def _columns(con: Connection, place: str) -> dict[str, str]:
    """Return the columns of a table with their types; none where there is no such table."""
    return dict(execute(
        con,
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a WHERE a.attnum > 0"
        " AND NOT a.attisdropped AND a.attrelid = to_regclass(?)",
        [place],
    ))  # fmt: skip


def _tables_of(con: Connection, schema: str) -> list[str]:
    found = execute(
        con,
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = ? AND c.relkind = 'r' ORDER BY 1",
        [schema],
    )
    return [name for (name,) in found]

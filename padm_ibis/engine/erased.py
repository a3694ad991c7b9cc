"""What a warehouse holds of erased people and no run makes anew: found by keyed hashes, and deleted.

A run that finds bronze cleared by another list than the one that there is deletes first what the list names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from padm_ibis.backends.base import Reader, Work
from padm_ibis.define.layers import LAYERS
from padm_ibis.definitions import Definitions
from padm_ibis.engine import ledger
from padm_ibis.engine.redactor import Redactor
from padm_ibis.extract.store import LEDGER
from padm_ibis.extract.suppression import Suppressed
from padm_ibis.sources.spec import ResourceSpec, kind_spec
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.define.source_table import Identity

Query = Callable[[str], Sequence[tuple[Any, ...]]]
Table = tuple[str, str]
"""Layer and name."""
APPLIED = "erased"
"""Key of ``_padm.state``: the list by which bronze was cleared."""
REJECTED = "rejected_rows"
RESTATED = "restated_keys"
_TEXTS = (("check_results", "examples"), ("runs", "error"), ("runs", "details"))
"""Texts of ``_padm`` in which keys of rows may stand."""


@dataclass(frozen=True, slots=True)
class Traces:
    """Rows of erased people that no run makes anew.

    Attributes
    ----------
    rows
        Table, qualified and quoted → the condition that they fulfil.
    rejected
        Rows of ``_padm.rejected_rows`` that are theirs, as they stand there.
    restated
        Keys of theirs in ``_padm.restated_keys``, as they stand there.
    """

    rows: Mapping[str, str]
    rejected: tuple[tuple[Any, ...], ...] = ()
    restated: tuple[str, ...] = ()


def specs_of(config: Config) -> dict[str, ResourceSpec]:
    """Return the bronze tables that the configured kinds of sources fill."""
    kinds = dict.fromkeys(source.kind for source in config.sources.values()) or ["guarani"]
    cache = config.state if config.state.is_dir() else None
    return {name: spec for kind in kinds for name, spec in kind_spec(kind, cache).resources.items()}


def is_due(reader: Reader, suppressed: Suppressed) -> bool:
    """Whether bronze was not yet cleared by this very list."""
    return bool(suppressed) and ledger.get(reader, APPLIED) != suppressed.digest


def traces(reader: Reader, config: Config, suppressed: Suppressed) -> Traces:
    """Find the rows of erased people: in bronze, in tables that nothing makes any more, and among rejected rows."""
    existing, specs = reader.tables(), specs_of(config)
    people: dict[Table, Mapping[str, Identity]] = {
        ("bronze", spec.name): spec.people for spec in specs.values() if spec.name in existing["bronze"]
    }
    people |= abandoned(reader, config)
    places = {f"{layer}.{quote(name)}": columns for (layer, name), columns in people.items()}
    found = {place: theirs(reader.execute, place, columns, suppressed) for place, columns in places.items()}
    rejected = reader.execute(f"SELECT * FROM {LEDGER}.{REJECTED}") if REJECTED in existing[LEDGER] else []
    return Traces(
        {place: condition for place, condition in found.items() if condition},
        tuple(row for row in rejected if _is_theirs(row, specs, suppressed)),
        tuple(_restated(reader, names_of_people(config), suppressed)) if RESTATED in existing[LEDGER] else (),
    )


def _restated(reader: Reader, people: Mapping[str, Identity], suppressed: Suppressed) -> Iterator[str]:
    """Yield the keys of restated rows that name them."""
    for (key,) in reader.execute(f"SELECT DISTINCT row_key FROM {LEDGER}.{RESTATED}"):
        values = json.loads(key)
        if any(suppressed.has(values.get("source_db", ""), people[c], value) for c, value in values.items() if c in people):
            yield key


def abandoned(reader: Reader, config: Config) -> dict[Table, dict[str, Identity]]:
    """Return the tables that no definition makes any more, each with the columns whose names are those of people's numbers."""
    made = {(node.layer, node.name) for node in Definitions(config).dag}
    left = [(layer, name) for layer in LAYERS for name in sorted(reader.tables()[layer]) if (layer, name) not in made]
    return {table: _named_like_people(reader, table, names_of_people(config)) for table in left}


def _named_like_people(reader: Reader, table: Table, names: Mapping[str, Identity]) -> dict[str, Identity]:
    there = {
        column
        for (column,) in reader.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_catalog = current_database()"
            " AND table_schema = ? AND table_name = ?",
            list(table),
        )
    }
    return {name: names[name] for name in names if name in there} if "source_db" in there else {}


def names_of_people(config: Config) -> dict[str, Identity]:
    """Return the names of columns that hold people's numbers: bronze's own, and those that silver and gold make of them."""
    columns: dict[str, Identity] = {}
    for spec in specs_of(config).values():
        columns |= {name: identity for column, identity in spec.people.items() for name in (column, f"{column}_id")}
    return columns


def theirs(query: Query, place: str, people: Mapping[str, Identity], suppressed: Suppressed) -> str:
    """Return the condition that the rows of erased people fulfil in a table; empty where there is none.

    Parameters
    ----------
    query
        Runs a statement.
    place
        The table, qualified and quoted.
    people
        Column → what of a person its values name.
    """
    parts = []
    for column, identity in people.items():
        found: dict[str, list[Any]] = {}
        for source_db, value in query(f"SELECT DISTINCT source_db, {quote(column)} FROM {place}"):
            if suppressed.has(source_db, identity, value):
                found.setdefault(source_db, []).append(value)
        parts += [_one_of(source_db, column, values) for source_db, values in sorted(found.items())]
    return " OR ".join(parts)


def _one_of(source_db: str, column: str, values: Iterable[Any]) -> str:
    listed = ", ".join(value_sql(value) for value in values)
    return f"(source_db = {literal(source_db)} AND {quote(column)} IN ({listed}))"


def value_sql(value: Any) -> str:
    """Return a value of a key as SQL."""
    return str(value) if isinstance(value, int) else literal(str(value))


def _is_theirs(row: tuple[Any, ...], specs: Mapping[str, ResourceSpec], suppressed: Suppressed) -> bool:
    source_db, resource, _, _, row_data = row
    spec = specs.get(resource)
    if spec is None:
        return False
    try:
        values = json.loads(row_data)
    except (TypeError, ValueError):
        return False
    return any(suppressed.has(source_db, identity, values.get(column)) for column, identity in spec.people.items())


def _digest(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def count(reader: Reader, found: Traces) -> dict[str, int]:
    """Return how many rows there are, by table."""
    counts = {
        place.replace('"', ""): int(reader.execute(f"SELECT count(*) FROM {place} WHERE {condition}")[0][0])
        for place, condition in found.rows.items()
    }
    kept = {REJECTED: len(found.rejected), RESTATED: _count_restated(reader, found.restated)}
    return {**counts, **{f"{LEDGER}.{name}": rows for name, rows in kept.items() if rows}}


def _count_restated(reader: Reader, keys: Collection[str]) -> int:
    return int(reader.execute(f"SELECT count(*) FROM {LEDGER}.{RESTATED} WHERE {_are(keys)}")[0][0]) if keys else 0


def _are(keys: Iterable[str]) -> str:
    """The condition that rows with one of these keys fulfil; by digests, since a server writes statements down."""
    return f"md5(row_key) IN ({', '.join(literal(_digest(key)) for key in keys)})"


def purge(work: Work, config: Config, suppressed: Suppressed) -> dict[str, int]:
    """Delete what the warehouse holds of erased people and no run makes anew; return the rows, by table."""
    found = traces(work, config, suppressed)
    counts = count(work, found)
    for place, condition in found.rows.items():
        work.execute(f"DELETE FROM {place} WHERE {condition}")
        work.execute(f"ANALYZE {place}")
    for row in found.rejected:
        columns = [f"md5({column})" for column in ("source_db", "resource", "key", "reason", "row_data")]
        # by a digest: a server writes statements down
        same = " AND ".join(f"{c} = {literal(_digest(text))}" for c, text in zip(columns, row, strict=True))
        work.execute(f"DELETE FROM {LEDGER}.{REJECTED} WHERE {same}")
    if found.restated:
        work.execute(f"DELETE FROM {LEDGER}.{RESTATED} WHERE {_are(found.restated)}")
    redactor = redactor_of(work, config, suppressed)
    for table, column in _TEXTS:
        for (text,) in work.execute(f"SELECT DISTINCT {column} FROM {LEDGER}.{table} WHERE {column} IS NOT NULL"):
            if (shown := redactor.text(text)) != text:
                work.execute(f"UPDATE {LEDGER}.{table} SET {column} = ? WHERE {column} = ?", [shown, text])
    ledger.put(work, APPLIED, suppressed.digest)
    return counts


def redactor_of(reader: Reader, config: Config, suppressed: Suppressed) -> Redactor:
    """Return what hides the people of a warehouse in texts."""
    return Redactor(suppressed, tuple(sources_in(reader, config)), names_of_people(config))


def sources_in(reader: Reader, config: Config) -> list[str]:
    """Return the names of the sources that are configured, or that the warehouse was ever loaded from."""
    there: Collection[str] = ()
    if "watermarks" in reader.tables()[LEDGER]:
        there = [name for (name,) in reader.execute(f"SELECT DISTINCT source_db FROM {LEDGER}.watermarks")]
    return sorted({*config.sources, *there})

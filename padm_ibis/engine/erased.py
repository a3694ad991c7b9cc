"""Who was erased from a warehouse: the list that keeps them away, and the deletion of what is still there of them.

The list stands in the warehouse (``_padm.suppressed``), since several machines may run on one, and in the working folder,
since a warehouse may be damaged, deleted or restored from an old backup. Whatever one of them lacks, the other gives; a
run that finds bronze loaded under another list deletes first what the list names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from padm_ibis import access, atomic
from padm_ibis.backends.base import Reader, Work
from padm_ibis.engine import ledger
from padm_ibis.engine.journal import Journal
from padm_ibis.extract.store import LEDGER
from padm_ibis.extract.suppression import TABLE, Suppressed, incomplete, marks_in
from padm_ibis.sources.spec import ResourceSpec, kind_spec
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.define.source_table import Identity

FILE = "suppressed.json"
KNOWN, APPLIED = "suppressed", "erased"
"""Keys of ``_padm.state``: what is known of the list; the list by which bronze was cleared."""
REJECTED = "rejected_rows"
_HIDDEN = "…"
_TEXTS = (("check_results", "examples"), ("runs", "error"), ("runs", "details"))
"""Texts of ``_padm`` in which keys of rows may stand."""


# --- the list --------------------------------------------------------------------------------------------------


def current(reader: Reader, config: Config, run_id: str = "") -> Suppressed:
    """Return who was erased, by the warehouse and by the file beside it.

    Parameters
    ----------
    run_id
        The run that asks: what it wrote down itself does not count as knowledge.

    Raises
    ------
    WarehouseError
        If marks are missing that earlier runs knew.
    ConfigError
        If they were made with another key.
    """
    stated: dict[str, Any] = json.loads(ledger.get(reader, KNOWN) or "{}")
    beside, readable = _read(config)
    marks = marks_in(reader.execute, reader.tables()) | frozenset(beside.get("marks", ()))
    known = max(int(stated.get("count", 0)), _known_to_runs(config, run_id) if not marks else 0)
    if known > len(marks) or not (readable or stated):
        raise incomplete(str(config.warehouse.url))
    if not marks:
        return Suppressed(b"")
    suppressed = Suppressed(config.hash_key(), marks)
    for place in (stated, beside):
        if "salt" in place:
            suppressed.check_key(place["salt"], place["fingerprint"])
    return suppressed


def keep(work: Work, config: Config, suppressed: Suppressed) -> None:
    """Have the list in the warehouse and in the file, whole in each."""
    if not suppressed:
        return
    with suppress(OSError):  # in the warehouse it stands; a file is one copy more
        keep_beside(config, suppressed)
    there = marks_in(work.execute, work.tables())
    stated: dict[str, Any] = json.loads(ledger.get(work, KNOWN) or "{}")
    if there == suppressed.marks and stated.get("count") == len(there):
        return
    work.execute(f"CREATE TABLE IF NOT EXISTS {LEDGER}.{TABLE} (mark VARCHAR)")
    if missing := suppressed.marks - there:
        work.execute(f"INSERT INTO {LEDGER}.{TABLE} VALUES {', '.join(f'({literal(m)})' for m in sorted(missing))}")
    ledger.put(work, KNOWN, json.dumps({"count": len(suppressed.marks), **_key(suppressed, stated.get("salt"))}))


def keep_beside(config: Config, suppressed: Suppressed) -> None:
    """Have the list in the file: from here on nobody in it is loaded again, whatever becomes of the warehouse."""
    beside, readable = _read(config)
    if readable and frozenset(beside.get("marks", ())) == suppressed.marks:
        return
    found = {"marks": sorted(suppressed.marks), **_key(suppressed, beside.get("salt"))}
    access.folder(config.state)
    atomic.write(config.state / FILE, json.dumps({**_all(config)[0], _place(config): found}, indent=1), sync=True)


def _key(suppressed: Suppressed, salt: str | None) -> dict[str, str]:
    return dict(zip(("salt", "fingerprint"), suppressed.fingerprint(salt), strict=True))


def _place(config: Config) -> str:
    """The folder beside a file is that file's own, wherever it is moved; several databases may share one."""
    return str(config.warehouse.url) if config.warehouse.url.path is None else ""


def _all(config: Config) -> tuple[dict[str, Any], bool]:
    """What the file says of every warehouse, and whether it could be read; a file that is not there says nothing."""
    try:
        found = json.loads((config.state / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, True
    except (OSError, ValueError):
        return {}, False
    return (found, True) if isinstance(found, dict) else ({}, False)


def _read(config: Config) -> tuple[dict[str, Any], bool]:
    found, readable = _all(config)
    return found.get(_place(config), {}), readable


def _known_to_runs(config: Config, run_id: str) -> int:
    """How many marks the last run that ended well knew, by what is written beside the warehouse."""
    journal = Journal(config)
    for name in reversed([name for name in journal.ids() if name != run_id]):
        for record in journal.records([name]):
            if record.good or record.published:
                return int(record.details.get(KNOWN) or 0)
    return 0


# --- what is deleted -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Traces:
    """Rows of erased people in a warehouse's bronze.

    Attributes
    ----------
    rows
        Bronze table → the condition that they fulfil.
    rejected
        Rows of ``_padm.rejected_rows`` that are theirs, as they stand there.
    """

    rows: Mapping[str, str]
    rejected: tuple[tuple[Any, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rows or self.rejected)


def specs_of(config: Config) -> dict[str, ResourceSpec]:
    """Return the bronze tables that the configured kinds of sources fill."""
    kinds = dict.fromkeys(source.kind for source in config.sources.values()) or ["guarani"]
    cache = config.state if config.state.is_dir() else None
    return {name: spec for kind in kinds for name, spec in kind_spec(kind, cache).resources.items()}


def is_due(reader: Reader, suppressed: Suppressed) -> bool:
    """Whether bronze was not yet cleared by this very list."""
    return bool(suppressed) and ledger.get(reader, APPLIED) != suppressed.digest


def traces(reader: Reader, config: Config, suppressed: Suppressed) -> Traces:
    """Find the rows of erased people."""
    existing, rows = reader.tables(), {}
    specs = specs_of(config)
    for spec in specs.values():
        if spec.name in existing["bronze"] and (condition := _condition(reader, spec, suppressed)):
            rows[spec.name] = condition
    rejected = reader.execute(f"SELECT * FROM {LEDGER}.{REJECTED}") if REJECTED in existing[LEDGER] else []
    return Traces(rows, tuple(row for row in rejected if _is_theirs(row, specs, suppressed)))


def _condition(reader: Reader, spec: ResourceSpec, suppressed: Suppressed) -> str:
    """The rows of erased people in a bronze table, as SQL; empty where there is none."""
    parts = []
    for column, identity in spec.people.items():
        found: dict[str, list[Any]] = {}
        for source_db, value in reader.execute(f"SELECT DISTINCT source_db, {quote(column)} FROM bronze.{quote(spec.name)}"):
            if suppressed.has(source_db, identity, value):
                found.setdefault(source_db, []).append(value)
        parts += [one_of(source_db, column, values) for source_db, values in sorted(found.items())]
    return " OR ".join(parts)


def one_of(source_db: str, column: str, values: Iterable[Any]) -> str:
    """Return the condition that a row is of a source and has one of some values in a column."""
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


def count(reader: Reader, found: Traces) -> dict[str, int]:
    """Return how many rows there are, by table."""
    counts = {
        f"bronze.{name}": int(reader.execute(f"SELECT count(*) FROM bronze.{quote(name)} WHERE {condition}")[0][0])
        for name, condition in found.rows.items()
    }
    return {**counts, **({f"{LEDGER}.{REJECTED}": len(found.rejected)} if found.rejected else {})}


def purge(work: Work, config: Config, suppressed: Suppressed) -> dict[str, int]:
    """Delete what the warehouse still holds of erased people, in bronze and beside it; return the rows, by table."""
    found = traces(work, config, suppressed)
    counts = count(work, found)
    for name, condition in found.rows.items():
        work.execute(f"DELETE FROM bronze.{quote(name)} WHERE {condition}")
        work.execute(f"ANALYZE bronze.{quote(name)}")
    for row in found.rejected:
        columns = ("source_db", "resource", "key", "reason", "row_data")
        same = " AND ".join(f"{column} = {literal(str(text))}" for column, text in zip(columns, row, strict=True))
        work.execute(f"DELETE FROM {LEDGER}.{REJECTED} WHERE {same}")
    redactor = Redactor.of(work, config, suppressed)
    for table, column in _TEXTS:
        for (text,) in work.execute(f"SELECT DISTINCT {column} FROM {LEDGER}.{table} WHERE {column} IS NOT NULL"):
            if (shown := redactor.text(text)) != text:
                work.execute(f"UPDATE {LEDGER}.{table} SET {column} = ? WHERE {column} = ?", [shown, text])
    ledger.put(work, APPLIED, suppressed.digest)
    return counts


# --- texts that name a row by its key ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Redactor:
    """Hides the numbers of erased people in texts: ``alumno 77`` and ``alumno_id=77`` become ``alumno …``.

    Attributes
    ----------
    sources
        Names of the sources that a text may speak of.
    columns
        Column → what of a person its values name.
    """

    suppressed: Suppressed
    sources: tuple[str, ...]
    columns: Mapping[str, Identity]

    @classmethod
    def of(cls, reader: Reader, config: Config, suppressed: Suppressed) -> Redactor:
        """Return what hides the people of a warehouse."""
        columns: dict[str, Identity] = {}
        for spec in specs_of(config).values():
            columns |= {name: identity for column, identity in spec.people.items() for name in (column, f"{column}_id")}
        return cls(suppressed, tuple(sources_in(reader, config)), columns)

    def text(self, text: str) -> str:
        """Return a text without them."""
        names = "|".join(re.escape(name) for name in sorted(self.columns, key=len, reverse=True))
        return re.sub(rf"\b({names})([= ])([^\s,;\"\\]+)", self._shown, text) if names else text

    def _shown(self, found: re.Match[str]) -> str:
        name, between, value = found.groups()
        known = any(self.suppressed.has(source, self.columns[name], value) for source in self.sources)
        return f"{name}{between}{_HIDDEN}" if known else found[0]


def sources_in(reader: Reader, config: Config) -> list[str]:
    """Return the names of the sources that are configured, or that the warehouse was ever loaded from."""
    there: Collection[str] = ()
    if "watermarks" in reader.tables()[LEDGER]:
        there = [name for (name,) in reader.execute(f"SELECT DISTINCT source_db FROM {LEDGER}.watermarks")]
    return sorted({*config.sources, *there})

"""What the warehouse said of a moment, and says otherwise now: point-in-time tables beside what they were before a run.

Old and new are compared while both are there, by a hash a row; only of rows that differ are columns looked at, and facts of
their students or persons. Everything is counted in ``_padm.restatements``; keys and names of columns, never a value, stand in
``_padm.restated_keys``, at most `LISTED` of a table and run and `KEPT` in all, and none of erased people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from padm_ibis.engine import causes, content, erased
from padm_ibis.engine.causes import NOT_FEATURES, Change, Evidence
from padm_ibis.engine.content import Content
from padm_ibis.engine.ledger import SCHEMA, Record
from padm_ibis.report.restated import Restated
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.backends.base import Work
    from padm_ibis.define.graph import Graph
    from padm_ibis.define.model import Model
    from padm_ibis.engine.state import RunState

Place = tuple[str, str]
"""Schema and name."""
YEAR, SOURCE = "anio_academico", "source_db"
EVENT_YEARS = ("anio_evento", YEAR)
"""Columns that say to which year a fact belongs, the first that there is."""
LISTED, KEPT = 10_000, 200_000
"""Rows whose keys are kept: of one table and run, and in all."""
_MOST = 50  # PostgreSQL's functions take a hundred arguments
_ALWAYS = -9999  # the year of a fact without one
_TEMP = {"duckdb": "temp.", "postgres": "pg_temp."}
_OBJECT = {"duckdb": "json_object", "postgres": "pg_catalog.json_build_object"}
_EVIDENCE = ("late", "corrected", "deleted")


def watched(graph: Graph, stale: Collection[str]) -> frozenset[str]:
    """Return the tables that a run sets aside before it makes them anew: point-in-time ones, and silver that they are made of."""
    tables = [name for name in stale if graph.models[name].point_in_time]
    made_of = graph.dag.upstream(tables)
    return frozenset({*tables, *(name for name in stale if name in made_of and graph.models[name].layer == "silver")})


def compare(work: Work, run: RunState, found: Mapping[str, Content], known: Mapping[str, Record]) -> None:
    """Compare what this run made anew with what it was; write down and report what is restated.

    Parameters
    ----------
    found
        What every table that this run made holds.
    known
        What the tables were made from before, and held.
    """
    differs = [name for name in run.former if name not in known or known[name].content != found[name].fingerprint]
    tables = [name for name in differs if run.definitions.graph.models[name].point_in_time]
    if not tables:
        return
    with run.timed("compare"):
        with _Comparison(work, run, known, _pairs(work, run, differs)) as comparison:
            for name in tables:
                run.report.restated += comparison.of(name)
        if run.report.restated:
            _write(work, run.report.run_id, run.report.restated)
            _forget_oldest(work)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A table as it was and as it is.

    Attributes
    ----------
    columns
        Names of those that both have, of the same type.
    come, gone
        Names of those that only the new one has, and only the old one.
    """

    model: Model
    old: str
    new: str
    dialect: str
    columns: tuple[str, ...]
    come: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def year(self) -> str | None:
        """The column that says of which moment a row speaks."""
        return YEAR if YEAR in self.model.grain else None


def _pairs(work: Work, run: RunState, names: Collection[str]) -> dict[str, _Pair]:
    models = [run.definitions.graph.models[name] for name in names]
    places = {model.name: (run.former[model.name], (work.locate(model.layer, model.name), model.name)) for model in models}
    columns = content.columns_of(work, {place for both in places.values() for place, _ in both})
    return {model.name: _pair(work.dialect, model, *places[model.name], columns) for model in models}


def _pair(dialect: str, model: Model, old: Place, new: Place, columns: Mapping[Place, Sequence[tuple[str, str]]]) -> _Pair:
    before, now = dict(columns[old]), dict(columns[new])
    both = tuple(column for column, kind in now.items() if before.get(column) == kind)
    come, gone = (tuple(c for c in some if c not in both) for some in (now, before))
    return _Pair(model, _place(old), _place(new), dialect, both, come, gone)


def _place(found: Place) -> str:
    return ".".join(quote(part) for part in found)


class _Comparison:
    """The temporary tables of one comparison: rows that differ, and what happened to facts of their students and persons."""

    def __init__(self, work: Work, run: RunState, known: Mapping[str, Record], pairs: Mapping[str, _Pair]) -> None:
        self.work, self.run, self.pairs = work, run, pairs
        self.changes = {name: causes.of_table(run, name, known) for name in pairs}
        self.people = erased.names_of_people(run.config)
        self._made: list[str] = []

    def __enter__(self) -> _Comparison:
        return self

    def __exit__(self, *_: object) -> None:
        for table in self._made:
            self.work.execute(f"DROP TABLE IF EXISTS {table}")

    def of(self, name: str) -> list[Restated]:
        """Return what is restated of a point-in-time table, and list the keys."""
        pair = self.pairs[name]
        if lost := [column for column in pair.model.grain if column not in pair.columns]:
            self.run.report.notes.append(
                f"{pair.model.layer}.{name} has another key than before ({', '.join(lost)}): its rows were not compared."
            )
            return []
        if pair.come or pair.gone:
            self._tell_columns(pair)
        # in two steps: the engine knows by then how few rows of the wide tables it has to look at
        keys = self._make("keys", self._differing(pair))
        if not self._any(keys):
            return []
        rows = self._make("rows", self._with_columns(pair, keys))
        change = self.changes[name]
        told = self._make("told", self._with_evidence(pair, rows, change))
        cause = self._cause(told, pair, change)
        self._list(pair, told, cause)
        return self._counted(pair, told, cause, change)

    def _any(self, table: str) -> bool:
        return bool(self.work.execute(f"SELECT 1 FROM {table} LIMIT 1"))

    def _tell_columns(self, pair: _Pair) -> None:
        words = (("has columns that it had not", pair.come), ("has no longer", pair.gone))
        said = " and ".join(f"{word}: {', '.join(columns)}" for word, columns in words if columns)
        self.run.report.notes.append(f"{pair.model.layer}.{pair.model.name} {said}. Rows are compared by the others.")

    def _make(self, name: str, query: str) -> str:
        """Make a temporary table, in place of an earlier one of that name; return it as statements name it."""
        table = f"{_TEMP[self.work.dialect]}padm_restated_{name}"
        self.work.execute(f"DROP TABLE IF EXISTS {table}")
        self.work.execute(f"CREATE TEMP TABLE padm_restated_{name} AS {query}")
        self._made.append(table)
        return table

    # --- rows that differ --------------------------------------------------------------------------------------------

    def _differing(self, pair: _Pair) -> str:
        """Keys of moments that were published whose row is another, new or gone."""
        published, newest = _published(pair)
        kind = "CASE WHEN padm_was IS NULL THEN 'added' WHEN padm_became IS NULL THEN 'removed' ELSE 'changed' END AS padm_kind"
        return (
            f"SELECT {_of('m', pair.model.grain)}, padm_was, padm_became, {kind}"
            f" FROM ({_hashes(pair, pair.model.grain, pair.columns)}) AS m{newest} WHERE padm_was IS NOT NULL{published}"
        )

    def _with_columns(self, pair: _Pair, keys: str) -> str:
        """The same rows, each with the columns that moved."""
        from padm_ibis.define import contract as contracts

        roles = {c.name: c.role for c in contracts.all_columns(pair.model.contract)}
        others = [c for c in pair.columns if c not in pair.model.grain]
        later = [c for c in others if roles[c] in NOT_FEATURES]
        features = [c for c in others if c not in later]
        labels = [c for c in later if roles[c] == "target"]
        changed = "m.padm_kind = 'changed'"
        revised = " OR ".join(f"({_moved(c)} AND o.{quote(c)} IS NOT NULL)" for c in labels) or "FALSE"
        persons = "".join(f", coalesce(n.{quote(c)}, o.{quote(c)}) AS {quote(c)}" for c in self._persons(pair))
        return (
            f"SELECT m.*, CASE WHEN {changed} THEN {_names(features)} ELSE '' END AS padm_features,"
            f" CASE WHEN {changed} THEN {_names(later)} ELSE '' END AS padm_later,"
            f" {changed} AND ({revised}) AS padm_revised{persons}"
            f" FROM {keys} m LEFT JOIN {pair.old} o ON {_same('m', 'o', pair)} LEFT JOIN {pair.new} n ON {_same('m', 'n', pair)}"
        )

    def _persons(self, pair: _Pair) -> list[str]:
        """Columns that name somebody, beside the key."""
        return [c for c in pair.columns if c in self.people and c not in pair.model.grain]

    # --- what happened to facts of theirs ----------------------------------------------------------------------------

    def _with_evidence(self, pair: _Pair, rows: str, change: Change) -> str:
        """The same rows, each with what happened to facts of its own: none that are of a later year than could have moved it."""
        facts: dict[tuple[str, ...], list[str]] = {}
        if change.data:
            for other in self._silver(pair):
                if who := self._who(pair, other):
                    facts.setdefault(who, []).append(self._happened(pair, other, who, rows))
        found = {
            who: self._make(f"facts{number}", _by_person(who, queries)) for number, (who, queries) in enumerate(facts.items())
        }
        until = "0"
        if pair.year:
            newest = f"(SELECT max({quote(pair.year)}) FROM {pair.new})"
            until = f"CASE WHEN r.padm_features <> '' OR r.padm_kind <> 'changed' THEN r.{quote(pair.year)} ELSE {newest} END"
        happened = {word: [f"coalesce(f{number}.{word} <= {until}, FALSE)" for number in range(len(found))] for word in _EVIDENCE}
        flags = [f"{' OR '.join(some) or 'FALSE'} AS padm_{word}" for word, some in happened.items()]
        joins = [
            f" LEFT JOIN {table} f{number} ON {' AND '.join(f'f{number}.{quote(c)} = r.{quote(c)}' for c in who)}"
            for number, (who, table) in enumerate(found.items())
        ]
        visible = "padm_kind <> 'changed' OR padm_features <> '' OR padm_later <> ''"  # hashes tell 0.0 from -0.0
        return f"SELECT r.*, {', '.join(flags)} FROM {rows} r{''.join(joins)} WHERE {visible}"

    def _silver(self, pair: _Pair) -> Iterator[_Pair]:
        """The tables of silver that a table is made of and that hold something else, though made by the same code."""
        upstream = self.run.definitions.dag.upstream([pair.model.name])
        for name, other in self.pairs.items():
            if name in upstream and other.model.layer == "silver" and not self.changes[name].code:
                yield other

    def _who(self, pair: _Pair, other: _Pair) -> tuple[str, ...]:
        """Columns by which rows of two tables are those of the same student or person; none where there are no such."""
        if not set(other.model.grain) <= set(other.columns):
            return ()
        key = [c for c in pair.model.grain if c != pair.year and c in other.columns]
        if not set(key) - {SOURCE}:
            key += [c for c in self._persons(pair) if c in other.columns][:1]
        return tuple(key) if set(key) - {SOURCE} else ()

    def _happened(self, pair: _Pair, other: _Pair, who: Sequence[str], rows: str) -> str:
        """Facts of those whose rows are restated that are new, another or gone, with their years."""
        year = next((c for c in EVENT_YEARS if c in other.columns), None)
        columns: Sequence[str] = other.columns
        if year is None and self.changes[other.model.name].params:
            # what follows from the parameters is no correction; of a moment's own words, nothing does
            columns = [c for c in other.columns if c in other.model.grain or c in pair.columns]
        key = list(dict.fromkeys([*other.model.grain, *who]))
        whose = f" WHERE ({_of('', who)}) IN (SELECT {_of('', who)} FROM {rows})"
        when = f"coalesce({quote(year)}, {_ALWAYS})" if year else str(_ALWAYS)
        what = "CASE WHEN padm_was IS NULL THEN 'late' WHEN padm_became IS NULL THEN 'deleted' ELSE 'corrected' END"
        hashed = _hashes(other, key, columns, when, whose)
        return f"SELECT {_of('', who)}, padm_year, {what} AS padm_what FROM ({hashed}) AS h"

    # --- counting and listing ----------------------------------------------------------------------------------------

    def _cause(self, told: str, pair: _Pair, change: Change) -> str:
        """The cause of a row, as SQL over the table of restated rows."""
        happened = ", ".join(f"padm_{word}" for word in _EVIDENCE)
        combinations = self.work.execute(f"SELECT DISTINCT padm_kind, padm_features <> '', padm_revised, {happened} FROM {told}")
        arms = [f"WHEN {mine} THEN {literal(causes.ERASED)}" for mine in self._erased(told, pair)]
        for kind, feature, revised, *flags in sorted(combinations):
            conditions = [f"padm_kind = '{kind}'", f"(padm_features <> '') = {feature}", f"padm_revised = {revised}"]
            conditions += [f"padm_{word} = {flag}" for word, flag in zip(_EVIDENCE, flags, strict=True)]
            cause = causes.cause(Evidence(kind, feature, revised, *flags), change)
            arms.append(f"WHEN {' AND '.join(conditions)} THEN {literal(cause)}")
        return f"CASE {' '.join(arms)} END"

    def _erased(self, told: str, pair: _Pair) -> Iterator[str]:
        """The condition that rows of erased people fulfil, where there are any."""
        people = {c: self.people[c] for c in (*pair.model.grain, *self._persons(pair)) if c in self.people}
        if people and self.run.suppressed and SOURCE in pair.model.grain:
            yield from filter(None, [erased.theirs(self.work.execute, told, people, self.run.suppressed)])

    def _counted(self, pair: _Pair, told: str, cause: str, change: Change) -> list[Restated]:
        table = f"{pair.model.layer}.{pair.model.name}"
        ((published,),) = self.work.execute(f"SELECT count(*) FROM {pair.old}")
        columns: dict[tuple[str, str], dict[str, int]] = {}
        for kind, why, name, count in self.work.execute(
            f"SELECT padm_kind, padm_cause, padm_name, count(*) FROM (SELECT padm_kind, {cause} AS padm_cause,"
            f" unnest(string_to_array({_ALL_COLUMNS}, ',')) AS padm_name FROM {told}) AS c"
            " WHERE padm_name <> '' GROUP BY 1, 2, 3 ORDER BY 4 DESC, 3"
        ):
            columns.setdefault((kind, why), {})[name] = int(count)
        counts = self.work.execute(
            f"SELECT padm_kind, {cause}, count(*), sum(CASE WHEN padm_features <> '' THEN 1 ELSE 0 END) FROM {told}"
            " GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
        )
        return [
            Restated(table, kind, why, int(count), int(published), int(features), columns.get((kind, why), {}), change.data)
            for kind, why, count, features in counts
        ]

    def _list(self, pair: _Pair, told: str, cause: str) -> None:
        """Keep the keys of restated rows, as many as are kept."""
        key = f"{_OBJECT[self.work.dialect]}({', '.join(f'{literal(c)}, {quote(c)}' for c in pair.model.grain)})"
        compared = hashlib.sha256(",".join(pair.columns).encode()).hexdigest()[:8]
        hashes = (f"'{compared}:' || CAST(padm_{word} AS text)" for word in ("was", "became"))
        self.work.execute(
            f"INSERT INTO {SCHEMA}.restated_keys SELECT {literal(self.run.report.run_id)},"
            f" {literal(f'{pair.model.layer}.{pair.model.name}')}, CAST({key} AS text), padm_kind, padm_cause, {_ALL_COLUMNS},"
            f" {', '.join(hashes)} FROM (SELECT t.*, {cause} AS padm_cause FROM {told} t) AS c"
            f" WHERE padm_cause <> {literal(causes.ERASED)} ORDER BY {_of('', pair.model.grain)} LIMIT {LISTED}"
        )


_ALL_COLUMNS = "substr(concat(padm_features, padm_later), 2)"


def _of(table: str, columns: Sequence[str]) -> str:
    return ", ".join(f"{table}.{quote(c)}" if table else quote(c) for c in columns)


def _moved(column: str) -> str:
    return f"o.{quote(column)} IS DISTINCT FROM n.{quote(column)}"


def _names(columns: Sequence[str]) -> str:
    """The names of the columns that moved, as one text: a comma before each."""
    told = [f"CASE WHEN {_moved(c)} THEN {literal(f',{c}')} END" for c in columns] or ["''"]
    while len(told) > 1:
        told = [f"concat({', '.join(told[number : number + _MOST])})" for number in range(0, len(told), _MOST)]
    return told[0]


def _same(one: str, other: str, pair: _Pair) -> str:
    """Equal keys, nulls included, in words that PostgreSQL can hash."""
    from padm_ibis.define import contract as contracts

    required = {c.name for c in contracts.all_columns(pair.model.contract) if not c.nullable}
    parts = []
    for name in pair.model.grain:
        mine, theirs = f"{one}.{quote(name)}", f"{other}.{quote(name)}"
        if name in required:
            parts.append(f"{mine} = {theirs}")
        else:
            parts += [f"coalesce(CAST({mine} AS text), '') = coalesce(CAST({theirs} AS text), '')"]
            parts += [f"({mine} IS NULL) = ({theirs} IS NULL)"]
    return " AND ".join(parts)


def _hashes(pair: _Pair, key: Sequence[str], columns: Sequence[str], year: str = "", where: str = "") -> str:
    """Keys whose rows differ between old and new, with the hash of each; a null stands for no row."""

    def rows(place: str, side: int) -> str:
        dated = f", {year} AS padm_year" if year else ""
        hashed = content.hash_of(pair.dialect, columns)
        return f"SELECT {_of('', key)}, {hashed} AS padm_hash, {side} AS padm_side{dated} FROM {place}{where}"

    was, became = (f"sum(CASE WHEN padm_side = {side} THEN padm_hash END)" for side in (0, 1))
    return (
        f"SELECT {_of('', key)}, {was} AS padm_was, {became} AS padm_became{', min(padm_year) AS padm_year' if year else ''}"
        f" FROM ({rows(pair.old, 0)} UNION ALL {rows(pair.new, 1)}) AS b GROUP BY {_of('', key)}"
        f" HAVING {was} IS DISTINCT FROM {became}"
    )


def _published(pair: _Pair) -> tuple[str, str]:
    """The condition that a new row speaks of a moment that its source had already, and the join that it needs."""
    if pair.year is None:
        return "", ""
    year = quote(pair.year)
    if SOURCE not in pair.model.grain:
        return f" OR m.{year} <= (SELECT max({year}) FROM {pair.old})", ""
    newest = f"(SELECT {SOURCE}, max({year}) AS padm_newest FROM {pair.old} GROUP BY {SOURCE})"
    return f" OR m.{year} <= p.padm_newest", f" LEFT JOIN {newest} p ON p.{SOURCE} = m.{SOURCE}"


def _by_person(who: Sequence[str], queries: Sequence[str]) -> str:
    """Of each person, the earliest year in which a fact is new, another or gone."""
    years = ", ".join(f"min(CASE WHEN padm_what = '{word}' THEN padm_year END) AS {word}" for word in _EVIDENCE)
    return f"SELECT {_of('', who)}, {years} FROM ({' UNION ALL '.join(queries)}) AS f GROUP BY {_of('', who)}"


def _write(work: Work, run_id: str, found: Sequence[Restated]) -> None:
    for one in found:
        texts = json.dumps(dict(one.columns)), json.dumps(list(one.inputs))
        values = [run_id, one.table, one.kind, one.cause, one.rows, one.published, one.features, *texts]
        work.execute(f"INSERT INTO {SCHEMA}.restatements VALUES ({', '.join('?' * len(values))})", values)


def _forget_oldest(work: Work) -> None:
    """Forget the keys that the oldest runs restated, where there are more than are kept; what was counted stays."""
    listed = work.execute(
        f"SELECT k.run_id, count(*) FROM {SCHEMA}.restated_keys k LEFT JOIN {SCHEMA}.runs r ON r.run_id = k.run_id"
        " GROUP BY k.run_id, r.started_at ORDER BY r.started_at, k.run_id"
    )
    total = sum(int(count) for _, count in listed)
    for run_id, count in listed[:-1]:
        if total <= KEPT:
            break
        work.execute(f"DELETE FROM {SCHEMA}.restated_keys WHERE run_id = ?", [run_id])
        total -= int(count)

"""What the warehouse said of a moment, and says otherwise now: point-in-time tables beside what they were before a run.

Old and new are compared while both are there, by a hash a row; only of rows that differ are columns looked at, and facts of
their students or persons. Everything is counted in ``_padm.restatements``; keys and names of columns, never a value, stand in
``_padm.restated_keys``, at most `LISTED` of a table and run and `KEPT` in all, and none of erased people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from padm_ibis.engine import causes, erased
from padm_ibis.engine.causes import NOT_FEATURES, Change, Evidence
from padm_ibis.engine.content import Content
from padm_ibis.engine.ledger import SCHEMA, Record
from padm_ibis.engine.pair import (
    SOURCE,
    YEAR,
    Pair,
    any_moved,
    columns_sql,
    differing_rows,
    differs_in,
    names_of_moved,
    of_published_moments,
    pairs_of,
    same_key,
    suffix,
)
from padm_ibis.report.restated import Restated
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.backends.base import Work
    from padm_ibis.define.graph import Graph
    from padm_ibis.engine.state import RunState

EVENT_YEARS = ("anio_evento", YEAR)
"""Columns that say to which year a fact belongs, the first that there is."""
LISTED, KEPT = 10_000, 200_000
"""Rows whose keys are kept: of one table and run, and in all."""
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
        comparison = _Comparison(work, run, known, pairs_of(work, run, differs))
        run.report.restated = comparison.of(tables)
        comparison.clear()
        if run.report.restated:
            _write(work, run.report.run_id, run.report.restated)
            _forget_oldest(work)


class _Comparison:
    """The temporary tables of one comparison: rows that differ, and what happened to facts of their students and persons."""

    def __init__(self, work: Work, run: RunState, known: Mapping[str, Record], pairs: Mapping[str, Pair]) -> None:
        self.work, self.run, self.pairs = work, run, pairs
        self.changes = {name: causes.of_table(run, name, known) for name in pairs}
        self.people = erased.names_of_people(run.config)
        self._made: list[str] = []

    def of(self, names: Sequence[str]) -> list[Restated]:
        """Return what is restated of point-in-time tables, and list the keys."""
        rows: dict[str, str] = {}
        for name in names:
            if self._is_comparable(pair := self.pairs[name]):
                # in two steps: the engine knows by then how few rows of the wide tables it has to look at
                keys = self._make("keys", self._differing(pair))
                if self._any(keys):
                    rows[name] = self._make(f"rows{len(rows)}", self._with_columns(pair, keys))
        facts = self._facts(rows)
        found = []
        for name, restated in rows.items():
            pair = self.pairs[name]
            told = self._make("told", self._with_facts(pair, restated, facts[name]))
            cause = self._cause(told, pair, self.changes[name])
            self._list(pair, told, cause)
            found += self._counted(pair, told, cause, self.changes[name])
        return found

    def clear(self) -> None:
        """Drop the temporary tables; where anything failed, they go with the transaction."""
        for table in self._made:
            self.work.execute(f"DROP TABLE IF EXISTS {table}")

    def _is_comparable(self, pair: Pair) -> bool:
        table = f"{pair.model.layer}.{pair.model.name}"
        if lost := [column for column in pair.model.grain if column not in pair.columns]:
            self.run.report.notes.append(
                f"{table} has another key than before ({', '.join(lost)}): its rows were not compared with what they were."
            )
            return False
        words = (("has columns that it had not", pair.come), ("has no longer", pair.gone))
        if said := " and ".join(f"{word}: {', '.join(columns)}" for word, columns in words if columns):
            self.run.report.notes.append(f"{table} {said}. Rows are compared by the others.")
        return True

    def _any(self, table: str) -> bool:
        return bool(self.work.execute(f"SELECT 1 FROM {table} LIMIT 1"))

    def _make(self, name: str, query: str) -> str:
        """Make a temporary table, in place of an earlier one of that name; return it as statements name it."""
        table = f"{_TEMP[self.work.dialect]}padm_restated_{name}"
        self.work.execute(f"DROP TABLE IF EXISTS {table}")
        self.work.execute(f"CREATE TEMP TABLE padm_restated_{name} AS {query}")
        self._made.append(table)
        return table

    # --- rows that differ --------------------------------------------------------------------------------------------

    def _differing(self, pair: Pair) -> str:
        """Keys of moments that were published whose row is another, new or gone."""
        published, newest = of_published_moments(pair)
        kind = "CASE WHEN padm_was IS NULL THEN 'added' WHEN padm_became IS NULL THEN 'removed' ELSE 'changed' END AS padm_kind"
        return (
            f"SELECT m.*, {kind} FROM ({differing_rows(pair, pair.model.grain, pair.groups)}) AS m{newest}"
            f" WHERE padm_was IS NOT NULL{published}"
        )

    def _with_columns(self, pair: Pair, keys: str) -> str:
        """The same rows, each with the columns that moved."""
        from padm_ibis.define import contract as contracts

        roles = {c.name: c.role for c in contracts.all_columns(pair.model.contract)}
        moved = self.work.execute(f"SELECT {', '.join(any_moved(group) for group in range(len(pair.groups)))} FROM {keys}")[0]
        seen = {column for group, is_moved in zip(pair.groups, moved, strict=True) if is_moved for column in group}
        others = [c for c in pair.columns if c in seen and c not in pair.model.grain]
        later = [c for c in others if roles[c] in NOT_FEATURES]
        features = [c for c in others if c not in later]
        labels = [c for c in later if roles[c] == "target"]
        changed = "m.padm_kind = 'changed'"
        label = " OR ".join(differs_in(c) for c in labels) or "FALSE"
        revised = " OR ".join(f"({differs_in(c)} AND o.{quote(c)} IS NOT NULL)" for c in labels) or "FALSE"
        persons = "".join(f", coalesce(n.{quote(c)}, o.{quote(c)}) AS {quote(c)}" for c in self._persons(pair))
        return (
            f"SELECT m.*, CASE WHEN {changed} THEN {names_of_moved(features)} ELSE '' END AS padm_features,"
            f" CASE WHEN {changed} THEN {names_of_moved(later)} ELSE '' END AS padm_later,"
            f" {changed} AND ({label}) AS padm_label, {changed} AND ({revised}) AS padm_revised{persons}"
            f" FROM {keys} m LEFT JOIN {pair.old} o ON {same_key('m', 'o', pair)}"
            f" LEFT JOIN {pair.new} n ON {same_key('m', 'n', pair)}"
        )

    def _persons(self, pair: Pair) -> list[str]:
        """Columns that name somebody, beside the key."""
        return [c for c in pair.columns if c in self.people and c not in pair.model.grain]

    # --- what happened to facts of theirs ----------------------------------------------------------------------------

    def _facts(self, rows: Mapping[str, str]) -> dict[str, dict[tuple[str, ...], str]]:
        """Make a table for each way in which facts name somebody; return point-in-time table → the columns → its facts' table.

        Tables that are made of the same silver share them.
        """
        wanted: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
        for name in rows:
            by_who: dict[tuple[str, ...], list[str]] = {}
            for other in self._silver(self.pairs[name]) if self.changes[name].data else ():
                if who := self._who(self.pairs[name], other):
                    by_who.setdefault(who, []).append(other.model.name)
            for who, made_of in by_who.items():
                wanted.setdefault((who, tuple(made_of)), []).append(name)
        found: dict[str, dict[tuple[str, ...], str]] = {name: {} for name in rows}
        for number, ((who, others), names) in enumerate(wanted.items()):
            persons = " UNION ALL ".join(f"SELECT {columns_sql('', who)} FROM {rows[name]}" for name in names)
            happened = [self._happened(self.pairs[other], names, who, persons) for other in others]
            table = self._make(f"facts{number}", _by_person(who, happened))
            for name in names:
                found[name][who] = table
        return found

    def _with_facts(self, pair: Pair, rows: str, facts: Mapping[tuple[str, ...], str]) -> str:
        """Restated rows, each with what happened to facts of its own: none that are of a later year than could have moved it."""
        until = "0"
        if pair.year:
            newest = f"(SELECT max({quote(pair.year)}) FROM {pair.table})"
            own = "r.padm_features <> '' OR r.padm_kind <> 'changed'"
            if causes.AS_OF in self.changes[pair.model.name].params:  # by the facts of later years it knows more, and rightly so
                own += " OR NOT r.padm_label"
            until = f"CASE WHEN {own} THEN r.{quote(pair.year)} ELSE {newest} END"
        happened = {word: [f"coalesce(f{number}.{word} <= {until}, FALSE)" for number in range(len(facts))] for word in _EVIDENCE}
        flags = [f"{' OR '.join(some) or 'FALSE'} AS padm_{word}" for word, some in happened.items()]
        joins = [
            f" LEFT JOIN {table} f{number} ON {' AND '.join(f'f{number}.{quote(c)} = r.{quote(c)}' for c in who)}"
            for number, (who, table) in enumerate(facts.items())
        ]
        visible = "padm_kind <> 'changed' OR padm_features <> '' OR padm_later <> ''"  # hashes tell 0.0 from -0.0
        return f"SELECT r.*, {', '.join(flags)} FROM {rows} r{''.join(joins)} WHERE {visible}"

    def _silver(self, pair: Pair) -> Iterator[Pair]:
        """The tables of silver that a table is made of and that hold something else, though made by the same code."""
        upstream = self.run.definitions.dag.upstream([pair.model.name])
        for name, other in self.pairs.items():
            if name in upstream and other.model.layer == "silver" and not self.changes[name].code:
                yield other

    def _who(self, pair: Pair, other: Pair) -> tuple[str, ...]:
        """Columns by which rows of two tables are those of the same student or person; none where there are no such."""
        if not set(other.model.grain) <= set(other.columns):
            return ()
        key = [c for c in pair.model.grain if c != pair.year and c in other.columns]
        if not set(key) - {SOURCE}:
            key += [c for c in self._persons(pair) if c in other.columns][:1]
        return tuple(key) if set(key) - {SOURCE} else ()

    def _happened(self, other: Pair, tables: Sequence[str], who: Sequence[str], persons: str) -> str:
        """Facts of those whose rows are restated that are new, another or gone, with their years."""
        year = next((c for c in EVENT_YEARS if c in other.columns), None)
        columns: Sequence[str] = other.columns
        if year is None and self.changes[other.model.name].params:
            # what follows from the parameters is no correction; of a moment's own words, nothing does
            own = {c for name in tables for c in self.pairs[name].columns}
            columns = [c for c in other.columns if c in other.model.grain or c in own]
        key = list(dict.fromkeys([*other.model.grain, *who]))
        when = f"coalesce({quote(year)}, {_ALWAYS})" if year else str(_ALWAYS)
        what = "CASE WHEN padm_was IS NULL THEN 'late' WHEN padm_became IS NULL THEN 'deleted' ELSE 'corrected' END"
        hashed = differing_rows(other, key, [columns], when, f" WHERE ({columns_sql('', who)}) IN ({persons})")
        return f"SELECT {columns_sql('', who)}, padm_year, {what} AS padm_what FROM ({hashed}) AS h"

    # --- counting and listing ----------------------------------------------------------------------------------------

    def _cause(self, told: str, pair: Pair, change: Change) -> str:
        """The cause of a row, as SQL over the table of restated rows."""
        happened = ", ".join(f"padm_{word}" for word in _EVIDENCE)
        combinations = self.work.execute(
            f"SELECT DISTINCT padm_kind, padm_features <> '', padm_label, padm_revised, {happened} FROM {told}"
        )
        arms = [f"WHEN {mine} THEN {literal(causes.ERASED)}" for mine in self._erased(told, pair)]
        for kind, feature, label, revised, *flags in sorted(combinations):
            conditions = [f"padm_kind = '{kind}'", f"(padm_features <> '') = {feature}"]
            conditions += [f"padm_label = {label}", f"padm_revised = {revised}"]
            conditions += [f"padm_{word} = {flag}" for word, flag in zip(_EVIDENCE, flags, strict=True)]
            cause = causes.cause(Evidence(kind, feature, label, revised, *flags), change)
            arms.append(f"WHEN {' AND '.join(conditions)} THEN {literal(cause)}")
        return f"CASE {' '.join(arms)} END"

    def _erased(self, told: str, pair: Pair) -> Iterator[str]:
        """The condition that rows of erased people fulfil, where there are any."""
        people = {c: self.people[c] for c in (*pair.model.grain, *self._persons(pair)) if c in self.people}
        if people and self.run.suppressed and SOURCE in pair.model.grain:
            yield from filter(None, [erased.theirs(self.work.execute, told, people, self.run.suppressed)])

    def _counted(self, pair: Pair, told: str, cause: str, change: Change) -> list[Restated]:
        table = f"{pair.model.layer}.{pair.model.name}"
        ((published,),) = self.work.execute(f"SELECT count(*) FROM {pair.whole}")
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

    def _list(self, pair: Pair, told: str, cause: str) -> None:
        """Keep the keys of restated rows, as many as are kept."""
        key = f"{_OBJECT[self.work.dialect]}({', '.join(f'{literal(c)}, {quote(c)}' for c in pair.model.grain)})"
        compared = hashlib.sha256(",".join(pair.columns).encode()).hexdigest()[:8]
        hashes = [
            " || '.' || ".join(
                [f"'{compared}'", *(f"CAST(padm_{word}{suffix(group)} AS text)" for group in range(len(pair.groups)))]
            )
            for word in ("was", "became")
        ]
        self.work.execute(
            f"INSERT INTO {SCHEMA}.restated_keys SELECT {literal(self.run.report.run_id)},"
            f" {literal(f'{pair.model.layer}.{pair.model.name}')}, CAST({key} AS text), padm_kind, padm_cause, {_ALL_COLUMNS},"
            f" {', '.join(hashes)} FROM (SELECT t.*, {cause} AS padm_cause FROM {told} t) AS c"
            f" WHERE padm_cause <> {literal(causes.ERASED)} ORDER BY {columns_sql('', pair.model.grain)} LIMIT {LISTED}"
        )


_ALL_COLUMNS = "substr(concat(padm_features, padm_later), 2)"


def _by_person(who: Sequence[str], queries: Sequence[str]) -> str:
    """Of each person, the earliest year in which a fact is new, another or gone."""
    years = ", ".join(f"min(CASE WHEN padm_what = '{word}' THEN padm_year END) AS {word}" for word in _EVIDENCE)
    return f"SELECT {columns_sql('', who)}, {years} FROM ({' UNION ALL '.join(queries)}) AS f GROUP BY {columns_sql('', who)}"


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

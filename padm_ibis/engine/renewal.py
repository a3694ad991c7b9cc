"""How much of a table a run has to make anew: nothing, the rows of some people, or all of it.

A table is left as it is where nothing that it reads says anything else and no date in its expression passes one of its rows.
Where all that moved are rows of people, and the table is made person by person (`define.owner`), their rows alone are made
anew. Whatever else happened, whenever more than `MOST` of all people moved, and where the table is small, it is made as a whole.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from padm_ibis.define import moments
from padm_ibis.define.needed import needed_columns
from padm_ibis.define.owner import Key, Ownership, of_expression, of_people
from padm_ibis.engine import content, ledger, queries
from padm_ibis.engine.erased import specs_of
from padm_ibis.engine.moved import TEMP, Moved, keys_of
from padm_ibis.report.run import FIRST
from padm_ibis.sources.values import quote

if TYPE_CHECKING:
    from collections.abc import Collection

    from padm_ibis.backends.base import Work
    from padm_ibis.define.model import Model
    from padm_ibis.engine.content import Content
    from padm_ibis.engine.ledger import Record
    from padm_ibis.engine.state import RunState
    from padm_ibis.params import Params

Extent = Literal["nothing", "people", "all"]
Place = tuple[str, str]
"""A schema and a table in it."""
MOST = 0.2
"""The share of all people up to which their rows are made anew by themselves."""
FEW_ROWS = 50_000
"""Rows below which a table is made as a whole: that takes less than writing the statement for some people's rows."""
POPULATION = "population {}"
"""Among the facts of a table: what a population of it said when the table was made."""


@dataclass(frozen=True, slots=True)
class Share:
    """What is made anew of a table.

    Attributes
    ----------
    why
        Why no less is.
    recipe
        How some people's rows are made anew, where they are.
    """

    extent: Extent
    why: str = ""
    recipe: Recipe | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How some people's rows of a table are made.

    Attributes
    ----------
    keys
        The columns that say whose a row is; see `define.owner.Ownership`.
    statement
        The query of the rows of the people that moved.
    """

    keys: tuple[Key, ...]
    statement: str

    @property
    def key(self) -> Key:
        """The columns to choose people's rows by."""
        return self.keys[0]


@dataclass(frozen=True, slots=True)
class Populations:
    """What a table's rows share with everybody's: queries, which a `Recipe` finds in tables of their own, and their columns."""

    queries: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]

    def dumps(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Populations:
        """Read what `dumps` wrote."""
        found = json.loads(text)
        return cls(tuple(found["queries"]), tuple(map(tuple, found["columns"])))


class Renewal:
    """What one run has found to be moved so far, table by table in building order.

    Parameters
    ----------
    before
        What every table was made from when the run began, bronze included.

    Attributes
    ----------
    facts
        Table → what the run knows of its content beside that; see `ledger.Record`.
    """

    def __init__(self, work: Work, run: RunState, before: Mapping[str, Record], stale: Collection[str]) -> None:
        self._work, self._run, self._before, self._stale = work, run, before, stale
        self.facts = {name: dict(record.facts) for name, record in before.items()}
        specs = specs_of(run.config)
        existing = work.tables()["bronze"]
        self.moved = Moved(work, {name: spec for name, spec in specs.items() if name in existing})
        self._bronze_keys = keys_of(specs.values())
        self._keys: dict[str, tuple[Key, ...]] = {}
        self._extents: dict[str, Extent] = {}
        for name in sorted(run.changed):
            self._extents[name] = "people" if run.touched and name in existing and self.moved.take(name) else "all"
        self.moved.complete()

    def extent(self, name: str) -> Extent:
        """Return what of a table is another than when the run began."""
        return self._extents.get(name, "nothing")

    # --- what is to be done -------------------------------------------------------------------------------

    def share(self, model: Model) -> Share:
        """Return how much of a table has to be made anew, now that all that it reads is there."""
        record = self._before.get(model.name)
        if record is None or not record.content:
            return Share("all", FIRST)
        node = self._run.definitions.dag.nodes[model.name]
        if record.code != ledger.code_of(node, self._run.definitions.fingerprints):
            return Share("all", "its code changed")
        was, now = (json.loads(text) for text in (record.params, ledger.params_of(node, self._run.params)))
        if other := [key for key in sorted({*was, *now} - {"as_of"}) if was.get(key) != now.get(key)]:
            return Share("all", ", ".join(f"{key} {was.get(key)} → {now.get(key)}" for key in other))
        if unseen := [name for name in model.inputs if record.inputs.get(name) != self._version_before(name)]:
            return Share("all", f"{unseen[0]} changed before")
        moves = {name: self.extent(name) for name in model.inputs}
        if whole := [name for name, extent in moves.items() if extent == "all"]:
            return Share("all", f"{whole[0]} changed")
        moved = [name for name, extent in moves.items() if extent == "people"]
        then = self._then(model, was)
        return self._of_people(model, moved, then) if moved or then else Share("nothing")

    def _version_before(self, name: str) -> str | None:
        return self._before[name].made_by if name in self._before else None

    def _then(self, model: Model, was: Mapping[str, Any]) -> Params | None:
        """The parameters by which a table was made, where any that it reads is another by now."""
        if "as_of" not in was or was["as_of"] == str(self._run.request.as_of):
            return None
        then = self._run.definitions.params(dt.date.fromisoformat(was["as_of"]))
        read = queries.parameters(self._run, model)
        return None if moments.values(read, then) == moments.values(read, self._params) else then

    def _of_people(self, model: Model, moved: list[str], then: Params | None) -> Share:
        dated = "" if then is None else f"as_of {then.as_of} → {self._params.as_of}"
        why = f"{moved[0]} changed" if moved else dated
        turned = self._turned(model, then)
        if turned is None:
            return Share("all", dated)
        turned = [(identity, query) for identity, query in turned if self._any(query)]
        if not moved and not turned:
            return Share("nothing")
        if any(self._any(query, " WHERE number IS NULL") for _, query in turned):
            return Share("all", f"{dated}, for rows of nobody")
        if not (keys := self.keys(model.name)):
            return Share("all", why)
        for identity, query in turned:
            self.moved.add(identity, query)
        if (moved_people := self.moved.share()) > MOST:
            return Share("all", f"{why}; {moved_people:.0%} of all people")
        if self._before[model.name].rows < FEW_ROWS:
            return Share("all", f"{why}; few rows")
        if self._others(model):
            return Share("all", f"{why}, and with it what is said of all")
        return Share("people", why, Recipe(keys, self._statement(model)))

    def _any(self, query: str, where: str = "") -> bool:
        return bool(self._work.execute(f"SELECT 1 FROM ({query}) AS q{where} LIMIT 1"))

    def _turned(self, model: Model, then: Params | None) -> list[tuple[str, str]] | None:
        """Whose rows a later date turns, as identity and query; None where it may turn any row."""
        if then is None:
            return []
        from padm_ibis.define.clock import passed, turns
        from padm_ibis.define.compile import sql

        expression = queries.bound(self._work, self._run, model)
        found = turns(self._run.definitions.graph.bind(model, then, partial(queries.table, self._work, self._run)), expression)
        declared = self._declared(model)
        whose = [passed(turn, declared) for turn in found or ()]
        if found is None or any(one is None for one in whose):
            return None
        return [(one[0].identity, sql(one[1], self._work.dialect, pretty=False)) for one in whose if one is not None]

    # --- whose rows are whose ---------------------------------------------------------------------------------

    def _declared(self, model: Model) -> dict[str, tuple[Key, ...]]:
        """Of what a table reads, the columns that say whose the rows are."""
        return {name: keys for name in model.inputs if (keys := self.keys(name))}

    def keys(self, name: str) -> tuple[Key, ...]:
        """Return the columns of a table that say whose its rows are; none where it is not made person by person."""
        if name in self._bronze_keys:
            return self._bronze_keys[name]
        if name not in self._keys:
            model = self._run.definitions.graph.models[name]
            self._keys[name] = self._of(model) if model.layer != "bronze" else ()
        return self._keys[name]

    def _of(self, model: Model) -> tuple[Key, ...]:
        key = f"owner {model.name} {queries.read_values(self._run, model)}"
        text = self._run.definitions.statements.get(key, lambda: self._owner(model))
        return tuple(Key(**one) for one in json.loads(text))

    def _owner(self, model: Model) -> str:
        expression = self._run.expressions.get(model.name)
        if expression is None:
            expression = self._run.definitions.graph.bind(model, self._params)
        found = of_expression(expression, self._declared(model))
        return json.dumps([asdict(key) for key in found.keys] if found is not None else [])

    @property
    def _params(self) -> Params:
        return self._run.definitions.params(self._run.request.as_of)

    # --- what is said of all ----------------------------------------------------------------------------------

    def _others(self, model: Model) -> bool:
        """Whether what a table's rows share with everybody's is another than when it was made."""
        said = list(self._populations(self.populations(model)))
        known = self.facts.get(model.name, {})
        return any(known.get(POPULATION.format(n)) != text for n, text in enumerate(said))

    def _populations(self, found: Populations) -> Iterator[str]:
        """Make the tables that stand for populations, and yield what each says."""
        for number, (query, columns) in enumerate(zip(found.queries, found.columns, strict=True)):
            name = f"padm_population_{number}"
            self._work.execute(f"DROP TABLE IF EXISTS {TEMP[self._work.dialect]}.{name}")
            self._work.execute(f"CREATE TEMP TABLE {name} AS {query}")
            yield content.of_place(self._work, f"{TEMP[self._work.dialect]}.{name}", columns)

    def populations(self, model: Model) -> Populations:
        """Return what a table's rows share with everybody's."""
        if not self.keys(model.name):
            return Populations((), ())
        key = f"populations {queries.place_and_parameters(self._work, self._run, model)}"
        return Populations.loads(self._run.definitions.statements.get(key, lambda: self._shared(model)))

    def _shared(self, model: Model) -> str:
        from padm_ibis.define.compile import sql

        relations = self._ownership(model).populations
        texts = [sql(relation.to_expr(), self._work.dialect, pretty=False) for relation in relations]
        return Populations(tuple(texts), tuple(tuple(relation.schema.names) for relation in relations)).dumps()

    def _statement(self, model: Model) -> str:
        """Return the query of the rows of the people that moved."""
        key = f"people {queries.place_and_parameters(self._work, self._run, model)}"
        return self._run.definitions.statements.get(key, lambda: self._written(model))

    def _written(self, model: Model) -> str:
        import ibis

        from padm_ibis.define.compile import sql

        ownership, where = self._ownership(model), TEMP[self._work.dialect]
        stands = [
            ibis.table(relation.schema, name=f"padm_population_{number}", database=where)
            for number, relation in enumerate(ownership.populations)
        ]
        theirs = of_people(queries.bound(self._work, self._run, model), ownership, self.moved.people, stands)
        return sql(theirs, self._work.dialect, pretty=False)

    def _ownership(self, model: Model) -> Ownership:
        found = of_expression(queries.bound(self._work, self._run, model), self._declared(model))
        assert found is not None, "its keys are known"
        return found

    def theirs(self, key: Key, table: str = "t") -> str:
        """Return the condition that the rows of the people that moved fulfil in a table."""
        same = f"m.source_db = {table}.{quote(key.source)} AND m.number = {table}.{quote(key.number)}"
        return f"EXISTS (SELECT 1 FROM {self.moved.place(key.identity)} m WHERE {same})"

    # --- what became of it --------------------------------------------------------------------------------------

    def made(self, model: Model, extent: Extent, holds: Content, former: Place | None, latter: Place) -> None:
        """Take note of a table that was made, as a whole or in part.

        Parameters
        ----------
        former, latter
            Where the table is as it was, where that is there still, and as it is.
        """
        record = self._before.get(model.name)
        if record is not None and record.content == holds.fingerprint:
            self._extents[model.name] = "nothing"
        elif extent == "people":
            self._extents[model.name] = "people"
        else:
            self._extents[model.name] = self._differing(model, former, latter) if former and record else "all"
        if extent == "all":
            self._keep_populations(model)

    def _keep_populations(self, model: Model) -> None:
        for number, said in enumerate(self._populations(self.populations(model))):
            self.facts.setdefault(model.name, {})[POPULATION.format(number)] = said

    def _differing(self, model: Model, was_at: Place, is_at: Place) -> Extent:
        """Take in the people whose rows came out otherwise, in what tables read that are made person by person.

        By all their numbers, those that the rows had as well: a run that failed may have taken in that a record is another
        person's by now, and bronze no longer says whose it was.
        """
        keys = self.keys(model.name)
        columns = self._read(model) if keys else set[str]()
        if not keys or not columns:
            return "people" if keys else "all"
        columns |= {column for key in keys for column in (key.source, key.number)}
        if self._designs(was_at, columns) != self._designs(is_at, columns):
            return "all"
        key, (former, latter) = keys[0], (".".join(map(quote, place)) for place in (was_at, is_at))
        read = content.hash_of(self._work.dialect, sorted(columns))
        whose = f"{quote(key.source)} AS source_db, {quote(key.number)} AS number"
        number = quote(key.number)
        nobodys = f"SELECT count(*), sum({read}) FROM {{}} AS t WHERE {number} IS NULL"
        if len({self._work.execute(nobodys.format(place))[0] for place in (former, latter)}) > 1:
            return "all"
        sums = (
            f"SELECT {whose}, count(*) AS n, sum({read}) AS h FROM {{}} AS t WHERE {number} IS NOT NULL"
            f" GROUP BY {quote(key.source)}, {number}"
        )
        other = (
            "SELECT coalesce(o.source_db, n.source_db) AS source_db, coalesce(o.number, n.number) AS number"
            f" FROM ({sums.format(former)}) AS o FULL JOIN ({sums.format(latter)}) AS n"
            " ON o.source_db = n.source_db AND o.number = n.number WHERE o.n IS DISTINCT FROM n.n OR o.h IS DISTINCT FROM n.h"
        )
        self.moved.add(key.identity, other)
        for further in keys[1:]:
            numbers = f"SELECT {quote(further.source)} AS source_db, {quote(further.number)} AS number"
            rows = (f"{numbers} FROM {place} AS t WHERE {self.theirs(key)}" for place in (former, latter))
            self.moved.add(further.identity, " UNION ALL ".join(rows))
        return "people"

    def _designs(self, place: Place, columns: Collection[str]) -> dict[str, str]:
        """The types of those columns of a table that are among ``columns``."""
        found = content.columns_of(self._work, {place[0]})[place]
        return {column: kind for column, kind in found if column in columns}

    def _read(self, model: Model) -> set[str]:
        """The columns of a table that tables read which are made person by person."""
        models = self._run.definitions.graph.models
        readers = [name for name in self._stale if model.name in models[name].inputs and self.keys(name)]
        return set[str]().union(*(self._reads(models[name]).get(model.name, ()) for name in readers))

    def _reads(self, reader: Model) -> dict[str, list[str]]:
        """The columns that a table reads, by the table that has them."""

        def written() -> str:
            found = needed_columns(self._run.definitions.graph.bind(reader, self._params).op())
            return json.dumps({name: sorted(columns) for name, columns in found.items()})

        text = self._run.definitions.statements.get(f"reads {reader.name} {queries.read_values(self._run, reader)}", written)
        found: dict[str, list[str]] = json.loads(text)
        return found

"""Tables of silver and gold, made one by one, as a whole, for some people, or left as they are, and checked as far."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from padm_ibis.define import contract as contracts
from padm_ibis.define.owner import theirs
from padm_ibis.engine import content, queries
from padm_ibis.engine.ledger import SCHEMA, Record
from padm_ibis.engine.renewal import Extent, Renewal, Share
from padm_ibis.engine.state import Standing, now
from padm_ibis.engine.validate import Validation, rules_tried, validate
from padm_ibis.report.run import TableReport
from padm_ibis.sources.values import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    import ibis.expr.types as ir

    from padm_ibis.backends.base import Work
    from padm_ibis.define.model import Model
    from padm_ibis.engine.content import Content
    from padm_ibis.engine.state import RunState
    from padm_ibis.engine.validate import Relation
    from padm_ibis.params import Params
    from padm_ibis.report.results import CheckResult

RULES, BROKEN, ORPHANS = "rules", "broken", "orphans {}"
"""Facts of a table: the rules it was tried by; that rows broke one; how many lack what a column refers to, and its gravity."""


class Making:
    """The tables that one run makes.

    Attributes
    ----------
    models
        Those that were looked at, in building order.
    contents
        What those hold that were made, as a whole or in part.
    versions
        Table → the version of its content.
    """

    def __init__(self, work: Work, run: RunState, renewal: Renewal, watched: Collection[str]) -> None:
        self._work, self._run, self._renewal, self._watched = work, run, renewal, watched
        self.models: list[Model] = []
        self.contents: dict[str, Content] = {}
        self.versions: dict[str, str] = {}
        self._shares: dict[str, Share] = {}
        self._seconds: dict[str, float] = {}
        self._beside: list[str] = []

    def make(self, model: Model) -> Validation | None:
        """Make and check what of a table would come out otherwise; None where nothing would."""
        self._run.progress.start(f"{model.layer}.{model.name}")
        began = time.perf_counter()
        share = self._shares[model.name] = self._renewal.share(model)
        self.models.append(model)
        if share.extent == "nothing":
            return self._leave(model)
        rows, validation = self._renew(model, share) if share.extent == "people" else self._replace(model)
        self._seconds[model.name] = round(time.perf_counter() - began, 3)
        failed = any(r.verdict == "error" for r in validation.results)
        self._run.report.tables.append(
            TableReport(
                model.layer,
                model.name,
                "failed" if failed else "built",
                rows=rows,
                seconds=self._seconds[model.name],
                checks=validation.tried,
                warnings=validation.warnings,
                note=f"{share.why}: the rows of {self._renewal.moved.told()}" if share.extent == "people" else share.why,
            )
        )
        self._run.report.checks += validation.results
        self._run.progress.done(f"{model.layer}.{model.name}", f"{rows:,} rows")
        return validation

    def _leave(self, model: Model) -> Validation | None:
        """Leave a table as it is; it is tried where the rules are others than those it was tried by."""
        record = self._run.before[model.name]
        self.versions[model.name] = record.made_by
        validation = None if self._tried(model) == self._rules(model) else self._try_all(model)
        self._run.report.tables.append(
            TableReport(
                model.layer,
                model.name,
                "unchanged",
                record.rows,
                checks=validation.tried if validation else 0,
                warnings=validation.warnings if validation else 0,
            )
        )
        self._run.report.checks += validation.results if validation else ()
        self._run.progress.done(f"{model.layer}.{model.name}", "unchanged")
        return validation

    # --- as a whole -----------------------------------------------------------------------------------------

    def _replace(self, model: Model) -> tuple[int, Validation]:
        params = self._params
        query, design = (
            queries.statement(self._work, self._run, model),
            queries.design(model, self._run.definitions.graph, params),
        )
        former = None
        if model.name in self._watched or self._renewal.keys(model.name):
            former = self._work.set_aside(model.layer, model.name)
        rows = self._work.create(model.layer, model.name, query, contracts.schema(model.contract, params), design)
        validation = self._try_all(model)
        latter = (self._work.locate(model.layer, model.name), model.name)
        if former is not None and model.name in self._watched:
            self._run.former[model.name] = Standing(former, latter)
        holds = self._run.contents(self._work, [(model.layer, model.name)])[model.name]
        self._made(model, "all", holds, former, latter)
        return rows, validation

    def _made(
        self, model: Model, extent: Extent, holds: Content, former: tuple[str, str] | None, latter: tuple[str, str]
    ) -> None:
        self.contents[model.name] = holds
        self._renewal.made(model, extent, holds, former, latter)
        same = self._renewal.extent(model.name) == "nothing"
        self.versions[model.name] = self._run.before[model.name].made_by if same else self._run.report.run_id

    # --- for some people ------------------------------------------------------------------------------------

    def _renew(self, model: Model, share: Share) -> tuple[int, Validation]:
        """Exchange the rows of the people that moved."""
        from padm_ibis.define.compile import conformed

        assert share.recipe is not None
        layer, params = self._work.locate(model.layer, model.name), self._params
        who, place = self._renewal.theirs(share.recipe.key), f"{quote(layer)}.{quote(model.name)}"
        schema, design = contracts.schema(model.contract, params), queries.design(model, self._run.definitions.graph, params)
        made = conformed(share.recipe.statement, schema, self._work.dialect)
        former = self._beside_it(f"padm_former_{model.name}", f"SELECT t.* FROM {place} AS t WHERE {who}")
        latter = self._beside_it(f"padm_latter_{model.name}", made)
        rows = self._work.exchange(model.layer, model.name, who, ".".join(map(quote, latter)), design)
        whole = (self._work.locate(model.layer, model.name), model.name)
        validation = self._validated(model, share, latter)
        if model.name in self._watched:
            self._run.former[model.name] = Standing(former, latter, in_part=True)
        columns = content.columns_of(self._work, {whole[0]})[whole]
        holds = content.exchanged(
            self._work, self._run.before[model.name].holds, columns, *(".".join(map(quote, one)) for one in (former, latter))
        )
        if holds is None:
            holds = self._run.contents(self._work, [(model.layer, model.name)])[model.name]
        self._made(model, "people", holds, former, latter)
        return rows, validation

    def _beside_it(self, name: str, query: str) -> tuple[str, str]:
        """Make a table that lasts as long as the transaction."""
        place = f"{SCHEMA}.{quote(name)}"
        self._work.execute(f"DROP TABLE IF EXISTS {place}")
        self._work.execute(f"CREATE TABLE {place} AS {query}")
        self._beside.append(place)
        return (SCHEMA, name)

    def clear(self) -> None:
        """Drop what stood beside the tables; where anything failed, it goes with the transaction."""
        for place in self._beside:
            self._work.execute(f"DROP TABLE {place}")

    def _validated(self, model: Model, share: Share, latter: tuple[str, str]) -> Validation:
        """Try the rules on the rows that came, or, where the table broke one before or was tried by others, on all."""
        import ibis

        if self._tried(model) != self._rules(model) or self._facts(model).get(BROKEN):
            return self._try_all(model)
        params, (schema, name) = self._params, latter
        rows = ibis.table(contracts.schema(model.contract, params), name=name, database=schema)
        assert share.recipe is not None
        within = {share.recipe.key.source, share.recipe.key.number} <= {*model.grain}
        among = None if within else queries.table(self._work, self._run, model)
        runner = queries.runner(self._work, self._run, [model])
        validation = validate(runner, rows, model.name, model.contract, params, self._run.config, among, "of some who moved")
        self._keep_rules(model, validation)
        return validation

    def try_bronze(self, model: Model) -> Validation:
        """Try the rules on a bronze table that changed: on the rows of the people that moved, where only those did."""
        keys = self._renewal.keys(model.name)
        of_people = bool(keys) and self._renewal.extent(model.name) == "people"
        if not of_people or self._tried(model) != self._rules(model) or self._facts(model).get(BROKEN):
            return self._try_all(model)
        table, runner = queries.table(self._work, self._run, model), queries.runner(self._work, self._run, [model])
        rows = theirs(table, keys[0], self._renewal.moved.people)
        found = validate(runner, rows, model.name, model.contract, self._params, self._run.config, table, "of people who moved")
        self._keep_rules(model, found)
        return found

    def _try_all(self, model: Model) -> Validation:
        """Try the rules on all rows of a table."""
        table, runner = queries.table(self._work, self._run, model), queries.runner(self._work, self._run, [model])
        validation = validate(runner, table, model.name, model.contract, self._params, self._run.config)
        self._keep_rules(model, validation)
        return validation

    def _keep_rules(self, model: Model, validation: Validation) -> None:
        facts = self._facts(model)
        facts[RULES] = validation.by
        facts.pop(BROKEN, None)
        if validation.results:
            facts[BROKEN] = "yes"

    def _tried(self, model: Model) -> str | None:
        return self._facts(model).get(RULES)

    def _rules(self, model: Model) -> str:
        return rules_tried(model.name, model.contract, self._params, self._run.config)

    # --- relations ------------------------------------------------------------------------------------------

    def to_try(self, relation: Relation) -> bool:
        """Whether rows may lack what they refer to that did not before, or it is of another gravity now."""
        both = (relation.child, relation.parent)
        if any(self._renewal.extent(model.name) != "nothing" for model in both):
            return True
        looked_at = any(model.name in self._shares for model in both)
        return looked_at and self._gravity(relation) != (self._orphans(relation) or " ").split(" ")[0]

    def some(self, relation: Relation) -> bool:
        """Whether the rows of the people that moved are the only ones that can have lost what they refer to."""
        child = self._shares.get(relation.child.name)
        if child is None or child.recipe is None or not self._were_whole(relation):
            return False
        if self._renewal.extent(relation.parent.name) == "nothing":
            return True
        shared = self._shares.get(relation.parent.name)
        if shared is None or shared.recipe is None:
            return False
        mine, its = child.recipe.keys, shared.recipe.key
        return any((key.number, its.number) in relation.pairs() and key.identity == its.identity for key in mine)

    def keep_orphans(self, tried: Iterable[Relation], found: Iterable[CheckResult], *, in_part: bool) -> None:
        """Know for the next run which relations no row broke."""
        counts = {result.rule: result.failed for result in found}
        for relation in tried:
            broken = counts.get(relation.described, 0)
            if broken or not in_part:
                self._facts(relation.child)[ORPHANS.format(relation.column)] = f"{self._gravity(relation)} {broken}"

    def _were_whole(self, relation: Relation) -> bool:
        """Whether no row lacked what it refers to when all were looked at last."""
        return self._orphans(relation) == f"{self._gravity(relation)} 0"

    def _orphans(self, relation: Relation) -> str | None:
        return self._facts(relation.child).get(ORPHANS.format(relation.column))

    def _gravity(self, relation: Relation) -> str:
        config = self._run.config
        return config.severity(f"{relation.child.name}.{relation.name}", config.checks.foreign_key)

    def some_rows_of(self, name: str) -> Callable[[Model], ir.Table]:
        """Return what gives the tables of relations, of one table only the rows that came."""
        import ibis

        whole = partial(queries.table, self._work, self._run)

        def table(model: Model) -> ir.Table:
            if model.name != name:
                return whole(model)
            return ibis.table(contracts.schema(model.contract, self._params), name=f"padm_latter_{name}", database=SCHEMA)

        return table

    # --- what is written down ---------------------------------------------------------------------------------

    def _facts(self, model: Model) -> dict[str, str]:
        return self._renewal.facts.setdefault(model.name, {})

    def known(self, was: Record) -> Record:
        """Return what the ledger says of a table that was not looked at, with what became known of it all the same."""
        return replace(was, facts=self._renewal.facts.get(was.name, {}))

    def record(self, model: Model) -> Record:
        """Return what the ledger says of a table: when it was made, and what it holds."""
        if model.name not in self.contents:
            return self.known(self._run.before[model.name])
        holds = self.contents[model.name]
        return Record(
            model.name, model.layer, holds.rows, code="", params="", inputs={}, made_by=self.versions[model.name], made_at=now(),
            seconds=self._seconds[model.name], content=holds.fingerprint, total=str(holds.total), facts=self._facts(model),
        )  # fmt: skip

    @property
    def _params(self) -> Params:
        return self._run.definitions.params(self._run.request.as_of)

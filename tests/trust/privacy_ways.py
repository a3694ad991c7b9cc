"""Models that tell a secret without showing it, drawn: each lets a column of persons decide in one way.

The secret is a sensitive answer or a direct date. What surrounds the way is drawn too: projections, renamings, harmless
conditions and sums, before and after it. The same ways of a harmless column are the clean models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
from hypothesis import strategies as st

from padm_ibis.define.contract import GoldContract, column, dt
from padm_ibis.define.model import camel, model

KEY = ["source_db", "persona_id"]
SECRETS = {"disc_visual": "dim_census", "disc_otra": "dim_census", "fecha_nacimiento": "dim_persona"}
HARMLESS = {"beca": "dim_census", "estado_civil": "dim_census", "sexo": "dim_persona", "nacionalidad": "dim_persona"}
Made = Callable[[ir.Table, ir.Table], ir.Table]
"""Rows that hold the deciding column as ``s``, and other rows of persons → a table with ``source_db, persona_id, x``."""


def _picked(rows: ir.Table) -> ir.BooleanValue:
    return rows.s == ibis.literal(True) if rows.s.type().is_boolean() else rows.s.notnull()


def _shown(rows: ir.Table, x: ir.Value | int = 1) -> ir.Table:
    return rows.select(*KEY, x=ibis.literal(x, "int64") if isinstance(x, int) else x.cast("int64"))


def _filter(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(rows.filter(_picked(rows)))


def _having(rows: ir.Table, others: ir.Table) -> ir.Table:
    grouped = rows.group_by(KEY).agg(n=_picked(rows).ifelse(1, 0).sum())
    return _shown(grouped.filter(grouped.n > 0))


def _count_of_kept(rows: ir.Table, others: ir.Table) -> ir.Table:
    kept = rows.filter(_picked(rows))
    return kept.group_by(KEY).agg(x=kept.count())


def _inner_join(rows: ir.Table, others: ir.Table) -> ir.Table:
    kept = rows.filter(_picked(rows)).select(*KEY)
    return _shown(others.join(kept, KEY))


def _join_key(rows: ir.Table, others: ir.Table) -> ir.Table:
    named = rows.mutate(bit=_picked(rows).ifelse(1, 0))
    codes = ibis.memtable({"code": [1]}, schema={"code": "int8"}).view()
    return _shown(named.join(codes, named.bit == codes.code))


def _semi_join(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(others.semi_join(rows.filter(_picked(rows)), KEY))


def _anti_join(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(others.anti_join(rows.filter(_picked(rows)), KEY))


def _left_join_that_marks(rows: ir.Table, others: ir.Table) -> ir.Table:
    kept = rows.filter(_picked(rows)).select(*KEY).distinct().mutate(mark=1)
    both = others.left_join(kept, KEY)
    return _shown(both, both.mark.fill_null(0))


def _group(rows: ir.Table, others: ir.Table) -> ir.Table:
    grouped = rows.group_by([*KEY, "s"]).agg(n=rows.count())
    return _shown(grouped, grouped.n)


def _case(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(rows, ibis.cases((_picked(rows), 1), else_=2))


def _where(rows: ir.Table, others: ir.Table) -> ir.Table:
    return rows.group_by(KEY).agg(x=rows.count(where=_picked(rows)))


def _partition(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(rows, rows.count().over(group_by=[rows.s]))


def _window_order(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(rows, rows.persona_id.lag().over(order_by=[rows.s, rows.persona_id]).fill_null(0))


def _rank(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(rows, ibis.row_number().over(order_by=[rows.s, rows.persona_id]))


def _order(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(rows.order_by("s", *KEY))


def _limit(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(rows.order_by("s", *KEY).select(*KEY).limit(3))


def _distinct(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(rows.select(*KEY, "s").distinct())


def _drop_null(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(rows.mutate(s=rows.s.nullif(rows.s)).drop_null("s"))


def _union(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(others.select(*KEY).union(rows.filter(_picked(rows)).select(*KEY)))


def _union_distinct(rows: ir.Table, others: ir.Table) -> ir.Table:
    marked = rows.select(*KEY, "s")
    return _shown(marked.union(marked, distinct=True))


def _intersect(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(others.select(*KEY).intersect(rows.filter(_picked(rows)).select(*KEY)))


def _difference(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(others.select(*KEY).difference(rows.filter(_picked(rows)).select(*KEY)))


def _is_in(rows: ir.Table, others: ir.Table) -> ir.Table:
    kept = rows.filter(_picked(rows))
    return _shown(others.filter(others.persona_id.isin(kept.persona_id)))


def _shown_is_in(rows: ir.Table, others: ir.Table) -> ir.Table:
    kept = rows.filter(_picked(rows))
    return _shown(others, others.persona_id.isin(kept.persona_id).ifelse(1, 0))


def _number_of_all(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(others, rows.filter(_picked(rows)).count().as_scalar())


def _unnest(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(rows.mutate(each=ibis.range(0, _picked(rows).ifelse(1, 0)).unnest()))


WAYS: dict[str, Made] = {
    f.__name__.strip("_"): f
    for f in (
        _filter, _having, _count_of_kept, _inner_join, _join_key, _semi_join, _anti_join, _left_join_that_marks, _group, _case,
        _where, _partition, _window_order, _rank, _order, _limit, _distinct, _drop_null, _union, _union_distinct, _intersect,
        _difference, _is_in, _shown_is_in, _number_of_all, _unnest,
    )
}  # fmt: skip


def _dropped(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(rows.drop("s"))


def _looked_up_and_dropped(rows: ir.Table, others: ir.Table) -> ir.Table:
    once = rows.group_by(KEY).agg(s=rows.s.max())
    return _shown(others.left_join(once, KEY).drop("s"))


def _never_read(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(others)


def _all_together(rows: ir.Table, others: ir.Table) -> ir.Table:
    return _shown(rows.union(rows))


SILENT: dict[str, Made] = {f.__name__.strip("_"): f for f in (_dropped, _looked_up_and_dropped, _never_read, _all_together)}
"""Ways in which a secret is there and decides nothing."""


# --- what surrounds it ---------------------------------------------------------------------------------------


def _renamed_twice(rows: ir.Table) -> ir.Table:
    return rows.rename(other="s").rename(s="other")


def _copied(rows: ir.Table) -> ir.Table:
    return rows.mutate(s=rows.s)


def _harmless_condition(rows: ir.Table) -> ir.Table:
    return rows.filter(rows.persona_id > 0)


def _in_order(rows: ir.Table) -> ir.Table:
    return rows.order_by(*KEY)


def _numbered(rows: ir.Table) -> ir.Table:
    return rows.mutate(n=ibis.row_number().over(group_by="source_db", order_by="persona_id"))


def _seen_again(rows: ir.Table) -> ir.Table:
    return rows.view()


BEFORE = (_renamed_twice, _copied, _harmless_condition, _in_order, _numbered, _seen_again)
AFTER = (_harmless_condition, _in_order, _numbered, _seen_again)


@dataclass(frozen=True)
class Drawn:
    """One model: which column decides, how, and what surrounds it."""

    column: str
    table: str
    way: str
    made: Made
    before: tuple[Callable[[ir.Table], ir.Table], ...]
    after: tuple[Callable[[ir.Table], ir.Table], ...]

    def model(self, name: str, **declared: object) -> Callable[..., ir.Table]:
        """The marked model of that name, its column ``x`` declared so."""

        def told(dim_persona: ir.Table, dim_census: ir.Table, dim_student: ir.Table) -> ir.Table:
            rows = {"dim_persona": dim_persona, "dim_census": dim_census}[self.table]
            rows = rows.select(*KEY, s=self.column)
            for step in self.before:
                rows = step(rows)
            made = self.made(rows.select(*KEY, "s"), dim_student.select(*KEY))
            for step in self.after:
                made = step(made)
            return made.select(*KEY, "x")

        body = {
            "__annotations__": {"source_db": dt.String, "persona_id": dt.Int64, "x": dt.Int64},
            "source_db": column("Source.", role="key"),
            "persona_id": column("Person.", role="key", pii="indirect"),
            "x": column("What is told.", **{"pii": "indirect", **declared}),
            "Config": type("Config", (), {"unique": tuple(KEY)}),
            "__module__": __name__,
        }
        told.__name__ = name
        return model(type(camel(name), (GoldContract,), body))(told)

    def __repr__(self) -> str:
        steps = [f.__name__.strip("_") for f in (*self.before, self.made, *self.after)]
        return f"{self.table}.{self.column}: {', '.join(steps)}"


def drawn(columns: dict[str, str], ways: dict[str, Made]) -> st.SearchStrategy[Drawn]:
    """Draw a model in which one of ``columns`` goes one of ``ways``."""
    steps = lambda of: st.lists(st.sampled_from(of), max_size=3).map(tuple)  # noqa: E731
    return st.builds(
        lambda source, way, before, after: Drawn(*source, way, ways[way], before, after),
        st.sampled_from(sorted(columns.items())), st.sampled_from(sorted(ways)), steps(BEFORE), steps(AFTER),
    )  # fmt: skip

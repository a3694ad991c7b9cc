"""Ways in which a column decides what a table shows, without being shown: what proofs of influence are tried on.

Each way takes rows that hold the deciding column as ``s`` and other rows of the same key, and returns a table of that key
with one number ``x``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

Made = Callable[[ir.Table, ir.Table], ir.Table]
Step = Callable[[ir.Table], ir.Table]
KEYS = ("source_db", "persona_id", "alumno_id", "anio_academico")


def key(rows: ir.Table) -> list[str]:
    """The columns of the key: the source, whose row it is, and of which year."""
    return [name for name in rows.columns if name in KEYS]


def whose(rows: ir.Table) -> ir.IntegerColumn:
    return rows[key(rows)[1]]


def _picked(rows: ir.Table) -> ir.BooleanValue:
    return rows.s == ibis.literal(True) if rows.s.type().is_boolean() else rows.s.notnull()


def shown(rows: ir.Table, x: ir.Value | int = 1) -> ir.Table:
    return rows.select(*key(rows), x=ibis.literal(x, "int64") if isinstance(x, int) else x.cast("int64"))


def _filter(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows.filter(_picked(rows)))


def _having(rows: ir.Table, others: ir.Table) -> ir.Table:
    grouped = rows.group_by(key(rows)).agg(n=_picked(rows).ifelse(1, 0).sum())
    return shown(grouped.filter(grouped.n > 0))


def _count_of_kept(rows: ir.Table, others: ir.Table) -> ir.Table:
    kept = rows.filter(_picked(rows))
    return kept.group_by(key(rows)).agg(x=kept.count())


def _inner_join(rows: ir.Table, others: ir.Table) -> ir.Table:
    kept = rows.filter(_picked(rows)).select(*key(rows))
    return shown(others.join(kept, key(rows)))


def _join_key(rows: ir.Table, others: ir.Table) -> ir.Table:
    named = rows.mutate(bit=_picked(rows).ifelse(1, 0))
    codes = others.select(code=ibis.literal(1, "int8")).distinct()
    return shown(named.join(codes, named.bit == codes.code))


def _semi_join(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(others.semi_join(rows.filter(_picked(rows)), key(rows)))


def _anti_join(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(others.anti_join(rows.filter(_picked(rows)), key(rows)))


def _left_join_that_marks(rows: ir.Table, others: ir.Table) -> ir.Table:
    kept = rows.filter(_picked(rows)).select(*key(rows)).distinct().mutate(mark=1)
    both = others.left_join(kept, key(rows))
    return shown(both, both.mark.fill_null(0))


def _group(rows: ir.Table, others: ir.Table) -> ir.Table:
    grouped = rows.group_by([*key(rows), "s"]).agg(n=rows.count())
    return shown(grouped, grouped.n)


def _case(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows, ibis.cases((_picked(rows), 1), else_=2))


def _where(rows: ir.Table, others: ir.Table) -> ir.Table:
    return rows.group_by(key(rows)).agg(x=rows.count(where=_picked(rows)))


def _partition(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows, rows.count().over(group_by=[rows.s]))


def _window_order(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows, whose(rows).lag().over(order_by=[rows.s, whose(rows)]).fill_null(0))


def _rank(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows, ibis.row_number().over(order_by=[rows.s, whose(rows)]))


def _order(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows.order_by("s", *key(rows)))


def _limit(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows.order_by("s", *key(rows)).select(*key(rows)).limit(3))


def _as_many(rows: ir.Table, others: ir.Table) -> ir.Table:
    picked = rows.filter(_picked(rows)).select(*key(rows))
    return shown(others.order_by(*key(others)).limit(picked.count()))


def _counted_beside(rows: ir.Table, others: ir.Table) -> ir.Table:
    picked = rows.filter(_picked(rows)).select("source_db")
    both = others.left_join(picked, "source_db")
    return both.group_by(key(others)).agg(x=both.count())


def _looked_up_and_filtered(rows: ir.Table, others: ir.Table) -> ir.Table:
    kept = rows.filter(_picked(rows)).select(*key(rows)).distinct().mutate(mark=1)
    both = others.left_join(kept, key(rows))
    return shown(both.filter(both.mark.notnull()))


def _by_a_condition_of_the_join(rows: ir.Table, others: ir.Table) -> ir.Table:
    named = rows.mutate(bit=_picked(rows).ifelse(1, 0)).select(_source="source_db", _whose=whose(rows), bit="bit")
    same = [others.source_db == named._source, whose(others) == named._whose, named.bit > 0]
    both = others.left_join(named, same)
    return both.group_by(key(others)).agg(x=both._whose.count())


def _running_total(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows, whose(rows).cumsum(order_by=rows.s))


def _first_of_each(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows.distinct(on="s", keep="first"))


def _distinct(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows.select(*key(rows), "s").distinct())


def _drop_null(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows.mutate(s=rows.s.nullif(rows.s)).drop_null("s"))


def _union(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(others.select(*key(others)).union(rows.filter(_picked(rows)).select(*key(rows))))


def _union_distinct(rows: ir.Table, others: ir.Table) -> ir.Table:
    marked = rows.select(*key(rows), "s")
    return shown(marked.union(marked, distinct=True))


def _intersect(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(others.select(*key(others)).intersect(rows.filter(_picked(rows)).select(*key(rows))))


def _difference(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(others.select(*key(others)).difference(rows.filter(_picked(rows)).select(*key(rows))))


def _is_in(rows: ir.Table, others: ir.Table) -> ir.Table:
    kept = rows.filter(_picked(rows))
    return shown(others.filter(whose(others).isin(whose(kept))))


def _shown_is_in(rows: ir.Table, others: ir.Table) -> ir.Table:
    kept = rows.filter(_picked(rows))
    return shown(others, whose(others).isin(whose(kept)).ifelse(1, 0))


def _number_of_all(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(others, rows.filter(_picked(rows)).count().as_scalar())


def _unnest(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows.mutate(each=ibis.range(0, _picked(rows).ifelse(1, 0)).unnest()))


WAYS: dict[str, Made] = {
    f.__name__.strip("_"): f
    for f in (
        _filter, _having, _count_of_kept, _inner_join, _join_key, _semi_join, _anti_join, _left_join_that_marks,
        _looked_up_and_filtered, _by_a_condition_of_the_join, _counted_beside, _group, _case, _where, _partition,
        _window_order, _rank, _running_total, _order, _limit, _as_many, _distinct, _first_of_each, _drop_null, _union,
        _union_distinct, _intersect, _difference, _is_in, _shown_is_in, _number_of_all, _unnest,
    )
}  # fmt: skip


def _dropped(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows.drop("s"))


def _looked_up_and_dropped(rows: ir.Table, others: ir.Table) -> ir.Table:
    once = rows.group_by(key(rows)).agg(s=rows.s.max())
    return shown(others.left_join(once, key(rows)).drop("s"))


def _never_read(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(others)


def _all_together(rows: ir.Table, others: ir.Table) -> ir.Table:
    return shown(rows.union(rows))


SILENT: dict[str, Made] = {f.__name__.strip("_"): f for f in (_dropped, _looked_up_and_dropped, _never_read, _all_together)}
"""Ways in which the column is there and decides nothing."""


# --- what surrounds it ---------------------------------------------------------------------------------------


def _renamed_twice(rows: ir.Table) -> ir.Table:
    return rows.rename(other="s").rename(s="other")


def _copied(rows: ir.Table) -> ir.Table:
    return rows.mutate(s=rows.s)


def _harmless_condition(rows: ir.Table) -> ir.Table:
    return rows.filter(whose(rows) > 0)


def _in_order(rows: ir.Table) -> ir.Table:
    return rows.order_by(*key(rows))


def _numbered(rows: ir.Table) -> ir.Table:
    return rows.mutate(n=ibis.row_number().over(group_by="source_db", order_by=whose(rows)))


def _seen_again(rows: ir.Table) -> ir.Table:
    return rows.view()


BEFORE = (_renamed_twice, _copied, _harmless_condition, _in_order, _numbered, _seen_again)
AFTER = (_harmless_condition, _in_order, _numbered, _seen_again)


@dataclass(frozen=True)
class Way:
    """One way, and what surrounds it: harmless steps before and after."""

    name: str
    made: Made
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()

    def table(self, rows: ir.Table, others: ir.Table) -> ir.Table:
        """Go that way."""
        names = key(others)
        for step in self.before:
            rows = step(rows)
        made = self.made(rows.select(*names, "s"), others)
        for step in self.after:
            made = step(made)
        return made.select(*names, "x")

    def __str__(self) -> str:
        return ", ".join(f.__name__.strip("_") for f in (*self.before, self.made, *self.after))


def drawn(ways: dict[str, Made]) -> st.SearchStrategy[Way]:
    """Draw one of some ways, and what surrounds it."""
    steps = lambda of: st.lists(st.sampled_from(of), max_size=3).map(tuple)  # noqa: E731
    return st.builds(
        lambda name, before, after: Way(name, ways[name], before, after),
        st.sampled_from(sorted(ways)), steps(BEFORE), steps(AFTER),
    )  # fmt: skip


def quick(how_many: int) -> settings:
    """So many examples, the same ones at each run unless there are many."""
    return settings(max_examples=how_many, deadline=None, database=None, derandomize=how_many < 100,
                    suppress_health_check=list(HealthCheck))  # fmt: skip

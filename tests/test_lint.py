"""Each rule refuses what it names, says what to write, and lets the right spelling pass."""

from __future__ import annotations

import datetime

import ibis
import pytest

from padm_ibis.define import contract as contracts
from padm_ibis.define import lint as rules
from padm_ibis.define.contract import GoldContract, column, dt
from padm_ibis.define.graph import build
from padm_ibis.define.model import model, model_of
from padm_ibis.define.rules import RULES
from padm_ibis.errors import DefinitionError
from padm_ibis.params import Params
from padm_ibis.words import terms

PARAMS = Params(as_of=datetime.date(2025, 2, 28))
T = ibis.table(
    {
        "source_db": "string", "id": "int64", "alumno_id": "int64", "a": "int64", "x": "float64", "flag": "boolean",
        "nota": "string", "d": "date", "ts": "timestamp",
    },
    name="facts",
)  # fmt: skip
STUDENTS = ibis.table({"source_db": "string", "alumno_id": "int64", "sexo": "string"}, name="students")
KEYS = {"facts": [["source_db", "id"]], "students": [["source_db", "alumno_id"]]}
KEY = ["source_db", "alumno_id"]


@ibis.udf.scalar.builtin(name="now")
def engine_clock() -> datetime.datetime: ...


def found(expression, **options):
    return {f.rule for f in rules.lint(expression, keys=KEYS, **options)}


REFUSED = {
    "integer-division": T.mutate(y=T.a / T.id),
    "try-cast": T.mutate(y=T.nota.try_cast("float64")),
    "round": T.mutate(y=T.x.round(2)),
    "float-sum": T.group_by(KEY).agg(y=T.x.sum()),
    "mean": T.group_by(KEY).agg(y=T.a.mean()),
    "clock": T.mutate(y=ibis.now()),
    "random": T.mutate(y=ibis.random()),
    "delta": T.mutate(y=T.d.delta(T.d, unit="year")),
    "hash": T.mutate(y=T.nota.hash()),
    "arbitrary": T.group_by(KEY).agg(y=T.nota.first(order_by=T.id)),
    "list-order": T.group_by(KEY).agg(y=T.nota.collect()),
    "approximate": T.group_by(KEY).agg(y=T.a.approx_nunique()),
    "median-where": T.group_by(KEY).agg(y=T.a.median(where=T.flag)),
    "boolean-cast": T.mutate(y=T.flag.cast("int64")),
    "float-to-integer": T.mutate(y=T.x.cast("int64")),
    "float-digits": T.mutate(y=T.x.cast("decimal(10, 2)")),
    "udf": T.mutate(y=engine_clock()),
    "limit-tie": T.order_by(["source_db", "d"]).limit(3),
    "time-zone": T.mutate(y=T.ts.cast("timestamp('UTC')")),
    "regex": T.mutate(y=T.nota.re_search(r"^\w+$")),
    "regex-extract": T.mutate(y=T.nota.re_extract("^[0-9]+", 0)),
    "split": T.mutate(y=T.nota.split(";")),
    "reverse": T.mutate(y=T.nota.reverse()),
    "find-in-set": T.mutate(y=T.nota.find_in_set(["a", "b"])),
    "typeof": T.mutate(y=T.nota.typeof()),
    "strftime": T.mutate(y=T.d.strftime("%U")),
    "interval-text": T.mutate(y=T.a.as_interval("D").cast("string")),
    "angles": T.mutate(y=T.x.degrees()),
    "logarithm": T.mutate(y=T.x.log2()),
    "float-remainder": T.mutate(y=T.x % 2.5),
    "epoch-seconds": T.mutate(y=T.ts.epoch_seconds()),
    "iso-year": T.mutate(y=T.d.iso_year()),
    "memtable": ibis.memtable({"a": [1]}),
    "raw-sql": ibis.duckdb.connect().sql("SELECT 1 AS a"),
    "window-in-filter": T.filter(T.a == T.a.max().over(group_by=KEY)),
    "distinct-window": T.mutate(y=T.a.nunique().over(group_by=KEY)),
    "unordered-window": T.mutate(y=ibis.row_number().over(group_by=KEY)),
    "window-tie": T.mutate(y=T.a.lag().over(group_by=KEY, order_by=T.d)),
    "join-source": T.left_join(STUDENTS, "alumno_id"),
    "fan-out": STUDENTS.left_join(T, KEY),
}


@pytest.mark.parametrize("rule", REFUSED)
def test_it_refuses(rule):
    findings = [f for f in rules.lint(REFUSED[rule], keys=KEYS) if f.rule == rule]
    assert findings
    assert all(f.problem and f.instead for f in findings)


def test_every_rule_has_something_that_it_refuses():
    assert {rule.name for rule in RULES} <= set(REFUSED)


HIDDEN = {
    "clock": [
        T.filter(T.ts < ibis.now()),
        T.left_join(STUDENTS, [*(T[k] == STUDENTS[k] for k in KEY), T.ts < ibis.now()]),
        T.group_by(KEY).agg(y=T.a.sum(where=T.d < ibis.today())),
        T.filter(T.a == T.filter(T.d < ibis.today()).a.max()),
        T.order_by(ibis.now() - T.ts),
    ],
    "integer-division": [
        T.filter(T.a / T.id > 1),
        T.mutate(y=(T.a.sum() / T.count()).as_scalar()),
        T.unnest(ibis.array([T.a / 2]).name("y")),
    ],
    "float-sum": [T.mutate(y=T.x.sum().over(group_by=KEY)), T.mutate(y=T.x.sum().as_scalar()), T.agg(y=(T.a * 1.5).sum())],
    "random": [T.sample(0.5), T.mutate(y=ibis.uuid())],
    "float-digits": [T.mutate(y=T.x.cast("string"))],
    "arbitrary": [T.distinct(on="alumno_id"), T.group_by(KEY).agg(y=T.nota.argmax(T.d))],
    "limit-tie": [T.limit(1), T.alumno_id.topk(3)],
    "window-tie": [T.mutate(y=ibis.ntile(4).over(group_by="source_db", order_by="d"))],
    "fan-out": [STUDENTS.outer_join(T, KEY), T.join(T.view(), KEY)],
}


@pytest.mark.parametrize(("rule", "expression"), [(rule, e) for rule, all_ in HIDDEN.items() for e in all_])
def test_it_refuses_wherever_it_stands(rule, expression):
    assert rule in found(expression)


ALLOWED = {
    "what a group finds, else null": T.mutate(y=T.nota.re_extract("^([0-9]+)", 1).nullif("")),
    "a ratio": T.mutate(y=terms.ratio(T.a, T.id)),
    "a mean from whole hundredths": T.group_by(KEY).agg(y=terms.ratio(terms.hundredths(T.x).sum(), T.x.count() * 100)),
    "whole years": T.mutate(y=terms.whole_years(T.d, ibis.literal(PARAMS.as_of))),
    "days between dates": T.mutate(y=T.d.delta(T.d, unit="day")),
    "a flag": T.mutate(y=terms.flag(T.flag)),
    "the first by a whole key": terms.one_per(T, KEY, [terms.first(T.d), terms.first(T.id)]),
    "a rank with ties": T.mutate(y=ibis.rank().over(group_by=KEY, order_by=T.d)),
    "a lag over a whole key": T.mutate(y=T.a.lag().over(group_by=KEY, order_by=[T.d, T.id])),
    "a total of the partition": T.mutate(y=T.a.sum().over(group_by=KEY)),
    "a sorted list": T.group_by(KEY).agg(y=T.nota.fill_null("").collect().sort()),
    "a join to the one student": T.left_join(STUDENTS, KEY),
    "an inner join from the one student": STUDENTS.join(T, KEY),
    "the first rows by a whole key": T.order_by(["source_db", "id"]).limit(3),
    "the only row": T.agg(n=T.count()).limit(1),
    "a whole number as text": T.mutate(y=T.a.cast("string")),
    "a mark as a number": T.mutate(y=terms.nota_numerica(T.nota)),
}


def test_a_tie_between_rows_that_agree_on_all_that_is_used_of_them_is_none():
    first = terms.one_per(T, ["alumno_id"], [terms.first(T.nota)])
    assert found(first.select("alumno_id", "nota")) == set()
    assert found(first.select("alumno_id", "nota", "d")) == {"window-tie"}
    numbered = T.select("alumno_id", "nota", n=ibis.row_number().over(group_by="alumno_id", order_by="nota"))
    assert found(numbered) == set()


@pytest.mark.parametrize("what", ALLOWED)
def test_it_lets_pass(what):
    assert found(ALLOWED[what]) == set()


def test_a_running_sum_by_rows_needs_a_whole_key():
    running = ibis.cumulative_window(group_by=KEY, order_by=T.d)
    assert "window-tie" in found(T.mutate(y=T.a.sum().over(running)))
    whole = ibis.cumulative_window(group_by=KEY, order_by=[T.d, T.id])
    assert found(T.mutate(y=T.a.sum().over(whole))) == set()


def test_a_window_after_a_grouping_is_tied_by_the_groups():
    yearly = T.group_by([*KEY, "a"]).agg(n=T.count())
    assert found(yearly.mutate(y=yearly.n.lag().over(group_by=KEY, order_by="a"))) == set()


def test_a_cross_join_multiplies_rows_and_a_single_row_does_not():
    total = T.agg(n=T.count())
    assert "fan-out" in found(STUDENTS.cross_join(T.select("id")))
    assert found(STUDENTS.cross_join(total)) == set()


def test_the_declared_grain_must_follow_from_the_expression():
    grouped = T.group_by([*KEY, "a"]).agg(n=T.count())
    assert found(grouped, grain=[*KEY, "a"]) == set()
    assert found(grouped, grain=KEY) == {"grain"}


def test_an_exception_with_a_reason_silences_one_subject():
    both = T.mutate(y=T.x.round(1), z=T.x.round(2))
    assert [f.subject for f in rules.lint(both, keys=KEYS, allow={"round y": "shown as it is"})] == ["z"]
    assert rules.lint(both, keys=KEYS, allow={"round": "shown as it is"}) == []


def test_an_exception_that_excuses_nothing_is_a_finding():
    assert found(T.mutate(y=T.a + 1), allow={"round y": "no longer there"}) == {"unused-exception"}


class Facts(GoldContract):
    source_db: dt.String = column("source", role="key")
    id: dt.Int64 = column("id", role="key")

    class Config:
        unique = ("source_db", "id")


class Halved(GoldContract):
    source_db: dt.String = column("source", role="key")
    id: dt.Int64 = column("id", role="key")
    half: dt.Float64 = column("half")

    class Config:
        unique = ("source_db", "id")


@model(Facts)
def facts():
    return contracts.unbound(Facts, "elsewhere")


@model(Halved)
def halved(facts):
    return facts.select("source_db", "id", half=facts.id / 2)


def test_a_finding_names_file_line_model_rule_column_and_what_to_write():
    record = model_of(halved)
    (finding,) = rules.lint_graph(build([facts, halved]), PARAMS, ["halved"])
    assert f"tests/test_lint.py:{record.line}  halved: integer-division half: " in str(finding)
    assert "terms.ratio" in str(finding)
    with pytest.raises(DefinitionError, match="integer-division half"):
        rules.refuse([finding])


def test_an_exception_without_a_reason_is_no_exception():
    with pytest.raises(DefinitionError, match="no reason"):
        model_of(model(Halved, allow={"round": " "})(halved))


def test_nothing_found_refuses_nothing():
    rules.refuse([])

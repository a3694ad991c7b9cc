from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.errors
import pytest
import small_school as school
from pandera.ibis import Field, dataframe_check

from padm_ibis.define.compile import sql
from padm_ibis.define.contract import Contract, SilverContract, column
from padm_ibis.define.graph import build
from padm_ibis.engine.validate import (
    Validation,
    check_failed,
    check_relations,
    relations,
    rules,
    schema_errors,
    shown_keys,
    validate,
)
from padm_ibis.errors import DefinitionError
from padm_ibis.params import Params

PARAMS = Params(as_of=datetime.date(2024, 12, 31))


class DimThing(SilverContract):
    """Things."""

    class Config:
        unique = ("source_db", "thing_id", "version")

    source_db: dt.String = column("Source.", role="key")
    thing_id: dt.Int64 = column("Thing.", role="key")
    version: dt.Int64 = column("Version.", role="key", nullable=True)
    kind: dt.String = column("Kind.", isin=["a", "b"], nullable=True)
    code: dt.String = column("Code.", pii="direct", str_matches="^[0-9]+$", nullable=True)
    size: dt.Float64 = column("Size.", role="measure", ge=0, le=10)
    secret: dt.String = column("Secret.", when="include_sensitive", pii="sensitive")


class DimHashed(SilverContract):
    """Things known by a hash only."""

    class Config:
        unique = ("documento_hash",)

    documento_hash: dt.String = column("Hash.", role="key", pii="indirect")


class DimPair(SilverContract):
    """Low and high."""

    class Config:
        unique = ("pair_id",)

    pair_id: dt.Int64 = column("Pair.", role="key")
    low: dt.Int64 = column("Low.", nullable=True)
    high: dt.Int64 = column("High.")

    @dataframe_check
    def low_is_not_above_high(cls, data: Any) -> ir.BooleanColumn:  # noqa: N805 - pandera hands over the class
        return data.table.low <= data.table.high


GOOD: dict[str, Any] = {"source_db": "s", "thing_id": 1, "version": 1, "kind": "a", "code": "12", "size": 5.0}


class Counter:
    """Runs expressions on an in-memory DuckDB and counts them."""

    def __init__(self) -> None:
        self.con = duckdb.connect()
        self.statements: list[str] = []

    def __call__(self, key: str, make: Callable[[], ir.Table]) -> list[tuple[Any, ...]]:
        self.statements.append(sql(make(), "duckdb"))
        return self.con.execute(self.statements[-1]).fetchall()


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def check(counter: Counter) -> Callable[..., Validation]:
    def _check(contract: type[Contract], *rows: dict[str, Any]) -> Validation:
        from padm_ibis.define import contract as contracts

        wanted = contracts.schema(contract, PARAMS)
        counter.con.execute(f"CREATE OR REPLACE TABLE t ({', '.join(f'{n} {_type(k)}' for n, k in wanted.items())})")
        for row in rows:
            counter.con.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(wanted))})", [row.get(n) for n in wanted])
        return validate(counter, ibis.table(wanted, name="t"), "dim_thing", contract, PARAMS)

    return _check


def _type(kind: dt.DataType) -> str:
    return {"string": "VARCHAR", "int64": "BIGINT", "float64": "DOUBLE"}[str(kind)]


def failures(validation: Validation) -> dict[str, int]:
    return {result.rule: result.failed for result in validation.results}


def test_good_rows_take_one_query_for_all_rules(check: Callable[..., Validation], counter: Counter) -> None:
    validation = check(DimThing, GOOD, {**GOOD, "version": 2})
    assert validation.results == ()
    assert validation.rows == 2
    # unique; not null: source_db, thing_id, size; kind, code; size twice. `secret` does not exist under these parameters.
    assert validation.tried == 8
    assert len(counter.statements) == 1


def test_an_empty_table_breaks_nothing(check: Callable[..., Validation]) -> None:
    assert check(DimThing).results == ()


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"thing_id": None}, "thing_id.not_null"),
        ({"size": None}, "size.not_null"),
        ({"kind": "c"}, "kind: isin(['a', 'b'])"),
        ({"code": "x1"}, "code: str_matches('^[0-9]+$')"),
        ({"size": -0.5}, "size: greater_than_or_equal_to(0)"),
        ({"size": 10.5}, "size: less_than_or_equal_to(10)"),
    ],
)
def test_a_broken_rule_is_counted_and_named(check: Callable[..., Validation], wrong: dict[str, Any], rule: str) -> None:
    validation = check(DimThing, {**GOOD, "version": 7}, {**GOOD, **wrong})
    found = {_without_null(r): n for r, n in failures(validation).items()}
    assert found == {_without_null(rule): 1}


def _without_null(rule: str) -> str:
    return rule.replace(": not_nullable", "")


def test_null_is_allowed_where_the_contract_says_so_and_breaks_no_other_rule(check: Callable[..., Validation]) -> None:
    assert check(DimThing, {**GOOD, "kind": None, "code": None, "version": None}).results == ()


def test_a_key_that_comes_twice_is_caught_and_nulls_in_it_are_equal(check: Callable[..., Validation]) -> None:
    twice = {**GOOD, "version": None}
    validation = check(DimThing, twice, twice, twice, GOOD)
    assert failures(validation) == {"unique": 2}
    assert validation.results[0].rows == ("source_db=s, thing_id=1, version=None",)


def test_same_ids_in_two_sources_are_two_rows(check: Callable[..., Validation]) -> None:
    assert check(DimThing, GOOD, {**GOOD, "source_db": "other"}).results == ()


def test_failing_rows_are_their_keys_in_order_and_nothing_else(check: Callable[..., Validation]) -> None:
    rows = [{**GOOD, "thing_id": n, "code": "a name"} for n in (3, 1, 2)]
    (result,) = check(DimThing, *rows).results
    assert result.failed == 3
    assert result.rows == tuple(f"source_db=s, thing_id={n}, version=1" for n in (1, 2, 3))
    assert "a name" not in str(result)


def test_hashes_are_never_shown(check: Callable[..., Validation]) -> None:
    assert shown_keys(DimHashed) == ()
    validation = check(DimHashed, {"documento_hash": "abc"}, {"documento_hash": "abc"})
    assert failures(validation) == {"unique": 1}
    error = schema_errors(DimHashed, validation)
    assert "abc" not in str(error)
    assert list(error.failure_cases["failure_case"]) == ["keys withheld: personal data"]  # type: ignore[union-attr]


def test_a_check_over_several_columns_is_part_of_the_same_query(check: Callable[..., Validation], counter: Counter) -> None:
    good, bad = {"pair_id": 1, "low": 1, "high": 2}, {"pair_id": 2, "low": 3, "high": 2}
    assert failures(check(DimPair, good, bad, {"pair_id": 3, "low": None, "high": 2})) == {"low_is_not_above_high": 1}
    assert len(counter.statements) == 2  # the second fetches the failing row


def test_failures_are_raised_as_panderas_own_error(check: Callable[..., Validation]) -> None:
    validation = check(DimThing, GOOD, GOOD, {**GOOD, "thing_id": 2, "kind": "c", "size": -1.0})
    error = schema_errors(DimThing, validation)
    assert isinstance(error, pandera.errors.SchemaErrors)
    cases = error.failure_cases
    assert sorted(cases["check"]) == ["greater_than_or_equal_to(0)", "isin(['a', 'b'])", "multiple_fields_uniqueness"]
    assert set(cases["failure_case"]) == {"source_db=s, thing_id=1, version=1", "source_db=s, thing_id=2, version=1"}
    assert sorted(error.error_counts.items()) == [("DATAFRAME_CHECK", 2), ("DUPLICATES", 1)]
    assert len(error.schema_errors) == 3
    json.loads(str(error))


def test_the_run_ends_with_one_error_that_lists_every_rule(check: Callable[..., Validation]) -> None:
    validation = check(DimThing, {**GOOD, "kind": "c"}, {**GOOD, "thing_id": 2, "size": 11.0})
    error = check_failed(validation.results, [schema_errors(DimThing, validation)])  # type: ignore[list-item]
    assert error.exit_code == 1
    assert "1 table broke the contract; nothing was published." in str(error)
    assert "dim_thing: kind: isin(['a', 'b']): 1 row, such as source_db=s, thing_id=1, version=1" in str(error)
    assert "dim_thing: size: less_than_or_equal_to(10): 1 row" in str(error)


def test_field_unique_which_pandera_ignores_is_refused() -> None:
    class DimLoose(SilverContract):
        """Loose."""

        class Config:
            unique = ("loose_id",)

        loose_id: dt.Int64 = Field(unique=True)

    with pytest.raises(DefinitionError, match=r"DimLoose\.loose_id has Field\(unique=True\), which Pandera ignores"):
        rules(DimLoose, PARAMS)


def test_a_column_without_a_description_of_ours_is_refused() -> None:
    class DimBare(SilverContract):
        """Bare."""

        class Config:
            unique = ("bare_id",)

        bare_id: dt.Int64 = Field()

    with pytest.raises(DefinitionError, match=r"DimBare\.bare_id is not declared with column\(\)"):
        rules(DimBare, PARAMS)


# --- severity ------------------------------------------------------------------------------------------


def test_a_rule_can_be_lowered_to_a_warning_or_switched_off(counter: Counter, tmp_path: Any) -> None:
    from padm_ibis.config import load_config

    counter.con.execute("CREATE TABLE t AS SELECT 's' source_db, 1 thing_id, 1 AS version, 'c' kind, 'x' code, 5.0 size")
    path = tmp_path / "padm.toml"
    path.write_text("[checks.rules]\n'dim_thing.kind.isin' = 'warn'\n'dim_thing.code.str_matches' = 'off'\n")
    from padm_ibis.define import contract as contracts

    table = ibis.table(contracts.schema(DimThing, PARAMS), name="t")
    validation = validate(counter, table, "dim_thing", DimThing, PARAMS, load_config(path))
    assert [(r.rule, r.verdict) for r in validation.results] == [("kind: isin(['a', 'b'])", "warn")]
    assert validation.tried == 7
    assert schema_errors(DimThing, validation) is None


# --- relations ----------------------------------------------------------------------------------------------


@pytest.fixture
def orphaned(counter: Counter) -> Counter:
    counter.con.execute("CREATE SCHEMA silver")
    counter.con.execute(
        "CREATE TABLE silver.dim_pupil AS FROM (VALUES ('n', 1, 'Ana'), ('s', 2, 'Eva')) t(source_db, pupil_id, name)"
    )
    counter.con.execute(
        "CREATE TABLE silver.fact_mark AS FROM (VALUES ('n', 10, 1, 5), ('n', 11, 2, 5), ('s', 12, 2, 5), ('s', 13, NULL, 5),"
        " ('n', 14, 9, 5)) t(source_db, mark_id, pupil_id, value)"
    )
    return counter


def tables(model: Any) -> ir.Table:
    from padm_ibis.define import contract as contracts

    return contracts.unbound(model.contract, model.name, PARAMS)


def test_a_reference_holds_within_its_source_and_null_refers_to_nothing(orphaned: Counter, tmp_path: Any) -> None:
    from padm_ibis.config import load_config

    graph = build([school.dim_pupil, school.fact_mark, school.marks, school.pupils], school.TABLES)
    path = tmp_path / "padm.toml"
    path.write_text("")
    tried = relations(graph, PARAMS)
    assert [(r.child.name, r.column, r.parent.name) for r in tried] == [("fact_mark", "pupil_id", "dim_pupil")]
    (result,) = check_relations(orphaned, tables, tried, load_config(path))
    # pupil 2 exists in source s only, pupil 9 nowhere
    assert (result.table, result.verdict, result.failed) == ("fact_mark", "warn", 2)
    assert result.rows == ("source_db=n, mark_id=11, pupil_id=2", "source_db=n, mark_id=14, pupil_id=9")


def test_relations_follow_the_configured_severity(orphaned: Counter, tmp_path: Any) -> None:
    from padm_ibis.config import load_config

    graph = build([school.dim_pupil, school.fact_mark, school.marks, school.pupils], school.TABLES)
    tried = relations(graph, PARAMS)
    path = tmp_path / "padm.toml"
    path.write_text("[checks]\nforeign_key = 'error'")
    assert [r.verdict for r in check_relations(orphaned, tables, tried, load_config(path))] == ["error"]
    path.write_text("[checks]\nforeign_key = 'error'\n[checks.rules]\n'fact_mark.pupil_id.foreign_key' = 'off'")
    assert check_relations(orphaned, tables, tried, load_config(path)) == ()


def test_a_year_that_has_not_begun_is_no_orphan(counter: Counter, tmp_path: Any) -> None:
    from padm_ibis.config import load_config
    from padm_ibis.define import contract as contracts
    from padm_ibis.definitions import collect

    graph = collect()
    relation = next(
        r
        for r in relations(graph, PARAMS)
        if (r.child.name, r.column, r.parent.name) == ("fact_dropout", "anio_academico", "dim_periodo")
    )
    con = counter.con
    con.execute("CREATE SCHEMA silver")
    for name in ("fact_dropout", "dim_periodo"):
        schema = contracts.schema(graph[name].contract, PARAMS)
        kinds = {"string": "VARCHAR", "int64": "BIGINT", "date": "DATE", "boolean": "BOOLEAN", "timestamp": "TIMESTAMP"}
        con.execute(f"CREATE TABLE silver.{name} ({', '.join(f'{n} {kinds[str(k)]}' for n, k in schema.items())})")
    for year in (2020, 2021):
        con.execute(f"INSERT INTO silver.dim_periodo (anio_academico) VALUES ({year})")
    for number, year in enumerate((2019, 2020, 2025)):
        con.execute(
            f"INSERT INTO silver.fact_dropout (source_db, perdida_regularidad_id, anio_academico) VALUES ('s', {number}, {year})"
        )
    path = tmp_path / "padm.toml"
    path.write_text("")
    (result,) = check_relations(counter, tables, [relation], load_config(path))
    assert result.failed == 1
    assert result.rows == ("source_db=s, perdida_regularidad_id=0, anio_academico=2019",)

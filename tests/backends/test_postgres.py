from __future__ import annotations

import datetime as dt
import errno
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_school import AS_OF, School, as_role

import padm_ibis as padm
from padm_ibis.backends.base import Design
from padm_ibis.backends.postgres.connection import connect
from padm_ibis.cli import invoke
from padm_ibis.errors import BuildFailed, CheckFailed, WarehouseError

pytestmark = pytest.mark.postgres

MART = "SELECT source_db, pupil_id, marks, total FROM gold.mart_pupil ORDER BY pupil_id"


# --- a run -----------------------------------------------------------------------------------------------


def test_a_run_makes_five_schemas_and_leaves_no_other(built: School) -> None:
    assert built.schemas() == {"public", "bronze", "silver", "gold", "_padm", "_padm_kept"}
    assert built.rows(MART) == [("north", 1, 2, 16), ("north", 2, 1, 4)]
    assert built.rows("SELECT count(*) FROM bronze.marks") == [(3,)]
    assert built.rows("SELECT status, layer FROM _padm.runs") == [("ok", "gold")]


def test_a_run_without_news_builds_nothing_and_is_recorded(built: School) -> None:
    before = built.rows("SELECT oid FROM pg_class WHERE relname = 'mart_pupil'")
    report = built.run()
    assert (report.status, report.published) == ("up to date", False)
    assert built.rows("SELECT oid FROM pg_class WHERE relname = 'mart_pupil'") == before
    assert sorted(built.rows("SELECT status FROM _padm.runs")) == [("ok",), ("up to date",)]
    assert not built.schemas() - {"public", "bronze", "silver", "gold", "_padm", "_padm_kept"}


def test_news_reach_the_mart(built: School) -> None:
    built.change(marks=[(11, 1, "2024-06-01", 10), (12, 2, "2024-07-01", 4), (13, 2, "2024-07-02", 5)])
    report = built.run()
    assert {t.name: t.action for t in report.tables}["dim_pupil"] == "unchanged"
    assert built.rows(MART) == [("north", 1, 1, 10), ("north", 2, 2, 9)]  # mark 10 is gone at the source
    assert built.rows("SELECT name FROM silver.dim_pupil ORDER BY pupil_id") == [("Ana",), ("Berta",)]


def test_rows_of_several_tables_that_share_a_key_stay_rejected_and_are_forgotten_when_they_are_gone(built: School) -> None:
    twice = "SELECT resource, key, reason FROM _padm.rejected_rows ORDER BY 1, 2"

    def rejected() -> list[tuple[str, str]]:
        return [(resource, key) for resource, key, _ in built.rows(twice)]

    built.change(
        pupils=[(1, "Ana"), (2, "Berta"), (2, "Bruna")],
        marks=[(10, 1, "2024-07-01", 7), (11, 2, "2024-07-01", 8), (11, 2, "2024-06-30", 9), (12, 1, "2024-07-01", 4)],
    )
    built.run()
    both = [("marks", '["11"]'), ("pupils", '["2"]')]
    assert rejected() == both
    built.run()
    assert rejected() == both
    assert built.rows("SELECT name FROM bronze.pupils WHERE pupil = 2") == [("Bruna",)]
    assert built.rows("SELECT value FROM bronze.marks WHERE mark = 11") == [(8,)]
    built.change(pupils=[(1, "Ana"), (2, "Bruna")], marks=[(10, 1, "2024-07-01", 7), (11, 2, "2024-07-01", 8)])
    built.run()
    built.run(full_refresh=["marks"])
    assert rejected() == []


def test_a_broken_contract_leaves_everything_as_it_was_but_the_record_of_it(built: School) -> None:
    built.change(marks=[(12, 2, "2024-07-01", 11)])
    with pytest.raises(CheckFailed, match="value: less_than_or_equal_to"):
        built.run()
    assert built.rows(MART) == [("north", 1, 2, 16), ("north", 2, 1, 4)]
    assert built.rows("SELECT value FROM bronze.marks WHERE mark = 12") == [(4,)]
    assert built.rows("SELECT status FROM _padm.runs ORDER BY started_at, status DESC") == [("ok",), ("failed",)]
    assert built.rows("SELECT table_name, verdict FROM _padm.check_results WHERE verdict = 'error'") == [("fact_mark", "error")]
    built.change()
    assert built.run().status == "up to date"


def test_a_first_run_that_fails_publishes_nothing(warehouse: School) -> None:
    warehouse.change(marks=[(10, 1, "2024-05-01", 11)])
    with pytest.raises(CheckFailed):
        warehouse.run()
    assert warehouse.schemas() == {"public", "_padm"}
    assert warehouse.rows("SELECT status FROM _padm.runs") == [("failed",)]
    with pytest.raises(WarehouseError, match="There is no warehouse in"):
        padm.connect(warehouse.config, warehouse=warehouse.url)


def test_a_table_that_somebody_dropped_is_made_again(built: School) -> None:
    built.do("DROP TABLE gold.mart_pupil", "DROP TABLE bronze.marks")
    assert built.run().exit_code == 0
    assert built.rows(MART) == [("north", 1, 2, 16), ("north", 2, 1, 4)]


def test_a_new_column_of_a_bronze_contract_is_added_in_place(built: School) -> None:
    built.do("GRANT SELECT ON bronze.pupils TO PUBLIC", "ALTER TABLE bronze.pupils DROP COLUMN name")
    assert built.run().exit_code == 0
    assert built.rows("SELECT name FROM bronze.pupils ORDER BY pupil") == [("Ana",), ("Berta",)]
    assert built.rows("SELECT has_table_privilege('pg_monitor', 'bronze.pupils', 'SELECT')") == [(True,)]


def test_one_layer_can_be_built_alone(built: School) -> None:
    assert built.run(layer="gold", only=True, as_of="2024-05-31").exit_code == 0
    assert built.rows("SELECT count(*) FROM silver.fact_mark") == [(3,)]
    assert built.run(as_of="2024-05-31").exit_code == 0
    assert built.rows(MART) == [("north", 1, 1, 7), ("north", 2, 0, 0)]


# --- tables ----------------------------------------------------------------------------------------------


def test_tables_have_keys_indexes_comments_and_statistics(built: School) -> None:
    indexes = [
        d for (d,) in built.rows("SELECT indexdef FROM pg_indexes WHERE schemaname = 'silver' AND tablename = 'fact_mark'")
    ]
    assert any("UNIQUE" in d and "(source_db, mark_id)" in d for d in indexes)
    assert any("(source_db, pupil_id)" in d for d in indexes)
    assert built.rows("SELECT obj_description('gold.mart_pupil'::regclass)") == [
        ("Pupils with their marks, one row per pupil_id.",)
    ]
    assert built.rows("SELECT col_description('gold.mart_pupil'::regclass, 4)") == [("Sum of marks.",)]
    assert built.rows("SELECT reltuples FROM pg_class WHERE oid = 'silver.fact_mark'::regclass") == [(3.0,)]
    required = "SELECT attname FROM pg_attribute WHERE attrelid = 'silver.fact_mark'::regclass AND attnum > 0 AND attnotnull"
    assert {name for (name,) in built.rows(required)} == {"source_db", "mark_id", "value"}


def test_a_key_with_nulls_is_unique_too(warehouse: School) -> None:
    import ibis

    from padm_ibis.engine import ledger

    with warehouse.backend().open() as work:
        ledger.ensure(work)
        schema = ibis.schema({"a": "int64", "b": "string"})
        work.create("gold", "t", "SELECT 1 AS a, NULL AS b", schema, Design(key=("a", "b"), required=("a",)))
        work.publish("r1")
    with pytest.raises(psycopg.errors.UniqueViolation):
        warehouse.do("INSERT INTO gold.t VALUES (1, NULL)")


def test_a_rule_lowered_to_a_warning_may_be_broken(warehouse: School) -> None:
    import ibis

    from padm_ibis.engine import ledger

    with warehouse.backend().open() as work:
        ledger.ensure(work)
        query = "SELECT 1 AS a, NULL AS b UNION ALL SELECT 1, NULL"
        work.create("gold", "t", query, ibis.schema({"a": "int64", "b": "string"}), Design(key=("a",), required=("a", "b")))
        work.publish("r1")
    assert warehouse.rows("SELECT * FROM gold.t") == [(1, None), (1, None)]


@pytest.mark.parametrize("name", ["a" * 64, "ñ" * 32])
def test_a_name_that_the_server_would_cut_is_refused(warehouse: School, name: str) -> None:
    import ibis

    with warehouse.backend().open() as work:
        with pytest.raises(WarehouseError, match="63 bytes"):
            work.create("gold", name, "SELECT 1 AS a", ibis.schema({"a": "int64"}))
        with pytest.raises(WarehouseError, match="63 bytes"):
            work.create("gold", "t", f'SELECT 1 AS "{name}"', ibis.schema({name: "int64"}))


def test_names_of_exactly_63_bytes_work(warehouse: School) -> None:
    import ibis

    from padm_ibis.engine import ledger

    name = "ñ" * 31 + "x"
    for run in ("r1", "r2"):
        with warehouse.backend().open() as work:
            ledger.ensure(work)
            design = Design(key=(name,), required=(name,), joins=((name,),), comments={"": "t", name: "c"})
            work.create("gold", name, f'SELECT 1 AS "{name}"', ibis.schema({name: "int64"}), design)
            work.execute("DELETE FROM _padm.tables")
            work.execute("INSERT INTO _padm.tables (name, layer) VALUES (?, 'gold')", [name])
            work.publish(run)
    assert warehouse.rows(f'SELECT * FROM gold."{name}"') == [(1,)]


def test_whole_numbers_divide_as_fractions(warehouse: School) -> None:
    """Ibis alone gives 3 here: its generator edits a node of the tree that the numerator shares with another column."""
    import ibis

    from padm_ibis.define.compile import sql
    from padm_ibis.engine import ledger

    table = ibis.table({"a": "int64", "b": "int64"}, name="t", database="silver")
    ratio = table.select(a=table.a, q=table.a / table.b, again=table.a / table.b + table.a)
    with warehouse.backend().open() as work:
        ledger.ensure(work)
        work.create("silver", "t", "SELECT 7 AS a, 2 AS b", table.schema())
        moved = ibis.table(table.schema(), name="t", database=work.locate("silver", "t"))
        expression = moved.select(a=moved.a, q=moved.a / moved.b, again=moved.a / moved.b + moved.a)
        work.create("gold", "r", sql(expression, "postgres"), expression.schema())
        work.execute("INSERT INTO _padm.tables (name, layer) VALUES ('t', 'silver'), ('r', 'gold')")
        work.publish("r1")
    assert warehouse.rows("SELECT * FROM gold.r") == [(7, 3.5, 10.5)]
    with warehouse.backend().read() as reader:
        assert reader.con.to_pyarrow(ratio).to_pylist() == [{"a": 7, "q": 3.5, "again": 10.5}]
        assert reader.con.execute(ratio).q.tolist() == [3.5]


# --- reading ---------------------------------------------------------------------------------------------


def test_the_library_and_the_command_read_it(built: School, capsys: pytest.CaptureFixture[str]) -> None:
    with padm.connect(built.config, warehouse=built.url) as wh:
        assert wh.gold.mart_pupil.order_by("pupil_id").to_pyarrow().to_pylist()[0] == {
            "source_db": "north", "pupil_id": 1, "marks": 2, "total": 16,
        }  # fmt: skip
        assert wh.as_of == dt.date.fromisoformat(AS_OF)
        assert wh.tables()["silver"] == ("dim_pupil", "fact_mark")
        with pytest.raises(WarehouseError, match="read-only"):
            wh.execute("DELETE FROM gold.mart_pupil")
    common = ["--config", str(built.config), "--warehouse", built.url]
    assert invoke(["check", *common]) == 0
    assert invoke(["ls", *common]) == 0
    assert "gold.mart_pupil  2 " in capsys.readouterr().out
    assert invoke(["plan", *common, "--as-of", AS_OF]) == 0


def test_what_a_check_finds_is_kept(built: School) -> None:
    built.do("DELETE FROM bronze.marks WHERE mark = 10")
    assert padm.check(config=built.config, warehouse=built.url).exit_code == 1
    assert built.rows("SELECT verdict, failed_rows, examples FROM _padm.check_results WHERE rule = 'reconcile_missing'") == [
        ("error", 1, "north: mark 10")
    ]


# --- what goes wrong -------------------------------------------------------------------------------------


def test_a_statement_that_fails_midway_undoes_the_run(built: School) -> None:
    built.do(
        "CREATE FUNCTION public.fill() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE schema_name = 'silver_next') THEN"
        " RAISE EXCEPTION 'could not extend file \"base/1/2\": No space left on device' USING ERRCODE = '53100'; END IF; END $$",
        "CREATE EVENT TRIGGER fill ON ddl_command_end WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION public.fill()",
    )
    built.change(marks=[(12, 2, "2024-07-01", 5)])
    with pytest.raises(WarehouseError, match=r"disk .* is full while building fact_mark"):
        built.run()
    built.do("DROP EVENT TRIGGER fill")
    assert built.rows(MART) == [("north", 1, 2, 16), ("north", 2, 1, 4)]
    assert built.rows("SELECT value FROM bronze.marks WHERE mark = 12") == [(4,)]
    assert built.rows("SELECT count(*) FROM _padm.runs WHERE status = 'failed'") == [(1,)]
    assert built.run().exit_code == 0
    assert built.rows(MART)[1] == ("north", 2, 1, 5)


def test_a_copy_that_nobody_reads_from_ends(built: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """What sends the rows waits for the pipe's other end to be opened; where that fails it must not wait for ever."""
    opened = Path.open

    def refused(self: Path, *args: Any, **options: Any) -> Any:
        if self.name == "rows.csv":
            raise OSError(errno.EMFILE, "Too many open files")
        return opened(self, *args, **options)

    built.change(marks=[(12, 2, "2024-07-01", 5)])
    ended: list[BaseException] = []

    def run() -> None:
        try:
            built.run()
        except OSError as error:
            ended.append(error)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refused)
        going = threading.Thread(target=run, daemon=True)
        going.start()
        going.join(timeout=60)
        assert not going.is_alive(), "it hangs"
    assert [str(error) for error in ended] == ["[Errno 24] Too many open files"]
    assert built.rows(MART) == [("north", 1, 2, 16), ("north", 2, 1, 4)]
    assert built.run().exit_code == 0
    assert built.rows(MART)[1] == ("north", 2, 1, 5)


def test_data_that_a_statement_refuses_is_a_failed_build_that_quotes_nobody(warehouse: School) -> None:
    import ibis

    with warehouse.backend().open() as work, pytest.raises(BuildFailed) as caught, work.transaction():
        work.create("silver", "a", "SELECT CAST('Juana Manso' AS TEXT) AS x", ibis.schema({"x": "int64"}))
    assert "a could not be built: invalid input syntax" in caught.value.message
    assert "Juana" not in caught.value.message


def test_a_lost_connection_is_said_and_undone(built: School) -> None:
    built.change(marks=[(12, 2, "2024-07-01", 5)])

    def lose_it() -> None:
        with built.backend().open() as work:
            work.execute("UPDATE bronze.marks SET value = 0")
            built.do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'padm-ibis run%'")
            work.execute("SELECT 1")

    with pytest.raises(WarehouseError, match="was lost"):
        lose_it()
    assert built.rows("SELECT sum(value) FROM bronze.marks") == [(20,)]
    assert built.run().exit_code == 0


def test_a_role_without_rights_is_told_which(built: School, role) -> None:
    reader = role()
    url = as_role(built.url, reader)
    with pytest.raises(WarehouseError, match=r"may not do that|may not create") as caught:
        built.run(warehouse=url)
    assert caught.value.exit_code == 3
    database = built.rows("SELECT current_database()")[0][0]
    built.do(
        f"GRANT CREATE ON DATABASE {database} TO {reader}",
        f"GRANT ALL ON SCHEMA _padm TO {reader}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA _padm TO {reader}",
    )
    with pytest.raises(WarehouseError, match="does not own the schema _padm"):
        built.run(warehouse=url)


def test_a_failure_that_somebody_swallowed_is_not_taken_for_done(built: School) -> None:
    def swallow() -> None:
        with built.backend().open() as work, suppress(WarehouseError):
            work.execute("UPDATE bronze.marks SET value = 0")
            work.execute("SELECT nonsense")

    with pytest.raises(WarehouseError, match="the server has undone it"):
        swallow()
    assert built.rows("SELECT sum(value) FROM bronze.marks") == [(20,)]


def test_a_read_only_database_is_said(built: School) -> None:
    name = built.rows("SELECT current_database()")[0][0]
    with built.backend().open() as work, pytest.raises(WarehouseError, match="is read-only"), work.transaction():
        work.execute("SET LOCAL transaction_read_only = on; CREATE SCHEMA x")
    built.do(f"ALTER DATABASE {name} SET default_transaction_read_only = on")  # a run asks for what it needs
    built.change(marks=[(12, 2, "2024-07-01", 5)])
    assert built.run().exit_code == 0


def test_a_database_in_another_encoding_is_refused(warehouse: School, postgres_server) -> None:
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS wh_latin")
        admin.execute("CREATE DATABASE wh_latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
        try:
            with pytest.raises(WarehouseError, match="encoded in LATIN1"):
                warehouse.run(warehouse=postgres_server.get_uri(database="wh_latin"))
        finally:
            admin.execute("DROP DATABASE wh_latin WITH (FORCE)")


@pytest.mark.parametrize(
    "url",
    [
        "postgres://padm:s3cret-w0rd@127.0.0.1:1/none",
        "postgres://padm:s3cret-w0rd@no-such-host.invalid/none",
        "postgres://padm@127.0.0.1:1/none?password=s3cret-w0rd",
    ],
)
def test_a_server_out_of_reach_is_said_without_the_password(
    warehouse: School, url: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("padm_ibis.backends.postgres.connection.ATTEMPTS", 1)
    for command in ("run", "check"):
        assert invoke([command, "--config", str(warehouse.config), "--warehouse", url]) == 3
    out, err = capfd.readouterr()
    assert "cannot be reached" in err
    assert "s3cret" not in out + err
    assert "s3cret" not in "".join(p.read_text() for p in warehouse.folder.rglob("*.json"))


def test_no_password_is_in_the_report_of_a_run(built: School, role, capfd: pytest.CaptureFixture[str]) -> None:
    user = role("SUPERUSER PASSWORD 's3cret-w0rd'")
    url = built.url.replace("postgresql://postgres:@", f"postgresql://{user}:s3cret-w0rd@")
    file = built.folder / "report.json"
    options = ["--config", str(built.config), "--warehouse", url, "--json", str(file)]
    built.change(marks=[(12, 2, "2024-07-01", 5)])
    assert invoke(["run", "--as-of", AS_OF, *options]) == 0
    built.change(marks=[(12, 2, "2024-07-01", 11)])
    assert invoke(["run", "--as-of", AS_OF, *options]) == 1
    out, err = capfd.readouterr()
    written = "".join(p.read_text() for p in built.folder.rglob("*.json"))
    assert "***@" in written
    kept = str(built.rows("SELECT * FROM _padm.runs")) + str(built.rows("SELECT * FROM _padm.state"))
    assert "s3cret" not in out + err + written + kept


def test_a_session_of_a_run_is_not_ended_by_limits_meant_for_people(built: School) -> None:
    name = built.rows("SELECT current_database()")[0][0]
    built.do(f"ALTER DATABASE {name} SET statement_timeout = '500ms'", f"ALTER DATABASE {name} SET lock_timeout = '500ms'")
    con = connect(built.backend().config, run=True)
    assert con.execute("SHOW statement_timeout").fetchall() == [("0",)]
    con.close()


def test_a_run_without_news_imports_neither_ibis_nor_pandera_nor_pandas(built: School) -> None:
    code = (
        "import sys; import padm_ibis as padm\n"
        f"report = padm.run(as_of={AS_OF!r}, config={str(built.config)!r}, warehouse={built.url!r})\n"
        "print(report.status, [m for m in ('ibis', 'pandera', 'pandas', 'pyarrow', 'rich') if m in sys.modules])"
    )
    built.run()
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin:/bin"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert result.stdout.strip() == "up to date []", result.stderr

"""What people added to the replaced tables: kept, or named before anything is touched."""

from __future__ import annotations

import ibis
import psycopg
import pytest
from postgres_school import School, as_role
from small_school import MARKS

from padm_ibis.errors import WarehouseError

pytestmark = pytest.mark.postgres


def rebuild(school: School) -> None:
    """Replace silver and gold by a version with other numbers."""
    school.change(marks=[*MARKS[:2], (12, 2, "2024-07-01", 5)])
    assert school.run().exit_code == 0
    assert school.rows("SELECT total FROM gold.mart_pupil WHERE pupil_id = 2") == [(5,)]


# --- grants ----------------------------------------------------------------------------------------------


def can(school: School, role: str, what: str) -> bool:
    return bool(school.rows(f"SELECT has_{what.format(role=role)}")[0][0])


def test_grants_of_schemas_tables_and_columns_survive(built: School, role) -> None:
    reader, chief, colour = role(), role(), role()
    built.do(
        f"GRANT USAGE ON SCHEMA gold, silver TO {reader}",
        f"GRANT SELECT ON gold.mart_pupil TO {reader}",
        f"GRANT SELECT ON gold.mart_pupil TO {chief} WITH GRANT OPTION",
        f"GRANT SELECT (name) ON silver.dim_pupil TO {colour}",
    )
    rebuild(built)
    assert can(built, reader, "schema_privilege('{role}', 'gold', 'USAGE')")
    assert can(built, reader, "table_privilege('{role}', 'gold.mart_pupil', 'SELECT')")
    assert can(built, chief, "table_privilege('{role}', 'gold.mart_pupil', 'SELECT WITH GRANT OPTION')")
    assert can(built, colour, "column_privilege('{role}', 'silver.dim_pupil', 'name', 'SELECT')")
    assert not can(built, colour, "column_privilege('{role}', 'silver.dim_pupil', 'pupil_id', 'SELECT')")
    assert not can(built, reader, "table_privilege('{role}', 'silver.dim_pupil', 'SELECT')")
    assert not can(built, reader, "table_privilege('{role}', 'gold.mart_pupil', 'INSERT')")


def test_default_privileges_go_on_holding_but_a_revoked_right_stays_revoked(built: School, role) -> None:
    reader = role()
    built.do(f"ALTER DEFAULT PRIVILEGES IN SCHEMA silver GRANT SELECT ON TABLES TO {reader}", "DROP TABLE silver.fact_mark")
    rebuild(built)  # fact_mark is a new table, dim_pupil was never granted
    assert can(built, reader, "table_privilege('{role}', 'silver.fact_mark', 'SELECT')")
    assert not can(built, reader, "table_privilege('{role}', 'silver.dim_pupil', 'SELECT')")
    built.do(f"REVOKE SELECT ON silver.fact_mark FROM {reader}")
    built.change()
    built.run()
    assert not can(built, reader, "table_privilege('{role}', 'silver.fact_mark', 'SELECT')")
    built.do("CREATE TABLE silver.later (x int)")
    assert can(built, reader, "table_privilege('{role}', 'silver.later', 'SELECT')")


def test_owners_survive(built: School, role) -> None:
    owner = role("CREATEROLE")
    built.do(f"GRANT ALL ON SCHEMA gold TO {owner}", f"ALTER TABLE gold.mart_pupil OWNER TO {owner}")
    rebuild(built)
    assert built.rows("SELECT tableowner FROM pg_tables WHERE schemaname = 'gold' AND tablename = 'mart_pupil'") == [(owner,)]


def test_comments_and_indexes_of_people_survive(built: School) -> None:
    built.do(
        "COMMENT ON COLUMN gold.mart_pupil.total IS 'ask Marta'",
        "COMMENT ON SCHEMA gold IS 'for the board'",
        "CREATE INDEX by_total ON gold.mart_pupil (total DESC) WHERE marks > 0",
    )
    for _ in range(2):
        rebuild(built)
        built.change()
        built.run()
    assert built.rows("SELECT col_description('gold.mart_pupil'::regclass, 4)") == [("ask Marta",)]
    assert built.rows("SELECT col_description('gold.mart_pupil'::regclass, 3)") == [("Marks.",)]
    assert built.rows("SELECT obj_description('gold'::regnamespace)") == [("for the board",)]
    definitions = [
        d for (d,) in built.rows("SELECT indexdef FROM pg_indexes WHERE schemaname = 'gold' AND tablename = 'mart_pupil'")
    ]
    assert sum("by_total ON gold.mart_pupil USING btree (total DESC) WHERE (marks > 0)" in d for d in definitions) == 1
    assert len(definitions) == 2  # the key's and theirs


# --- views and other objects -----------------------------------------------------------------------------


def test_views_read_the_new_tables_and_keep_owner_grants_and_options(built: School, role) -> None:
    reader, owner = role(), role()
    built.do(
        "CREATE SCHEMA bi",
        "CREATE VIEW bi.best WITH (security_barrier = true) AS SELECT * FROM gold.mart_pupil m JOIN silver.dim_pupil d"
        " USING (source_db, pupil_id)",
        "CREATE VIEW bi.nested AS SELECT sum(total) AS total FROM bi.best",
        'CREATE VIEW gold."Odd name" AS SELECT pupil_id FROM gold.mart_pupil WHERE total > 4',
        'CREATE VIEW bi.on_odd AS SELECT count(*) AS n FROM gold."Odd name"',
        "COMMENT ON VIEW bi.best IS 'theirs'",
        f"GRANT SELECT ON bi.nested TO {reader}",
        f"GRANT USAGE ON SCHEMA gold, silver TO {owner}",
        f"GRANT SELECT ON gold.mart_pupil, silver.dim_pupil TO {owner}",
        f"ALTER VIEW bi.best OWNER TO {owner}",
    )
    assert built.rows("SELECT total FROM bi.nested") == [(20,)]
    rebuild(built)
    built.do("UPDATE gold.mart_pupil SET total = total")  # no old table is in the way
    assert built.rows("SELECT total FROM bi.nested") == built.rows("SELECT sum(total) FROM gold.mart_pupil") == [(21,)]
    assert built.rows("SELECT n FROM bi.on_odd") == [(2,)]
    assert built.rows("SELECT viewowner FROM pg_views WHERE viewname = 'best'") == [(owner,)]
    assert built.rows("SELECT reloptions, obj_description(oid) FROM pg_class WHERE relname = 'best'") == [
        (["security_barrier=true"], "theirs")
    ]
    assert can(built, reader, "table_privilege('{role}', 'bi.nested', 'SELECT')")
    assert not {name for name in built.schemas() if name.startswith("_padm_old")}


def test_tables_and_functions_of_people_in_our_schemas_stay(built: School) -> None:
    built.do(
        "CREATE TABLE gold.targets (id serial PRIMARY KEY, goal int)",
        "INSERT INTO gold.targets (goal) VALUES (9)",
        "CREATE FUNCTION gold.twice(x bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 2 * x'",
        "CREATE SEQUENCE silver.counter",
        "CREATE MATERIALIZED VIEW gold.frozen AS SELECT goal FROM gold.targets",
    )
    rebuild(built)
    built.do("INSERT INTO gold.targets (goal) VALUES (10)", "REFRESH MATERIALIZED VIEW gold.frozen")
    assert built.rows("SELECT id, gold.twice(goal) FROM gold.targets ORDER BY id") == [(1, 18), (2, 20)]
    assert built.rows("SELECT count(*) FROM gold.frozen") == [(2,)]
    assert built.rows("SELECT nextval('silver.counter')") == [(1,)]


DOOMED = {
    "materialized view": ("CREATE MATERIALIZED VIEW public.m AS SELECT * FROM gold.mart_pupil", "materialized view (public.)?m"),
    "foreign key": (
        "CREATE TABLE public.notes (db text, pupil bigint, FOREIGN KEY (db, pupil) REFERENCES gold.mart_pupil)",
        "constraint notes_db_pupil_fkey",
    ),
    "function": (
        "CREATE FUNCTION public.n() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM gold.mart_pupil; END",
        r"function (public\.)?n\(\)",
    ),
    "row type": ("CREATE TABLE public.copies (row gold.mart_pupil)", "copies"),
    "trigger": (
        "CREATE TRIGGER t BEFORE INSERT ON gold.mart_pupil EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "trigger t",
    ),
    "policy": ("CREATE POLICY mine ON gold.mart_pupil USING (pupil_id = 1)", "policy mine"),
    "rule": ("CREATE RULE r AS ON INSERT TO gold.mart_pupil DO INSTEAD NOTHING", "rule r"),
    "child table": ("CREATE TABLE public.child () INHERITS (gold.mart_pupil)", "table (public.)?child"),
    "type": ("CREATE TYPE gold.colour AS ENUM ('red')", "type gold.colour"),
    "publication": ("CREATE PUBLICATION p FOR TABLE gold.mart_pupil", "publication"),
}


@pytest.mark.parametrize(("statement", "words"), DOOMED.values(), ids=DOOMED.keys())
def test_what_would_be_lost_is_named_before_anything_is_read(built: School, statement: str, words: str) -> None:
    if "PUBLICATION" in statement and built.rows("SHOW wal_level") == [("minimal",)]:
        statement = f"SET client_min_messages = error; {statement}"
    built.do(statement)
    before = built.rows("SELECT * FROM gold.mart_pupil")
    built.source.unlink()
    with pytest.raises(WarehouseError, match=words) as caught:
        built.run()
    assert caught.value.exit_code == 3
    assert built.rows("SELECT * FROM gold.mart_pupil") == before


def test_everything_that_would_be_lost_is_in_one_error(built: School) -> None:
    built.do(DOOMED["policy"][0], DOOMED["materialized view"][0])
    with pytest.raises(WarehouseError) as caught:
        built.run()
    assert "policy mine" in caught.value.message
    assert "materialized view" in caught.value.message


def test_a_view_on_a_column_that_goes_or_changes_type_is_named(built: School) -> None:
    built.do("CREATE VIEW public.v AS SELECT total, marks FROM gold.mart_pupil")
    schema = ibis.schema({"source_db": "string", "pupil_id": "int64", "marks": "float64"})
    with built.backend().open() as work, pytest.raises(WarehouseError) as caught:
        work.foresee([("gold", "mart_pupil")], lambda name: schema)
    assert "public.v: it uses gold.mart_pupil.total, which is no longer there" in caught.value.message
    assert "public.v: it uses gold.mart_pupil.marks, whose type is now double precision" in caught.value.message


def test_a_view_of_a_role_that_is_not_ours_is_named(built: School, role) -> None:
    ours, theirs = role(), role()
    database = built.rows("SELECT current_database()")[0][0]
    built.do(
        f"GRANT CREATE ON DATABASE {database} TO {ours}",
        *(f"ALTER SCHEMA {name} OWNER TO {ours}" for name in ("bronze", "silver", "gold", "_padm", "_padm_kept")),
        *(f"ALTER TABLE {s}.{t} OWNER TO {ours}" for s, t in built.rows("SELECT schemaname, tablename FROM pg_tables"
          " WHERE schemaname IN ('bronze', 'silver', 'gold', '_padm', '_padm_kept')")),
        f"GRANT USAGE ON SCHEMA gold TO {theirs}",
        f"GRANT SELECT ON gold.mart_pupil TO {theirs}",
        "CREATE VIEW public.v AS SELECT total FROM gold.mart_pupil",
        f"ALTER VIEW public.v OWNER TO {theirs}",
    )  # fmt: skip
    with pytest.raises(WarehouseError, match=r"view public\.v: it belongs to the role"):
        built.run(warehouse=as_role(built.url, ours))
    built.do("DROP VIEW public.v")
    built.change(marks=[(12, 2, "2024-07-01", 5)])
    assert built.run(warehouse=as_role(built.url, ours)).exit_code == 0, "a role that owns the schemas needs no more"


def test_a_table_of_our_name_that_we_did_not_make_is_left_alone(warehouse: School) -> None:
    warehouse.do("CREATE SCHEMA gold", "CREATE TABLE gold.mart_pupil AS SELECT 'older' AS pipeline")
    with pytest.raises(WarehouseError, match=r"gold\.mart_pupil: .* did not make that one"):
        warehouse.run()
    assert warehouse.rows("SELECT * FROM gold.mart_pupil") == [("older",)]


def test_a_schema_of_a_name_that_a_run_needs_is_left_alone(warehouse: School) -> None:
    warehouse.do("CREATE SCHEMA gold_next")
    with pytest.raises(WarehouseError, match="schema gold_next"):
        warehouse.run()


def test_a_temporary_view_of_a_session_holds_nobody_up(built: School) -> None:
    with psycopg.connect(built.url, autocommit=True) as session:
        session.execute("CREATE TEMP VIEW mine AS SELECT total FROM gold.mart_pupil")
        rebuild(built)
        assert session.execute("SELECT sum(total) FROM mine").fetchall() == [(20,)]
    built.change()
    built.run()
    assert not {name for name in built.schemas() if name.startswith("_padm_old")}

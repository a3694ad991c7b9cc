"""What an administrator is asked to run is what a run needs, to the statement."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from conftest_extract import Bronze, Campus
from roles import Role

from padm_ibis.cli import invoke
from padm_ibis.doctor import doctor, grants

pytestmark = pytest.mark.postgres


def grant(text: str, url: str) -> None:
    """Run the printed statements as they are, as psql would: comments and all."""
    with psycopg.connect(url, autocommit=True) as con:
        con.execute(text.encode())


def test_a_role_without_rights_reads_everything_after_the_printed_statements(bronze: Bronze, campus: Campus, role: Role) -> None:
    campus.mark(1, "2024-03-01")
    name, bronze.urls["north"] = role()
    before = doctor(bronze.config())
    tables = [f"{campus.schema}.{table}" for table in ("marks", "people", "events", "history")]
    text = f"{', '.join(tables[:3])} and {tables[3]} may not be read (the role {name} lacks USAGE on the schema {campus.schema})"
    assert [(d.text, d.advice) for d in before.errors] == [
        (
            f"{text}; needed by marks, people, events and history",
            "`padm-ibis doctor --grants` prints what the administrator of that database must run (docs/dba.md).",
        )
    ]
    assert text in bronze.load().failures[0].message

    grant(grants(bronze.config()), bronze.url)
    assert doctor(bronze.config()).errors == []
    assert bronze.load().complete
    assert bronze.ids() == [1]


def test_the_statements_name_the_tables_that_are_read_and_no_other(bronze: Bronze, campus: Campus, role: Role) -> None:
    campus.sql("CREATE TABLE secrets (id int)")
    name, bronze.urls["north"] = role()
    bronze.options["north"] = 'resources = ["marks", "history", "wide"]'
    text = grants(bronze.config())
    granted = re.findall(r"^GRANT (\S+) ON (?:DATABASE |SCHEMA )?(\S+) TO (\S+);", text, re.MULTILINE)
    database = urlsplit(bronze.url).path.strip("/")
    assert granted == [
        ("CONNECT", f'"{database}"', f'"{name}"'),
        ("USAGE", f'"{campus.schema}"', f'"{name}"'),
        ("SELECT", f'"{campus.schema}"."history"', f'"{name}"'),
        ("SELECT", f'"{campus.schema}"."marks"', f'"{name}"'),
    ]
    assert f"-- {campus.schema}.wide is not there; it is read by wide, which may lack it" in text
    grant(text, bronze.url)
    with psycopg.connect(bronze.urls["north"]) as con:
        assert con.execute("SELECT has_table_privilege(%s, 'SELECT')", [f"{campus.schema}.people"]).fetchone() == (False,)
        assert con.execute("SELECT has_table_privilege(%s, 'INSERT')", [f"{campus.schema}.marks"]).fetchone() == (False,)


def test_where_the_plainer_view_stands_in_it_is_granted(bronze: Bronze, campus: Campus, role: Role) -> None:
    campus.sql("DROP TABLE history; CREATE TABLE history_basic (id int, day date, note text)")
    _, bronze.urls["north"] = role()
    grant(grants(bronze.config()), bronze.url)
    assert bronze.load().complete


def test_a_role_that_is_not_there_yet_gets_its_statements_all_the_same(bronze: Bronze, campus: Campus) -> None:
    bronze.urls["north"] = bronze.url.replace("postgres:@", "nobody:s3cr%40t@")
    text = grants(bronze.config())
    assert f'GRANT SELECT ON "{campus.schema}"."people" TO "nobody";' in text
    assert "cannot be reached now" in text
    assert "s3cr" not in text


def test_row_security_is_named_asked_for_and_enough(bronze: Bronze, campus: Campus, role: Role) -> None:
    campus.mark(1, "2024-03-01")
    campus.mark(2, "2024-03-01")
    name, bronze.urls["north"] = role()
    grant(grants(bronze.config()), bronze.url)
    campus.sql("ALTER TABLE marks ENABLE ROW LEVEL SECURITY; CREATE POLICY part ON marks USING (id = 1)")
    error = next(d for d in doctor(bronze.config()).errors)
    text = f"{campus.schema}.marks may be read in part only (row-level security hides rows from the role {name})"
    assert error.text == f"{text}; needed by marks"
    assert "BYPASSRLS" in (error.advice or "")
    assert text in bronze.load().failures[0].message

    grant(grants(bronze.config()), bronze.url)
    assert bronze.load().complete
    assert bronze.ids() == [1, 2]


def test_a_policy_may_be_accepted(bronze: Bronze, campus: Campus, role: Role) -> None:
    campus.mark(1, "2024-03-01")
    campus.mark(2, "2024-03-01")
    campus.sql("ALTER TABLE marks ENABLE ROW LEVEL SECURITY; CREATE POLICY part ON marks USING (id = 1)")
    _, bronze.urls["north"] = role()
    bronze.options["north"] = "row_security = true"
    text = grants(bronze.config())
    assert "BYPASSRLS" not in text
    grant(text, bronze.url)
    assert doctor(bronze.config()).errors == []
    assert bronze.load().complete
    assert bronze.ids() == [1]


def test_a_policy_beneath_a_view_is_found_by_asking_the_view(bronze: Bronze, campus: Campus, role: Role) -> None:
    campus.sql("ALTER TABLE history RENAME TO history_rows; ALTER TABLE history_rows ENABLE ROW LEVEL SECURITY")
    campus.sql("CREATE VIEW history WITH (security_invoker) AS SELECT * FROM history_rows")
    name, bronze.urls["north"] = role()
    campus.sql(f'GRANT SELECT ON history_rows TO "{name}"')
    grant(grants(bronze.config()), bronze.url)
    errors = doctor(bronze.config()).errors
    assert [d.text for d in errors] == [
        f"the table or view {campus.schema}.history cannot be read: query would be affected by row-level security policy for"
        ' table "history_rows"'
    ]
    assert "history_rows" in bronze.load().failures[0].message


def test_the_command_prints_sql_and_nothing_else(bronze: Bronze, campus: Campus, role: Role, capsys) -> None:
    _, bronze.urls["north"] = role()
    bronze.config()
    assert invoke(["doctor", "--grants", "--config", str(bronze.folder / "padm.toml")]) == 0
    shown = capsys.readouterr()
    assert all(line.startswith(("--", "GRANT ")) or not line for line in shown.out.splitlines())
    assert shown.err == ""


def test_the_warehouse_is_among_them(tmp_path: Path) -> None:
    (tmp_path / "padm.toml").write_text(
        '[warehouse]\nurl = "postgres://pa%40dm@127.0.0.1:1/ware-house"\n[publish]\nto = "postgres://127.0.0.1:1/marts?user=bi"\n'
    )
    from padm_ibis.config import load_config

    assert grants(load_config(tmp_path / "padm.toml")).splitlines() == [
        "-- The warehouse: as the owner of the database ware-house, or a superuser",
        'GRANT CONNECT, CREATE, TEMPORARY ON DATABASE "ware-house" TO "pa@dm";',
        "",
        "-- The target of publish: as the owner of the database marts, or a superuser",
        'GRANT CONNECT, CREATE, TEMPORARY ON DATABASE "marts" TO "bi";',
    ]

"""A DuckDB file that is written anew is the same file, without what was deleted from it."""

from __future__ import annotations

from pathlib import Path

import duckdb

from padm_ibis.backends.duckdb.rewrite import rewrite

MADE = """
    CREATE SCHEMA a; CREATE SCHEMA z;
    CREATE TABLE z.parent (id INT PRIMARY KEY, name VARCHAR NOT NULL DEFAULT 'x', CHECK (id > 0));
    CREATE TABLE z.child (parent INT REFERENCES z.parent (id), double INT GENERATED ALWAYS AS (parent * 2), note VARCHAR);
    CREATE VIEW a.both AS SELECT * FROM z.child JOIN z.parent ON parent = id;
    CREATE INDEX by_note ON z.child (note);
    CREATE TABLE a."odd ""name" ("a column" VARCHAR, d DECIMAL(18, 6), t TIMESTAMP);
    COMMENT ON TABLE z.child IS 'of somebody'; COMMENT ON COLUMN z.child.note IS 'what was said';
    INSERT INTO z.parent VALUES (1, 'one'), (2, 'secret-7731');
    INSERT INTO z.child (parent, note) VALUES (1, 'kept'), (1, NULL);
    INSERT INTO a."odd ""name" VALUES ('it''s', 1.5, '2024-01-01'), ('secret-7731', NULL, NULL);
"""


def content(path: Path) -> list[list[tuple[object, ...]]]:
    questions = (
        "SELECT * FROM z.parent ORDER BY ALL",
        "SELECT * FROM z.child ORDER BY ALL",
        "SELECT * FROM a.both ORDER BY ALL",
        'SELECT * FROM a."odd ""name" ORDER BY ALL',
        "SELECT schema_name, table_name, comment FROM duckdb_tables() ORDER BY ALL",
        "SELECT table_name, column_name, comment, is_nullable, column_default FROM duckdb_columns()"
        " WHERE NOT internal ORDER BY ALL",
        "SELECT table_name, constraint_type FROM duckdb_constraints() ORDER BY ALL",
        "SELECT index_name FROM duckdb_indexes() ORDER BY ALL",
    )
    with duckdb.connect(str(path), read_only=True) as con:
        return [con.execute(question).fetchall() for question in questions]


def test_everything_is_there_but_what_was_deleted(tmp_path: Path) -> None:
    old, new = tmp_path / "old.duckdb", tmp_path / "new.duckdb"
    with duckdb.connect(str(old)) as con:
        con.execute(MADE)
        con.execute("CHECKPOINT")
        con.execute("DELETE FROM z.parent WHERE name LIKE 'secret%'")
        con.execute("""DELETE FROM a."odd ""name" WHERE "a column" LIKE 'secret%'""")
        con.execute("CHECKPOINT")
        assert b"secret-7731" in old.read_bytes(), "as DuckDB leaves it"
        rewrite(con, "old", new)
    assert content(new) == content(old)
    assert b"secret-7731" not in new.read_bytes()

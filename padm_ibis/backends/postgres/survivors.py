"""What people added to the tables that a run replaces: found, refused or carried over to the new ones.

A run replaces the schemas silver and gold as a whole. Grants, owners, comments, indexes and default privileges are
copied, other people's objects in those schemas are moved, views that read our tables are pointed to the new ones.
Everything else that depends on our tables would be lost; it is named in one error before anything is touched.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import errors as pg

from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.backends.postgres.connection import Connection

# Kinds of objects that ALTER … SET SCHEMA moves as they are.
MOVABLE = ("table", "view", "materialized view", "foreign table", "sequence", "function", "procedure")
ColumnTypes = Callable[[str, str], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class View:
    """A view of somebody's that reads our tables.

    Attributes
    ----------
    name
        Qualified and quoted.
    definition
        Its query, all names qualified.
    options
        ``security_barrier=true`` and the like.
    """

    name: str
    definition: str
    options: tuple[str, ...] = ()

    def restored(self) -> str:
        """The statement that makes it read what its names mean now; owner, grants and comments stay."""
        options = f" WITH ({', '.join(self.options)})" if self.options else ""
        return f"CREATE OR REPLACE VIEW {self.name}{options} AS {self.definition}"


@dataclass(frozen=True, slots=True)
class Member:
    """An object of somebody's in one of our schemas."""

    catalog: str
    oid: int


def tables(con: Connection, schema: str, names: Iterable[str]) -> dict[str, int]:
    """Return those of ``names`` that are plain tables of a schema, with their oids."""
    rows = con.execute(
        "SELECT c.relname, c.oid::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relkind = 'r' AND c.relname = ANY(%s)",
        [schema, list(names)],
    )
    return dict(rows.fetchall())


# --- what cannot survive -------------------------------------------------------------------------------

_MEMBERS = """
    SELECT d.classid::regclass::text, d.objid::bigint, i.type, i.identity, coalesce(c.relowner, p.proowner)::bigint,
           pg_has_role(coalesce(c.relowner, p.proowner), 'USAGE'),
           EXISTS (SELECT FROM pg_depend o WHERE o.classid = d.classid AND o.objid = d.objid AND o.deptype IN ('a', 'i', 'e')
                   AND o.refclassid IN ('pg_class'::regclass, 'pg_extension'::regclass))
    FROM pg_depend d
    JOIN pg_namespace n ON d.refclassid = 'pg_namespace'::regclass AND n.oid = d.refobjid
    LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
    LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
    CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
    WHERE n.nspname = %s AND NOT (d.classid = 'pg_class'::regclass AND d.objid = ANY(%s::oid[]))
      AND d.classid <> 'pg_default_acl'::regclass
    ORDER BY 4"""


def members(con: Connection, schema: str, ours: Iterable[int]) -> tuple[list[Member], list[str]]:
    """Return other people's objects in a schema, and those of them that cannot be moved, in words."""
    found, problems = [], []
    for catalog, oid, kind, identity, _, owned, attached in con.execute(_MEMBERS, [schema, list(ours)]).fetchall():
        if attached:  # a serial column's sequence goes with its table, an extension's object with its extension
            continue
        if kind not in MOVABLE:
            problems.append(f"the {kind} {identity}: it stands in our schema {schema} and cannot be moved along")
        elif not owned:
            problems.append(f"the {kind} {identity}: it stands in our schema {schema} and belongs to another role")
        else:
            found.append(Member(catalog, oid))
    return found, problems


_DEPENDENTS = """
    WITH ours AS (SELECT oid, reltype FROM pg_class WHERE oid = ANY(%s::oid[])),
    kinds AS (SELECT t.oid FROM pg_type t JOIN ours ON t.oid = ours.reltype
              UNION SELECT t.typarray FROM pg_type t JOIN ours ON t.oid = ours.reltype WHERE t.typarray <> 0),
    direct AS (
        SELECT DISTINCT d.classid, d.objid FROM pg_depend d
        WHERE (d.refclassid = 'pg_class'::regclass AND d.refobjid IN (SELECT oid FROM ours))
           OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (SELECT oid FROM kinds))
    )
    SELECT DISTINCT pg_describe_object(d.classid, d.objid, 0)
    FROM direct d
    LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
    LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
    LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    LEFT JOIN pg_class v ON v.oid = r.ev_class
    LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
    WHERE c.relkind IS DISTINCT FROM 'i' AND c.relkind IS DISTINCT FROM 't'
      AND NOT (d.classid = 'pg_type'::regclass AND d.objid IN (SELECT oid FROM kinds))
      AND NOT coalesce(k.conrelid IN (SELECT oid FROM ours) AND k.contype IN ('p', 'u', 'n'), false)
      AND NOT coalesce(r.rulename = '_RETURN' AND v.relkind = 'v', false)
      AND NOT coalesce(t.tgisinternal, false)
    ORDER BY 1"""

_VIEWS = """
    SELECT DISTINCT v.oid::bigint, format('%%I.%%I', n.nspname, v.relname), v.reloptions, pg_has_role(v.relowner, 'USAGE'),
           pg_get_userbyid(v.relowner), v.relpersistence = 't'
    FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid AND r.rulename = '_RETURN'
    JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' JOIN pg_namespace n ON n.oid = v.relnamespace
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY(%s::oid[]) AND d.deptype = 'n'
    ORDER BY 2"""

_VIEW_COLUMNS = """
    SELECT DISTINCT format('%%I.%%I', n.nspname, v.relname), o.nspname, t.relname, a.attname, a.atttypid::bigint
    FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' JOIN pg_namespace n ON n.oid = v.relnamespace
    JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace o ON o.oid = t.relnamespace
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY(%s::oid[]) AND d.refobjsubid > 0 AND d.deptype = 'n'
      AND v.relpersistence <> 't'
    ORDER BY 1, 3, 4"""


def dependents(con: Connection, ours: Iterable[int]) -> tuple[list[View], list[str]]:
    """Return the views that read our tables, and in words what else depends on them and would be lost."""
    oids = list(ours)
    problems = [
        f"the {description}: it depends on a table that is replaced" for (description,) in con.execute(_DEPENDENTS, [oids])
    ]
    views = []
    for oid, name, options, owned, owner, temporary in con.execute(_VIEWS, [oids]).fetchall():
        if temporary:  # of a session: it keeps the version it was made on until that session ends
            continue
        if not owned:
            problems.append(f"the view {name}: it belongs to the role {owner}, and only its owner can point it to the new tables")
            continue
        definition = con.execute("SELECT pg_get_viewdef(%s::oid)", [oid]).fetchall()[0][0]
        views.append(View(name, definition.strip().rstrip(";"), tuple(options or ())))
    return views, problems


def changed_columns(con: Connection, ours: Iterable[int], new_types: ColumnTypes) -> list[str]:
    """Return, in words, the views that use a column which the new tables lack or have in another type.

    Parameters
    ----------
    new_types
        Schema, table → column → SQL type that the table will have; empty for a table that stays as it is.
    """
    problems = []
    for view, schema, table, column, kind in con.execute(_VIEW_COLUMNS, [list(ours)]).fetchall():
        types = new_types(schema, table)
        if not types:
            continue
        if column not in types:
            problems.append(f"the view {view}: it uses {schema}.{table}.{column}, which is no longer there")
        elif con.execute("SELECT %s::regtype::oid::bigint = %s", [types[column], kind]).fetchall() != [(True,)]:
            problems.append(f"the view {view}: it uses {schema}.{table}.{column}, whose type is now {types[column].lower()}")
    return problems


def unowned(con: Connection, oids: Iterable[int]) -> list[str]:
    """Return, in words, those of our tables that now belong to a role we are no member of."""
    rows = con.execute(
        "SELECT format('%%I.%%I', relnamespace::regnamespace::text, relname), pg_get_userbyid(relowner) FROM pg_class"
        " WHERE oid = ANY(%s::oid[]) AND NOT pg_has_role(relowner, 'USAGE') ORDER BY 1",
        [list(oids)],
    )
    return [f"the table {name}: it belongs to the role {owner}, of which ours is no member" for name, owner in rows]


# --- what is carried over --------------------------------------------------------------------------------

_GRANTEE = "CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END"
_GRANTABLE = "CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END"


def carry_schema(con: Connection, old: str, new: str) -> None:
    """Give a new, empty schema the owner, grants, default privileges and comment of the old one."""
    names = {"old": old, "new": new}
    _run_each(
        con,
        "SELECT format('ALTER SCHEMA %%I OWNER TO %%I', %(new)s::text, pg_get_userbyid(nspowner)) FROM pg_namespace"
        " WHERE nspname = %(old)s AND nspowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)",
        names,
    )
    _run_each(
        con,
        f"SELECT format('GRANT %%s ON SCHEMA %%I TO %%s%%s', a.privilege_type, %(new)s::text, {_GRANTEE}, {_GRANTABLE})"
        " FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = %(old)s AND a.grantee <> n.nspowner",
        names,
    )
    _run_each(
        con,
        "SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %%I IN SCHEMA %%I GRANT %%s ON %%s TO %%s%%s',"
        " pg_get_userbyid(d.defaclrole), %(new)s::text, a.privilege_type, CASE d.defaclobjtype WHEN 'r' THEN 'TABLES'"
        f" WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' END, {_GRANTEE}, {_GRANTABLE})"
        " FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a"
        " WHERE n.nspname = %(old)s",
        names,
    )
    _run_each(
        con,
        "SELECT format('COMMENT ON SCHEMA %%I IS %%L', %(new)s::text, obj_description(oid, 'pg_namespace')) FROM pg_namespace"
        " WHERE nspname = %(old)s AND obj_description(oid, 'pg_namespace') IS NOT NULL",
        names,
    )


def carry_table(con: Connection, old: int, new: str) -> None:
    """Give a new table owner and grants of the old one: exactly those, whatever default privileges added.

    Parameters
    ----------
    new
        Qualified and quoted.
    """
    names = {"old": old, "new": new}
    _run_each(
        con,
        f"SELECT DISTINCT format('REVOKE ALL ON TABLE %%s FROM %%s', %(new)s::text, {_GRANTEE})"
        " FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = %(new)s::regclass AND a.grantee <> c.relowner",
        names,
    )
    _run_each(
        con,
        f"SELECT format('GRANT %%s ON TABLE %%s TO %%s%%s', a.privilege_type, %(new)s::text, {_GRANTEE}, {_GRANTABLE})"
        " FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = %(old)s AND a.grantee <> c.relowner",
        names,
    )
    _run_each(
        con,
        "SELECT format('GRANT %%s (%%I) ON TABLE %%s TO %%s%%s', a.privilege_type, o.attname, %(new)s::text,"
        f" {_GRANTEE}, {_GRANTABLE})"
        " FROM pg_attribute o JOIN pg_attribute n ON n.attrelid = %(new)s::regclass AND n.attname = o.attname AND n.attnum > 0,"
        " aclexplode(o.attacl) a WHERE o.attrelid = %(old)s AND o.attnum > 0 AND NOT o.attisdropped",
        names,
    )
    _run_each(
        con,
        "SELECT format('ALTER TABLE %%s OWNER TO %%I', %(new)s::text, pg_get_userbyid(o.relowner)) FROM pg_class o, pg_class n"
        " WHERE o.oid = %(old)s AND n.oid = %(new)s::regclass AND o.relowner <> n.relowner",
        names,
    )


def carry_indexes(con: Connection, old: int, new: str) -> None:
    """Make the indexes anew that somebody gave the old table, but for those whose columns are gone."""
    mine = {_purpose(definition) for (definition,) in con.execute(_INDEXES, {"table": new})}
    for (definition,) in con.execute(_INDEXES, {"table": str(old)}).fetchall():
        if _purpose(definition) not in mine:
            with suppress(pg.UndefinedColumn), con.transaction():
                head, _, rest = definition.partition(" USING ")
                con.execute(f"{head.rpartition(' ON ')[0]} ON {new} USING {rest}")


_INDEXES = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %(table)s::regclass AND NOT indisprimary"


def _purpose(definition: str) -> tuple[bool, str]:
    """``CREATE INDEX i ON s.t USING btree (a)`` → not unique, ``btree (a)``: what it does, without names."""
    head, _, rest = definition.partition(" USING ")
    return head.startswith("CREATE UNIQUE"), rest


def comments(con: Connection, table: int) -> dict[str, str]:
    """Return a table's comments: column → text, its own under the empty name."""
    return dict(
        con.execute(
            "SELECT coalesce(a.attname, ''), d.description FROM pg_description d"
            " LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0"
            " WHERE d.classoid = 'pg_class'::regclass AND d.objoid = %s",
            [table],
        ).fetchall()
    )


def merged(contract: Mapping[str, str], found: Mapping[str, str], written: str | None) -> dict[str, str]:
    """Return the comments a table shall have: people's own, where they wrote one, else the contract's.

    Parameters
    ----------
    written
        JSON of what was written there last; what differs from it is somebody's own.
    """
    last = json.loads(written) if written else {}
    own = {name: text for name, text in found.items() if text != last.get(name, contract.get(name))}
    return {name: own.get(name, text) for name, text in contract.items()}


def comment_statements(table: str, texts: Mapping[str, str]) -> list[str]:
    """Return the statements that write comments; ``table`` is qualified and quoted."""
    return [
        f"COMMENT ON {f'COLUMN {table}.{quote(name)}' if name else f'TABLE {table}'} IS {literal(text)}"
        for name, text in texts.items()
    ]


def move(con: Connection, found: Sequence[Member], schema: str) -> None:
    """Move other people's objects into a schema."""
    for member in found:
        kind, identity = con.execute(
            "SELECT type, identity FROM pg_identify_object(%s::regclass, %s::oid, 0)", [member.catalog, member.oid]
        ).fetchall()[0]
        con.execute(f"ALTER {kind.upper()} {identity} SET SCHEMA {quote(schema)}")


def _run_each(con: Connection, query: str, names: Mapping[str, Any]) -> None:
    """Run the statements that a query returns."""
    for (statement,) in con.execute(query, names).fetchall():
        con.execute(statement)

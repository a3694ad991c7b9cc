"""What a PostgreSQL server's catalogue says of tables and views, those included that the role may not read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from padm_ibis.sources.values import literal

if TYPE_CHECKING:
    from padm_ibis.sources.connect import Source


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view, as the role of the session sees it.

    Attributes
    ----------
    view
        Whether it is a view: what it reads is read with its owner's rights.
    usable
        Whether the role has ``USAGE`` on the schema.
    readable
        Whether it has ``SELECT`` on the table, or on columns of it.
    veiled
        Whether a policy decides which rows it sees.
    """

    schema: str
    name: str
    owner: str
    role: str
    view: bool
    usable: bool
    readable: bool
    veiled: bool


def relations(source: Source, names: Collection[str]) -> list[Relation]:
    """Return the tables and views of these names, in any schema of the database."""
    if not names:
        return []
    listed = ", ".join(literal(name) for name in sorted(names))
    found = source.rows(
        "SELECT n.nspname::text AS s, c.relname::text AS t, pg_get_userbyid(c.relowner)::text AS o, current_user::text AS u,"
        " c.relkind = 'v' AS v, has_schema_privilege(n.oid, 'USAGE') AS g,"
        " has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT') AS r, row_security_active(c.oid) AS h"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE c.relname IN ({listed}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^(pg_|information_schema)'"
        " ORDER BY 1, 2"
    )
    return [Relation(*row) for row in found]

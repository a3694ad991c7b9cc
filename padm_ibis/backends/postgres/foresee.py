"""What would prevent publishing, found before anything is read or built."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from padm_ibis.backends.postgres import bronze_log, survivors
from padm_ibis.backends.postgres.connection import Connection, execute, explained
from padm_ibis.backends.postgres.schemas import LONGEST_NAME, REPLACED, known_tables, next_of, too_long
from padm_ibis.define.layers import LAYERS
from padm_ibis.errors import WarehouseError
from padm_ibis.extract.store import LEDGER

if TYPE_CHECKING:
    import ibis

    from padm_ibis.config import Config

OLDEST_SERVER = 130000


def foresee(
    con: Connection, config: Config, tables: Collection[tuple[str, str]], schema_of: Callable[[str], ibis.Schema]
) -> None:
    """See `base.Work.foresee`."""
    with explained(config):
        _check_server(con, config)
        forget_lost(con)
        problems = [
            f"the table {layer}.{name}: its name is longer than {LONGEST_NAME} bytes" for layer, name in tables if too_long(name)
        ]
        reserved = execute(con, "SELECT nspname FROM pg_namespace WHERE nspname = ANY(?)", [[*map(next_of, REPLACED)]])
        problems += [f"the schema {schema}: a run makes and renames one of that name" for (schema,) in reserved]
        problems += _foreign_tables(con, tables)
        layers = {layer for layer, _ in tables if layer in REPLACED}
        problems += _losses(con, layers, tables, schema_of)
    if problems:
        listed = "\n".join(f"  {problem}" for problem in dict.fromkeys(problems))
        raise WarehouseError(
            f"In the warehouse {config.warehouse.url} there is what a run would destroy or cannot replace;"
            f" nothing was touched.\n{listed}",
            hint="Move or drop these, or let them be made anew after each run: silver and gold are replaced as a whole.",
        )


def _check_server(con: Connection, config: Config) -> None:
    url = config.warehouse.url
    if con.info.server_version < OLDEST_SERVER:
        raise WarehouseError(f"The server of the warehouse {url} is older than PostgreSQL {OLDEST_SERVER // 10000}.")
    encoding, read_only, may_create, owner = execute(
        con,
        "SELECT current_setting('server_encoding'), pg_is_in_recovery(),"
        " has_database_privilege(current_database(), 'CREATE'), (SELECT min(nspname || ' (of ' ||"
        " pg_get_userbyid(nspowner) || ')') FROM pg_namespace WHERE nspname = ANY(?) AND NOT pg_has_role(nspowner, 'USAGE'))",
        [[*LAYERS, LEDGER, bronze_log.SCHEMA]],
    )[0]
    if encoding != "UTF8":
        raise WarehouseError(f"The database of the warehouse {url} is encoded in {encoding}; it must be UTF8.")
    if read_only:
        raise WarehouseError(f"The server of the warehouse {url} is a standby: read-only.", hint="Name the primary.")
    if not may_create or owner:
        missing = f"does not own the schema {owner}" if owner else "may not create schemas in the database"
        raise WarehouseError(
            f"The role of the warehouse {url} {missing}.",
            hint="GRANT CREATE ON DATABASE … TO the role, and let it own bronze, silver, gold, _padm and _padm_kept.",
        )


def forget_lost(con: Connection) -> None:
    """Forget tables that somebody dropped: they are made again, bronze is read again from the beginning."""
    lost = execute(
        con,
        f"DELETE FROM {LEDGER}.tables WHERE to_regclass(format('%I.%I', layer, name)) IS NULL RETURNING layer, name",
    )
    bronze = [name for layer, name in lost if layer == "bronze"]
    if bronze and execute(con, "SELECT to_regclass(?)", [f"{LEDGER}.watermarks"])[0][0]:
        execute(con, f"DELETE FROM {LEDGER}.watermarks WHERE resource = ANY(?)", [bronze])


def _foreign_tables(con: Connection, tables: Collection[tuple[str, str]]) -> list[str]:
    """Tables that bear a name of ours and are not ours; the earlier pipeline's, perhaps."""
    known = known_tables(con)
    found = execute(
        con,
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = ANY(?) AND c.relkind NOT IN ('i', 'I', 't')",
        [list(LAYERS)],
    )
    wanted = {*tables}
    return [
        f"{layer}.{name}: this library would make a table of that name, and did not make that one"
        for layer, name in sorted(found)
        if (layer, name) in wanted and name not in known.get(layer, ())
    ]


def _losses(
    con: Connection, layers: Collection[str], tables: Collection[tuple[str, str]], schema_of: Callable[[str], ibis.Schema]
) -> list[str]:
    """What would be lost if the schemas of ``layers`` were replaced, in words."""
    known = known_tables(con)
    problems: list[str] = []
    ours: list[int] = []
    for layer in sorted(layers):
        mine = survivors.tables(con, layer, known.get(layer, ())).values()
        ours += mine
        problems += survivors.members(con, layer, mine)[1]

    def new_types(layer: str, name: str) -> Mapping[str, str]:
        if (layer, name) not in tables:
            return {}
        from padm_ibis.define.compile import type_name

        return {column: type_name(kind, "postgres") for column, kind in schema_of(name).items()}

    problems += survivors.dependents(con, ours)[1]
    problems += survivors.changed_columns(con, ours, new_types)
    return problems + survivors.unowned(con, ours)

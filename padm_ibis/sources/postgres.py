"""A PostgreSQL source, read through DuckDB's PostgreSQL reader: binary COPY, straight into columns.

All statements of one DuckDB transaction run in one transaction of one server connection, ``REPEATABLE READ READ ONLY``:
they see one snapshot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from padm_ibis.errors import SourceConflict, SourceError, SourceUnreachable
from padm_ibis.sources.connect import Columns, Refusal, Source
from padm_ibis.sources.connection import CONNECTION
from padm_ibis.sources.hints import GRANTS, hint_for
from padm_ibis.sources.messages import driver_message
from padm_ibis.sources.relations import relations
from padm_ibis.sources.values import literal
from padm_ibis.sources.values import quote as quoted

if TYPE_CHECKING:
    from padm_ibis.sources.spec import TableSpec

_PACKAGE = "duckdb_extension_postgres_scanner"
_HASHES_TEXT, _HASHES_RECORDS = 110000, 140000
# Trying again helps against none of these.
_PERMANENT = (
    "authentication failed", "no pg_hba.conf entry", "does not exist", "permission denied", "invalid connection option",
    "invalid sslmode", "certificate verify failed", "root certificate file", "no password supplied", "unrecognized",
    "could not translate host name",
)  # fmt: skip


def load_reader(con: duckdb.DuckDBPyConnection) -> None:
    """Load DuckDB's PostgreSQL reader from the wheel that carries it; nothing is downloaded.

    Raises
    ------
    SourceUnreachable
        If it is not installed, or for another version of DuckDB.
    """
    spec = find_spec(_PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec else []
    name = f"extensions/v{duckdb.__version__}/postgres_scanner.duckdb_extension"
    file = next((path for folder in folders if (path := Path(folder) / name).is_file()), None)
    if file is None:
        found = "is installed for another version of DuckDB" if spec else "is not installed"
        raise SourceUnreachable(
            f"DuckDB's PostgreSQL reader {found} (DuckDB here is {duckdb.__version__}).", hint="pip install 'padm-ibis[postgres]'"
        )
    con.execute(f"LOAD {literal(str(file))}")


class PostgresSource(Source):
    """One schema of a PostgreSQL database."""

    dialect = "postgres"
    digests = True
    version = ""
    _begun = _standby = False

    def attach(self) -> None:
        """Connect, again and again with growing pauses where that could help."""
        load_reader(self.con)
        retries = self.config.connect_retries
        if retries == 0:
            return self._attach()
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

        for attempt in Retrying(
            stop=stop_after_attempt(retries + 1),
            wait=wait_random_exponential(multiplier=0.5, max=15),
            retry=retry_if_exception(lambda error: isinstance(error, SourceUnreachable) and not _is_permanent(str(error))),
            reraise=True,
        ):
            with attempt:
                self._attach()
        return None

    def columns(self, tables: Mapping[str, TableSpec]) -> Columns:
        """Return the columns of tables and views that this role may read; of a domain, the type that it is of."""
        names = ", ".join(literal(name) for name in sorted(tables))
        schema = literal(self.config.schema)
        found: Columns = {}
        for table, column, kind in self._columns(schema, names):
            found.setdefault(table, {})[column] = kind
        return found

    def _columns(self, schema: str, names: str) -> list[tuple[str, str, str]]:
        statement = f"""
            SELECT r.relname::text AS t, a.attname::text AS c, a.attnum::int AS n,
              (CASE k.typtype WHEN 'e' THEN 'enum ' ELSE '' END || format_type(k.oid, NULL))::text AS d
            FROM pg_class r JOIN pg_namespace s ON s.oid = r.relnamespace
            JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
            CROSS JOIN LATERAL (
              WITH RECURSIVE base AS (
                SELECT oid, typtype, typbasetype FROM pg_type WHERE oid = a.atttypid
                UNION ALL
                SELECT p.oid, p.typtype, p.typbasetype FROM pg_type p JOIN base d ON d.typtype = 'd' AND p.oid = d.typbasetype)
              SELECT oid, typtype FROM base WHERE typtype <> 'd') k
            WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f') AND s.nspname = {schema} AND r.relname IN ({names})
              AND has_column_privilege(r.oid, a.attnum, 'SELECT') AND has_schema_privilege(s.oid, 'USAGE')
            ORDER BY t, n"""
        return [(table, column, kind) for table, column, _, kind in self.rows(statement)]

    def refusals(self, tables: Collection[str]) -> dict[str, Refusal]:
        """Return those of ``tables`` that the catalogue has and this role may not read, or not whole."""
        found: dict[str, Refusal] = {}
        for item in relations(self, tables):
            if item.schema != self.config.schema:
                continue
            if not (item.usable and item.readable):
                missing = "SELECT" if item.usable else f"USAGE on the schema {item.schema}"
                found[item.name] = Refusal(f"the role {item.role} lacks {missing}", GRANTS)
            elif item.veiled and not self.config.row_security:
                reason = f"row-level security hides rows from the role {item.role}"
                found[item.name] = Refusal(reason, hint_for("row-level security") or "", hides=True)
        return found

    def schemas(self, tables: Collection[str]) -> dict[str, int]:
        """Return the schemas that have some of ``tables``, and how many, whether they may be read or not."""
        return dict(Counter(item.schema for item in relations(self, tables)))

    def relation(self, statement: str) -> str:
        """Return a call that runs the statement at the server, where what `begin` set holds."""
        assert self._begun, "outside of a transaction the server's own settings would hold"
        return f"postgres_query({literal(self.alias)}, {literal(statement)})"

    def qualified(self, table: str) -> str:
        """Return ``"negocio"."sga_alumnos"``."""
        return f"{quoted(self.config.schema)}.{quoted(table)}"

    def row_hash(self, row: str, seed: int) -> str:
        """See `Source.row_hash`; servers before PostgreSQL 14 hash a row's text, those before 11 by MD5.

        A hash of a record is a weighted sum of its columns': two rows that exchange a value would leave the sum of both as it
        was. Hashed once more, they do not.
        """
        version = int(self.version or 0)
        if version < _HASHES_TEXT:
            return f"CAST(CAST('x' || substr(md5('{seed} ' || CAST({row} AS text)), 1, 16) AS BIT(64)) AS BIGINT)"
        if version < _HASHES_RECORDS:
            return f"hashtextextended(CAST({row} AS text), {seed})"
        return f"hashtextextended(CAST(hash_record_extended({row}, {seed}) AS text), {seed})"

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement at the source, in a transaction of its own unless one has begun, and return its rows."""
        if self._begun:
            return super().rows(statement)
        with self.snapshot():
            return super().rows(statement)

    def begin(self) -> None:
        """Set what holds in this transaction and in no other: a pooler may give the connection to somebody else after it.

        Options of the connection would be refused by PgBouncer, and are gone with DuckDB's ``DISCARD ALL`` between two.
        """
        self._begun = True
        listed = ", ".join(f"({literal(name)}, {literal(value)})" for name, value in self._session().items())
        super().rows(
            f"SELECT set_config(s.name, w.value, true) AS v FROM (VALUES {listed}) AS w(name, value)"
            " JOIN pg_catalog.pg_settings s ON lower(s.name) = lower(w.name)"
        )

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See `Source.snapshot`."""
        try:
            with super().snapshot():
                yield
        finally:
            self._begun = False

    def detach(self) -> None:
        """Give the connection back; never fails."""
        self._begun = self._standby = False
        super().detach()

    def explained(self, error: duckdb.Error) -> SourceError:
        """Return the error to raise for a driver's; a standby that ends a connection may do so for replication's sake.

        The driver does not pass on why a server ended a connection that was waiting for the next statement.
        """
        found = super().explained(error)
        if self._standby and isinstance(found, SourceUnreachable):
            return SourceConflict(found.message, hint=hint_for("conflict with recovery"))
        return found

    def _attach(self) -> None:
        self.detach()
        try:
            self.con.execute(f"ATTACH {literal(self.address())} AS {self.alias} (TYPE postgres, READ_ONLY)")
        except duckdb.Error as error:
            text = driver_message(error, self.config)
            explained = self.explained(error)
            raise SourceUnreachable(f"The source {self.config.name} cannot be reached: {text}.", hint=explained.hint) from None
        try:
            with self.snapshot():
                zone, standby, self.version = super().rows(
                    "SELECT current_setting('TimeZone') AS zone, pg_is_in_recovery() AS standby,"
                    " current_setting('server_version_num') AS version"
                )[0]
        except SourceUnreachable as error:
            hint = hint_for("statement pooling mode") if "closed the connection" in error.message else error.hint
            raise SourceUnreachable(error.message, hint=hint) from None
        if zone.lower() != self.config.timezone.lower():
            raise SourceError(
                f"The source {self.config.name}: the session's time zone is {zone}, not {self.config.timezone} as asked for.",
                hint="Something between here and the server splits a transaction among sessions; connect to the server itself.",
            )
        self._standby = standby

    def address(self) -> str:
        """Return the address for the driver; what of the session the server has to be told is told by `begin`."""
        silence = {"keepalives_idle": str(self.config.keepalive_s)}
        # libpq would otherwise hand out a Latin-1 database's bytes as they are
        defaults = {**CONNECTION, **silence, "application_name": "padm-ibis", "client_encoding": "UTF8"}
        return self.config.url.libpq(defaults)

    def _session(self) -> dict[str, str]:
        config = self.config
        return {
            "statement_timeout": str(config.statement_timeout_s * 1000),
            "lock_timeout": str(config.lock_timeout_s * 1000),
            "idle_in_transaction_session_timeout": str(config.idle_in_transaction_timeout_s * 1000),
            "TimeZone": config.timezone,
            # what a row says as text, and so its digest, must not depend on a role's or a database's taste
            "DateStyle": "ISO, YMD",
            "IntervalStyle": "postgres",
            "extra_float_digits": "3",
            "bytea_output": "hex",
            # What is read is whole tables. Where "the first row of each" is joined, the planner expects one in two hundred of
            # what comes, and would compare each row with each
            "enable_nestloop": "off",
            # bodies of Guaraní's views and functions use unqualified names
            "search_path": f"{quoted(config.schema)},public",
            # a policy that hides rows is then an error that names the table, not a table that is shorter than it is
            "row_security": "on" if config.row_security else "off",
        }


def _is_permanent(message: str) -> bool:
    return any(words in message for words in _PERMANENT)

"""How a source is reached: one class a kind of address, all of them used through `Source`.

Every source is read by DuckDB: a PostgreSQL server through DuckDB's reader, a DuckDB file by attaching it, a folder of
files by reading them into temporary tables. What differs is where a statement runs and in which dialect.
"""

from __future__ import annotations

import datetime as dt
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import duckdb

from padm_ibis import disk
from padm_ibis.errors import OutOfMemory, PadmError, SourceConflict, SourceError, SourceUnreachable, WarehouseError
from padm_ibis.sources.exact import ISO, Written
from padm_ibis.sources.hints import hint_for
from padm_ibis.sources.messages import driver_message
from padm_ibis.sources.values import literal

if TYPE_CHECKING:
    from padm_ibis.config import OnInvalid, SourceConfig
    from padm_ibis.sources.spec import TableSpec

Columns = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A table that is there and does not give itself whole.

    Attributes
    ----------
    hides
        Whether it may be read, but a policy hides rows; otherwise it may not be read at all.
    """

    reason: str
    hint: str
    hides: bool = False


class Source(ABC):
    """One configured source, attached to a DuckDB connection.

    Inside one transaction of that connection every statement sees the same snapshot.
    """

    dialect: ClassVar[str]
    digests: ClassVar[bool] = False
    """Whether it can digest its rows; see `padm_ibis.extract.digest`."""
    on_invalid: ClassVar[OnInvalid] = "null"
    missing_hint: ClassVar[str] = "Check the schema in the source's configuration."

    def __init__(self, config: SourceConfig, con: duckdb.DuckDBPyConnection) -> None:
        self.config, self.con = config, con
        self.alias = "padm_source_" + re.sub(r"\W", "_", config.name)

    @abstractmethod
    def attach(self) -> None:
        """Connect.

        Raises
        ------
        SourceUnreachable
            If that fails, after as many attempts as configured where another one could help.
        """

    def begin(self) -> None:  # noqa: B027 - most kinds have nothing to say
        """Say what holds in the transaction that has just begun; its first statement at the source."""

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """One transaction, in which every statement sees the same; what it did is undone where it fails."""
        self.con.execute("BEGIN")
        try:
            self.begin()
            yield
            with self.errors():
                self.con.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.Error):
                self.con.execute("ROLLBACK")
            raise

    @abstractmethod
    def columns(self, tables: Mapping[str, TableSpec]) -> Columns:
        """Return table → column → type of those ``tables`` that exist and may be read."""

    @abstractmethod
    def relation(self, statement: str) -> str:
        """Return what stands in the FROM of a DuckDB statement for a statement at the source."""

    @abstractmethod
    def qualified(self, table: str) -> str:
        """Return the quoted name of a table, in the source's dialect."""

    def written(self, table: str, column: str) -> Written:
        """Return how texts of a column are written."""
        return ISO

    def lines(self, table: str, condition: str, most: int) -> list[int]:
        """Return the lines of a table's file on which a condition holds, ``most`` of them; of a database, none."""
        return []

    def refusals(self, tables: Collection[str]) -> dict[str, Refusal]:
        """Return those of ``tables`` that are there and refuse themselves, or some of their rows."""
        return {}

    def schemas(self, tables: Collection[str]) -> dict[str, int]:
        """Return the schemas that have some of ``tables``, and how many."""
        return {}

    def place(self) -> str:
        """Return what a person calls the place where the tables should be."""
        return f"the schema {self.config.schema}"

    def named(self, table: str) -> str:
        """Return what a person calls a table of this source."""
        return f"the table or view {self.config.schema}.{table}"

    @property
    def version(self) -> str:
        """The version of what `row_hash` runs on."""
        return duckdb.__version__

    def row_hash(self, row: str, seed: int) -> str:
        """Return SQL of the source for a number of 64 bits that says what a row says.

        Parameters
        ----------
        row
            The row's alias.
        seed
            A secret number: a row may name a person, and without it, who knows the rest could try every document number.
        """
        return f"hash({row}, {seed})"

    def now(self) -> dt.datetime:
        """Return the source's clock, in its time zone."""
        return self.rows(f"SELECT CAST(now() AT TIME ZONE {literal(self.config.timezone)} AS TIMESTAMP) AS clock")[0][0]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement at the source and return its rows."""
        with self.errors():
            return self.con.execute(f"SELECT * FROM {self.relation(statement)}").fetchall()

    def detach(self) -> None:
        """Give the connection back; never fails."""
        with suppress(duckdb.Error):
            self.con.execute(f"DETACH DATABASE IF EXISTS {self.alias}")

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Say of a driver's error which source it came from, without the secrets and data it may quote."""
        try:
            yield
        except PadmError:
            raise
        except duckdb.InterruptException:
            raise KeyboardInterrupt from None
        except duckdb.Error as error:
            raise warehouse_error(error) or self.explained(error) from None

    def explained(self, error: duckdb.Error) -> SourceError:
        """Return the error to raise for a driver's."""
        text = driver_message(error, self.config)
        kind = SourceConflict if _is_conflict(text) else SourceUnreachable if _is_broken_connection(text) else SourceError
        return kind(f"The source {self.config.name}: {text}.", hint=hint_for(text))

    def ended(self, error: duckdb.Error) -> SourceError | None:
        """Return the error to raise where the end of a transaction failed at the source; None where the warehouse failed."""
        found = self.explained(error)
        return found if isinstance(found, SourceConflict | SourceUnreachable) else None


def warehouse_error(error: duckdb.Error, *, certainly: bool = False) -> WarehouseError | None:
    """Return what a driver's error means for the warehouse; None where it speaks of the source, unless ``certainly`` not."""
    text = driver_message(error)
    if disk.is_full(error):
        if "ERROR:" in str(error):  # a server's words: it is the source's disk
            return None
        told, hint = disk.full(error)
        return WarehouseError(f"{told}; the sources that were complete are kept.", hint=hint)
    if isinstance(error, duckdb.OutOfMemoryException):
        return OutOfMemory(f"DuckDB ran out of memory: {text}.", hint="Set [warehouse] memory_limit, e.g. '4GB'.")
    if certainly or isinstance(error, duckdb.FatalException):
        return WarehouseError(f"Bronze could not be written: {text}.")
    return None


_CONFLICT = ("conflict with recovery", "conflicto con la recuperación")
_BROKEN = (
    "unable to connect", "connection to server", "server closed the connection", "terminating connection", "ssl ",
    "could not receive data", "could not send data", "no connection to the server", "connection not open", "connection reset",
    "broken pipe", "lost synchronization",
    # a server speaks the language of its lc_messages
    "terminando la conexión", "cerró la conexión",
)  # fmt: skip


def _is_conflict(text: str) -> bool:
    """Whether a standby ended the reading, since replication wanted to change what it saw."""
    return any(words in text.lower() for words in _CONFLICT)


def _is_broken_connection(text: str) -> bool:
    return any(words in text.lower() for words in _BROKEN)


def open_source(config: SourceConfig, con: duckdb.DuckDBPyConnection) -> Source:
    """Return the source of ``config``, not yet attached."""
    match config.url.scheme:
        case "postgres":
            from padm_ibis.sources.postgres import PostgresSource

            return PostgresSource(config, con)
        case "duckdb":
            from padm_ibis.sources.duckdb import DuckDBSource

            return DuckDBSource(config, con)
        case _:
            from padm_ibis.sources.files import FilesSource

            return FilesSource(config, con)

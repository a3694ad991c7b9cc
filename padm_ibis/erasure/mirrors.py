"""Published mirrors: what the warehouse holds now is published to each, and what is left there of erased people deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from padm_ibis import access, atomic
from padm_ibis.backends.duckdb.files import copy_whole, wal
from padm_ibis.backends.duckdb.rewrite import rewrite
from padm_ibis.backends.patience import Patience
from padm_ibis.config import PUBLISH_SCHEMES, Url
from padm_ibis.engine.erased import theirs
from padm_ibis.erasure.columns import SOURCE, Columns
from padm_ibis.errors import PadmError, UsageError
from padm_ibis.extras import need
from padm_ibis.publish import memory
from padm_ibis.publish.databases import Database, DuckDBFile, PostgresDatabase, SQLiteFile, published_at
from padm_ibis.publish.destination import Destination, destinations
from padm_ibis.publish.failures import explained
from padm_ibis.publish.run import history, new_report, replicate
from padm_ibis.publish.spec import chosen
from padm_ibis.publish.targets.history import published_before
from padm_ibis.report.erasure import Removed

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.extract.suppression import Suppressed
    from padm_ibis.report.erasure import Erasure

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Mirror:
    """A place that tables were published to.

    Attributes
    ----------
    tables
        Those that were, qualified, whether they are still made or not.
    """

    goal: Destination
    tables: tuple[str, ...]


@dataclass(slots=True)
class Cleaner:
    """Clears mirrors of erased people."""

    config: Config
    columns: Mapping[str, Columns]
    suppressed: Suppressed
    report: Erasure
    patience: Patience = field(default_factory=Patience)

    def clear(self) -> None:
        """Publish anew to every mirror that there is, and delete what is left; what fails does not stop the others."""
        memory.forget(self.config)
        for mirror in self._mirrors():
            try:
                with explained(self.config, mirror.goal.url):
                    self._clear(mirror)
            except PadmError as error:
                self.report.failed.append(f"The mirror {mirror.goal.url}: {self.config.mask(error.message)}")

    # --- which there are ---------------------------------------------------------------------------------------

    def _mirrors(self) -> Iterator[Mirror]:
        """Yield what is configured and holds something of ours, then the files that history tells of besides."""
        told = self._told()
        for goal in self._configured():
            known = told.pop(_address(goal.url), None)
            if tables := list(known.tables) if known else self._held(goal.url):
                yield Mirror(goal, tuple(tables))
        for address, mirror in told.items():
            if mirror.goal.url.path is None:
                self.report.unreached.append(f"{address} was published to and is no target of [publish] now; clear it there.")
            elif mirror.goal.url.path.is_file():
                yield mirror
            else:
                self.report.unreached.append(f"{address} was published to and is not there any more; a copy would hold its rows.")

    def _told(self) -> dict[str, Mirror]:
        """What publications from here showed, by the address: a file's with its whole path."""
        told: dict[str, Mirror] = {}
        for report in history(self.config):
            if report.get("error") or report.get("failed_tables"):
                continue
            url, file = Url.parse(str(report["target"]), PUBLISH_SCHEMES, self.config.folder), report.get("file")
            if file:
                url = Url.parse(f"{url.scheme}://{access.place(file, self.config.state.parent)}", PUBLISH_SCHEMES)
            before = told[_address(url)].tables if _address(url) in told else ()
            tables = tuple(dict.fromkeys([*before, *(detail["table"] for detail in report["tables_detail"])]))
            told[_address(url)] = Mirror(Destination(url, tables, report["mode"]), tables)
        return told

    def _held(self, url: Url) -> list[str]:
        """What a target says that it was published, where nobody here remembers."""
        if url.path is not None and not url.path.is_file():
            return []
        try:
            with explained(self.config, url), published_at(self.config, url) as database:
                return sorted(published_before(database))
        except PadmError as error:
            self.report.failed.append(f"The mirror {url}: {self.config.mask(error.message)}")
            return []

    def _configured(self) -> Sequence[Destination]:
        if self.config.star is not None or (self.config.publish.to is None and not self.config.publish.targets):
            return ()
        return destinations(self.config)

    # --- what is done to one -----------------------------------------------------------------------------------

    def _clear(self, mirror: Mirror) -> None:
        url = mirror.goal.url
        need(url.scheme, f"Clearing {url}")
        with published_at(self.config, url) as database:
            before = sum(rows for *_, rows in self._found(database, mirror))
        self._publish(mirror)
        if url.path is None:
            self._clean_server(mirror)
        elif url.scheme == "duckdb":
            self._clean_duckdb(mirror, access.followed(url.path))
        else:
            self._clean_sqlite(mirror, access.followed(url.path))
        with published_at(self.config, url) as database:
            if left := self._found(database, mirror):
                self.report.failed.append(f"The mirror {url} still holds rows of theirs in {', '.join(t for t, *_ in left)}.")
        self.report.removed.append(Removed("mirror", str(url), before, "published anew"))

    def _publish(self, mirror: Mirror) -> None:
        made = {spec.qualified for spec in chosen(self.config, ["*"])}
        tables = tuple(table for table in mirror.tables if table in made)
        if not tables:
            return
        goal = replace(mirror.goal, tables=tables)
        report = new_report(self.config, goal)
        replicate(self.config, goal, report, whole=True, tell=self.patience.tell, wait=self.patience.seconds)
        if report.exit_code:
            raise UsageError(f"{report.failed_tables} of {report.total_tables} tables differ from the warehouse's.")

    def _found(self, database: Database, mirror: Mirror) -> list[tuple[str, str, str, int]]:
        """Return the tables with rows of theirs: name, place, condition and rows."""
        found = []
        anyhow = {name: identity for columns in self.columns.values() for name, identity in columns.items()}
        for qualified in mirror.tables:
            schema, _, name = qualified.rpartition(".")
            if not database.exists(schema, name):
                continue
            place = database.place(schema, name)
            there = database.columns(place).names
            if SOURCE not in there:
                continue
            columns = {c: identity for c, identity in self.columns.get(name, anyhow).items() if c in there}
            if condition := theirs(database.query, place, columns, self.suppressed):
                ((rows,),) = database.query(f"SELECT count(*) FROM {place} WHERE {condition}")
                found.append((qualified, place, condition, int(rows)))
        return found

    def _delete(self, database: Database, mirror: Mirror) -> list[str]:
        """Delete rows of theirs that publishing left: of a table that is upserted, or not made any more."""
        places = []
        for _, place, condition, _ in self._found(database, mirror):
            database.query(f"DELETE FROM {place} WHERE {condition}")
            places.append(place)
        return places

    def _clean_server(self, mirror: Mirror) -> None:
        from padm_ibis.backends.postgres.rewrite import rewrite_statistics

        with closing(PostgresDatabase(self.config, mirror.goal.url, read_only=False, called="target")) as database:
            for place in self._delete(database, mirror):
                database.query(f"VACUUM (FULL, ANALYZE) {place}")
            self.report.unreached += [f"{mirror.goal.url}: {text}" for text in rewrite_statistics(database.raw)]

    def _clean_sqlite(self, mirror: Mirror, path: Path) -> None:
        with closing(SQLiteFile(path, read_only=False)) as database:
            self._delete(database, mirror)
            database.query("VACUUM")
            database.query("PRAGMA wal_checkpoint(TRUNCATE)")

    def _clean_duckdb(self, mirror: Mirror, path: Path) -> None:
        atomic.tidy_beside(path)
        with atomic.private_folder(path) as folder:
            changed, new = folder / path.name, folder / "new.duckdb"
            copy_whole(path, changed)
            with closing(DuckDBFile(changed, read_only=False)) as database:
                self._delete(database, mirror)
                rewrite(database.raw, "published", new)
            access.keep(path, new, mirror.goal.file_mode)
            with closing(self.patience.of(lambda: DuckDBFile(path, read_only=True))):  # holds off writers
                wal(path).unlink(missing_ok=True)
                atomic.put(new, path)


def _address(url: Url) -> str:
    return str(url) if url.path is None else f"{url.scheme}://{url.path.absolute()}"

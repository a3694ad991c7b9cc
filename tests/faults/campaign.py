"""A campaign of faults on one warehouse: at each boundary of a run something goes wrong, and what must hold is looked at.

    python campaign.py FOLDER [--postgres URL] [--faults N] [--seed N] [--killed-in PATTERN] [--rollback]

Prints a line for each fault, tabs between: boundary, kind, outcome, violations. A process of its own, which opens no
database and has no thread, so that each run can be a fork of it: nothing is imported twice.

What must hold after a fault, whatever it was:

* readers see one whole version, the old or the new one, and its run stands in its own books as published;
* a run that began and did not end well stands in the history, as failed, partial or killed;
* the next run needs no repair: it ends with 0, and what it publishes equals a clean build;
* the version before is kept, whole: readers can be brought back to it;
* nothing is left lying about.
"""

from __future__ import annotations

import argparse
import datetime
import errno
import importlib
import json
import os
import random
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1])]

import duckdb  # noqa: E402 - the paths come first
import psycopg  # noqa: E402
import small_school as school  # noqa: E402
from effects import Boundary, Watch  # noqa: E402
from psycopg import errors as pg  # noqa: E402
from pydantic_core import core_schema  # noqa: E402

import padm_ibis  # noqa: E402
from padm_ibis.backends.base import backend_of  # noqa: E402
from padm_ibis.cli import invoke  # noqa: E402

for module in (
    "engine.run",
    "extract",
    "backends.duckdb",
    "backends.postgres",
    "commands.run",
    "report.answer",
    "overview",
    "define.lint",
):
    importlib.import_module(f"padm_ibis.{module}")  # once, not by each fork

RUN = ["run", "--as-of", "2024-12-31"]
ROLLBACK = ["rollback", "--yes"]
OLD = {"pupils": [(1, "Ana"), (2, "Berta"), (3, "Cora")], "marks": [(10, 1, "2024-05-01", 7), (11, 2, "2024-06-01", 9)]}
OLDEST = {"pupils": OLD["pupils"][:1], "marks": OLD["marks"][:1]}
NEW = {"pupils": [(1, "Anna"), (2, "Berta")], "marks": [*OLD["marks"], (12, 2, "2024-07-01", 4), (13, 1, "2024-08-01", 10)]}
KINDS = ("kill", "error", "disk full", "interrupt", "clock back", "clock ahead")
TABLES = ("bronze.pupils", "bronze.marks", "silver.dim_pupil", "silver.fact_mark", "gold.mart_pupil")
Content = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and where."""

    boundary: Boundary
    kind: str


@dataclass(slots=True)
class Outcome:
    """What became of one fault."""

    fault: Fault
    how: str
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\t".join((str(self.fault.boundary), self.fault.kind, self.how, "; ".join(self.violations)))


# --- what a child does -----------------------------------------------------------------------------


def forked(folder: Path, what: Callable[[], Any]) -> tuple[int, Any]:
    """Do something in a fork of this process, in a folder; return how it ended and what it returned."""
    answer = folder.parent / "answer.json"
    answer.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            os.chdir(folder)
            said = os.open(folder.parent / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(said, 1)
            os.dup2(said, 2)
            result = what()
            if isinstance(result, int):
                os._exit(result)
            answer.write_text(json.dumps(result), encoding="utf-8")
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(99)
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    return ended, json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else None


def run(fault: Fault | None = None, url: str = "", command: list[str] = RUN) -> int:
    """Run the command, with something that goes wrong in it."""
    line = [*command, *(["--warehouse", url] if url else [])]
    if fault is None:
        return invoke(line)
    watch = Watch((fault.boundary.number, fault.boundary.after), lambda what, after: go_wrong(fault.kind, what, url))
    watch.start()
    code = invoke(line)
    watch.stop()
    return code


def go_wrong(kind: str, what: str, url: str) -> None:
    """Let happen what the fault's kind says."""
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "error":
        raise RuntimeError("planted")
    elif kind == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
    elif kind == "disk full":
        raise full_disk(what)
    elif kind == "connection cut":
        sys.setprofile(None)
        with psycopg.connect(url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    else:
        jump(datetime.timedelta(days=-400 if kind == "clock back" else 400))


def full_disk(what: str) -> Exception:
    """The error that each driver raises then."""
    if what.startswith("_duckdb"):
        return duckdb.IOException("IO Error: Could not write all bytes to file: No space left on device")
    if what.startswith("psycopg"):
        return pg.DiskFull("could not extend file: No space left on device")
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")


def jump(by: datetime.timedelta) -> None:
    """Move the clock, as a machine does whose time is set."""
    real = datetime.datetime

    class Instances(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

    class Shifted(real, metaclass=Instances):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return real.now(tz) + by

        @classmethod
        def __get_pydantic_core_schema__(cls, *_: Any) -> Any:
            return core_schema.datetime_schema()

    datetime.datetime = Shifted  # type: ignore[misc]


def trace(url: str, command: list[str]) -> list[dict[str, Any]]:
    """Run once and return every boundary."""
    watch = Watch()
    watch.start()
    code = invoke([*command, *(["--warehouse", url] if url else [])])
    watch.stop()
    if code:
        raise SystemExit(f"the run to be watched ended with {code}")
    return [{"number": b.number, "where": b.where, "what": b.what, "after": b.after} for b in watch.seen]


def look(url: str) -> dict[str, Any]:
    """What readers see: each table's rows without those that only say when; and what the books say of the runs."""
    config = padm_ibis.load_config(None, None, url or None)
    with backend_of(config).read() as reader:
        content = {
            name: sorted(str(row) for row in reader.execute(f"SELECT {columns(reader, name)} FROM {name}")) for name in TABLES
        }
        published = reader.published_run()
        own = [status for run_id, status in reader.execute("SELECT run_id, status FROM _padm.runs") if run_id == published]
    history = padm_ibis.history(config=config)
    return {"content": content, "own": own, "statuses": [record.status for record in history.runs]}


def columns(reader: Any, name: str) -> str:
    layer, _, table = name.partition(".")
    found = reader.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position",
        [layer, table],
    )
    return ", ".join(f'"{column}"' for (column,) in found if column not in ("_extracted_at", "_run_id"))


# --- places ----------------------------------------------------------------------------------------


class Place:
    """Where a warehouse is tried: a folder, and for PostgreSQL a database, copied anew for each fault."""

    def __init__(self, root: Path, postgres: str, command: list[str]) -> None:
        self.root, self.postgres, self.command = root, postgres, command
        self.folder, self.kept = root / "work" / "here", root / "kept"
        self.url = postgres and _database(postgres, "fault_here")

    def keep(self, *versions: dict[str, Any]) -> None:
        """Make a version of all data but the last, which waits at the source: the start of each try."""
        self.folder.mkdir(parents=True)
        config = school.write_config(self.folder, self._source(versions[0]))
        config.write_text(config.read_text().replace("[warehouse]", "[warehouse]\nkeep_versions = 1"))
        if self.postgres:
            self._admin("DROP DATABASE IF EXISTS fault_here WITH (FORCE)", "CREATE DATABASE fault_here TEMPLATE template0")
        for data in versions[1:]:
            ended, _ = forked(self.folder, lambda: run(None, self.url))
            if ended:
                raise SystemExit(f"a first run ended with {ended}: {self.said()}")
            self._source(data)
        shutil.copytree(self.folder, self.kept)
        if self.postgres:
            self._admin("DROP DATABASE IF EXISTS fault_kept", "CREATE DATABASE fault_kept TEMPLATE fault_here")

    def again(self) -> None:
        """Go back to the start."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder)  # the marks of times are kept: the warehouse knows its file by them
        (self.root / "work" / "said.txt").unlink(missing_ok=True)
        if self.postgres:
            self._admin("DROP DATABASE IF EXISTS fault_here WITH (FORCE)", "CREATE DATABASE fault_here TEMPLATE fault_kept")

    def said(self) -> str:
        """What the last processes said."""
        return (self.root / "work" / "said.txt").read_text(encoding="utf-8", errors="replace")[-2000:]

    def leftovers(self) -> list[str]:
        """What lies about that no good run leaves."""
        found = [
            str(f.relative_to(self.folder))
            for f in self.folder.rglob("*")
            if f.suffix in (".tmp", ".wal", ".partial") or "publish-" in f.name
        ]
        if self.postgres:
            with psycopg.connect(self.url) as con:
                rows = con.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '(_next|_old)$|_padm_old_'").fetchall()
                found += [name for (name,) in rows]
        return found

    def _source(self, data: dict[str, Any]) -> Path:
        return school.write_school(self.folder / "north.duckdb", data["pupils"], data["marks"])

    def _admin(self, *statements: str) -> None:
        with psycopg.connect(self.postgres, autocommit=True) as con:
            for statement in statements:
                con.execute(statement)


def _database(url: str, name: str) -> str:
    before, _, rest = url.partition("://")
    server, _, tail = rest.partition("/")
    return f"{before}://{server}/{name}?{tail.partition('?')[2]}"


# --- the campaign ----------------------------------------------------------------------------------


def tried(place: Place, fault: Fault, versions: Sequence[Content], journal: int) -> Outcome:
    """Let one fault happen, and look at everything.

    Parameters
    ----------
    versions
        What readers see before the command, after it, and after the next run.
    journal
        The boundary after which a run stands in the journal.
    """
    old, new, last = versions
    place.again()
    ended, _ = forked(place.folder, lambda: run(fault, place.url, place.command))
    outcome = Outcome(fault, _how(ended))
    complain = outcome.violations.append
    if wrong := unexpected(fault, ended):
        complain(f"{wrong}: {place.said()}")
    looked, seen = forked(place.folder, lambda: look(place.url))
    if looked:
        complain(f"readers cannot read: {place.said()}")
    else:
        if seen["content"] not in (old, new):
            complain("readers see neither the old version nor the new one")
        if not seen["own"] or seen["own"][0] not in ("ok", "partial"):
            complain(f"the published run stands in its books as {seen['own']}")
        began = place.command is RUN and fault.boundary.number > journal
        if ended not in (0, 2) and seen["content"] == old and seen["statuses"][0] == "ok" and began:
            complain("a run that began and did not end well is not in the history")
    ended, _ = forked(place.folder, lambda: run(None, place.url))
    if ended:
        complain(f"the next run ended with {ended}: {place.said()}")
    looked, seen = forked(place.folder, lambda: look(place.url))
    if looked or seen["content"] != last:
        complain("after the next run readers do not see a clean build")
    ended, _ = forked(place.folder, lambda: run(None, place.url, ROLLBACK))
    looked, seen = forked(place.folder, lambda: look(place.url))
    if ended or looked or seen["content"] not in (old, new):
        complain(f"readers could not be brought back to a whole version: {place.said()}")
    if left := place.leftovers():
        complain(f"left lying about: {', '.join(left)}")
    return outcome


def content(place: Place) -> Content:
    """What readers see, where nothing went wrong."""
    ended, seen = forked(place.folder, lambda: look(place.url))
    if ended:
        raise SystemExit(place.said())
    found: Content = seen["content"]
    return found


def unexpected(fault: Fault, ended: int) -> str:
    """Say what is wrong with how a run ended."""
    expected = {"kill": (-signal.SIGKILL,), "interrupt": (130,), "clock back": (0,), "clock ahead": (0,)}.get(
        fault.kind, (0, 1, 3)
    )
    return "" if ended in expected else f"it ended with {ended}, not {' or '.join(map(str, expected))}"


def _how(ended: int) -> str:
    return {0: "went on", -9: "killed", 130: "interrupted"}.get(ended, f"ended with {ended}")


def chosen(boundaries: list[Boundary], kinds: tuple[str, ...], count: int, seed: int) -> Iterator[Fault]:
    """Every boundary in a drawn order with the kinds in turn, then drawn ones, until there are enough."""
    draw = random.Random(seed)
    places = list({(b.where, b.what, b.after): b for b in reversed(boundaries)}.values())[::-1]
    draw.shuffle(places)
    order = [Fault(boundary, kinds[n % len(kinds)]) for n, boundary in enumerate(places)]
    yield from order[:count]
    for _ in range(count - len(order)):
        yield Fault(draw.choice(boundaries), draw.choice(kinds))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", type=Path)
    options.add_argument("--postgres", default="", help="a server to make databases in")
    options.add_argument("--faults", type=int, default=24)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--killed-in", default="", help="kill at every boundary that this pattern is found in, and nowhere else")
    options.add_argument("--rollback", action="store_true", help="let things go wrong in a rollback, not in a run")
    given = options.parse_args()
    place = Place(given.folder, given.postgres, ROLLBACK if given.rollback else RUN)
    place.keep(*((OLD, NEW, NEW) if given.rollback else (OLDEST, OLD, NEW)))
    old = content(place)
    place.again()
    ended, found = forked(place.folder, lambda: trace(place.url, place.command))
    if ended:
        raise SystemExit(place.said())
    new = content(place)
    if old == new:
        raise SystemExit("the two versions are equal: nothing could be told")
    boundaries = [Boundary(**one) for one in found]
    journal = next((b.number for b in boundaries if "journal.py" in b.where and b.what == "posix.replace"), 0)
    kinds = (*KINDS, "connection cut") if given.postgres else KINDS
    faults = chosen(boundaries, kinds, given.faults, given.seed)
    if given.killed_in:
        faults = (Fault(boundary, "kill") for boundary in boundaries if re.search(given.killed_in, str(boundary)))
    for fault in faults:
        print(tried(place, fault, (old, new, old if given.rollback else new), journal), flush=True)


if __name__ == "__main__":
    main()

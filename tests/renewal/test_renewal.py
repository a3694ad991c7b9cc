"""Whatever changes between runs, every table is what it would be had it been made as a whole from what the source says."""

from __future__ import annotations

import datetime as dt
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import people_school as school
import psycopg
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import padm_ibis as padm
from padm_ibis.config import load_config
from padm_ibis.define import contract as contracts
from padm_ibis.define.compile import create_table_as, sql
from padm_ibis.define.model import Model
from padm_ibis.definitions import collect
from padm_ibis.engine import renewal
from padm_ibis.engine.making import Making
from padm_ibis.engine.renewal import Renewal, Share
from padm_ibis.report.run import RunReport

RECORDS = 24
FIRST_DAY = dt.date(2024, 5, 1)
KINDS = ("people_school", "people_school_later")
GRAPHS = {kind: collect([kind], kinds=()) for kind in KINDS}
Table = list[tuple[Any, ...]]
Mark = tuple[int, int, int, str, int]


def start() -> school.Rows:
    """24 persons with a record each, one of them without a person; 72 marks, a few of nobody, a few in the future."""
    draw = random.Random(3)
    days = [f"{year}-{month:02}-15" for year in (2021, 2022, 2023) for month in range(1, 13)] + ["2024-05-02", "2024-05-20"]
    numbers = range(1, RECORDS + 1)
    return {
        "person": [(n, f"200{n % 10}-01-01") for n in numbers],
        "record": [(n, None if n == 7 else n, "abc"[n % 3]) for n in numbers],
        "mark": [
            (n, None if n % 30 == 0 else n % RECORDS + 1, n % 3, draw.choice(days), draw.randint(1, 10)) for n in range(1, 73)
        ],
        "survey": [(n, "2023-03-01", "yes" if n % 2 else "no") for n in numbers],
        "subject": [(n, f"s{n}") for n in range(3)],
    }


class Nights:
    """One warehouse, its source, and how things stand there."""

    def __init__(self, folder: Path, warehouse: str | None = None) -> None:
        self.folder, self.warehouse = folder, warehouse
        self.rows, self.as_of, self.more, self.kind = start(), FIRST_DAY, "", KINDS[0]
        self.source = folder / "source.duckdb"
        self.free = 1000

    def number(self) -> int:
        self.free += 1
        return self.free

    def config(self) -> Path:
        return school.write_config(self.folder / "w", self.source, self.more, self.kind)

    @property
    def tables(self) -> list[Model]:
        """Silver and gold of the code in force."""
        return [model for model in GRAPHS[self.kind] if model.layer != "bronze"]

    def run(self) -> RunReport:
        school.write(self.source, self.rows)
        where = {} if self.warehouse is None else {"warehouse": self.warehouse}
        return padm.run(config=self.config(), as_of=self.as_of, **where)

    def found(self) -> dict[str, Table]:
        """What readers see of silver and gold."""
        if self.warehouse is not None:
            with psycopg.connect(self.warehouse) as con:
                return {m.name: _sorted(con.execute(_select(m)).fetchall()) for m in self.tables}  # type: ignore[arg-type]
        with duckdb.connect(str(self.folder / "w" / "w.duckdb"), read_only=True) as con:
            return {m.name: _sorted(con.execute(_select(m)).fetchall()) for m in self.tables}

    def expected(self) -> dict[str, Table]:
        """Every table made as a whole, in a database of its own, from the source's rows."""
        params = load_config(self.config()).pipeline.params(self.as_of)
        with duckdb.connect() as con:
            con.execute(f"ATTACH '{self.source}' AS source (READ_ONLY)")
            con.execute("CREATE SCHEMA bronze; CREATE SCHEMA silver; CREATE SCHEMA gold")
            for table in school.COLUMNS:
                rows = (
                    f"SELECT 'north' AS source_db, *, now()::TIMESTAMP AS _extracted_at, '' AS _run_id FROM source.school.{table}"
                )
                con.execute(f"CREATE TABLE bronze.{table}s AS {rows}")
            for model in self.tables:
                schema = contracts.schema(model.contract, params)
                con.execute(
                    create_table_as(model.layer, model.name, sql(GRAPHS[self.kind].bind(model, params)), schema, "duckdb")
                )
            return {m.name: _sorted(con.execute(_select(m)).fetchall()) for m in self.tables}


def _select(model: Model) -> str:
    return f"SELECT {', '.join(contracts.schema(model.contract).names)} FROM {model.layer}.{model.name}"


def _sorted(rows: Table) -> Table:
    return sorted(rows, key=lambda row: tuple((value is None, str(value)) for value in row))


@pytest.fixture(autouse=True, scope="module")
def small_tables() -> Iterator[None]:
    """Small tables are made in part, too."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(renewal, "FEW_ROWS", 0)
        yield


@pytest.fixture
def extents(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """How much of each table the last run made anew."""
    found: dict[str, str] = {}
    choose = Renewal.share

    def share(self: Renewal, model: Any) -> Share:
        chosen = choose(self, model)
        found[model.name] = chosen.extent
        return chosen

    monkeypatch.setattr(Renewal, "share", share)
    return found


# --- worked out by hand -------------------------------------------------------------------------------------


def test_a_changed_mark_makes_one_persons_rows_anew(tmp_path: Path, extents: dict[str, str]) -> None:
    nights = Nights(tmp_path)
    nights.run()
    assert set(extents.values()) == {"all"}, "the first time"
    extents.clear()
    (place,) = [n for n, row in enumerate(nights.rows["mark"]) if row[0] == 5]
    mark, record, subject, day, _ = nights.rows["mark"][place]
    nights.rows["mark"][place] = (mark, record, subject, day, 0)
    report = nights.run()
    some = {"fact_mark", "totals", "years", "compared", "unpassed", "families"}
    assert extents == dict.fromkeys(some, "people") | {"ranked": "all", "houses": "all"}
    assert nights.found() == nights.expected()
    assert {t.name for t in report.tables if t.action == "unchanged" and t.layer != "bronze"} == {
        "dim_person", "dim_record", "dim_survey", "aged",
    }  # fmt: skip


def test_a_mark_of_nobody_or_a_renamed_subject_makes_all_anew(tmp_path: Path, extents: dict[str, str]) -> None:
    nights = Nights(tmp_path)
    nights.run()
    nights.rows["mark"].append((900, None, 1, "2023-01-01", 3))
    nights.run()
    assert extents["fact_mark"] == "all", "nobody's rows are not found by whose they are"
    assert nights.found() == nights.expected()
    nights.rows["subject"][1] = (1, "another")
    nights.run()
    assert extents["fact_mark"] == "all"
    assert extents["totals"] == "people", "no sum of anybody's moved"
    assert nights.found() == nights.expected()


def test_a_new_best_of_all_makes_everybodys_comparison_anew(tmp_path: Path, extents: dict[str, str]) -> None:
    nights = Nights(tmp_path)
    nights.run()
    nights.rows["mark"].append((900, 3, 1, "2023-01-01", 1000))
    nights.run()
    assert (extents["totals"], extents["compared"]) == ("people", "all")
    assert nights.found() == nights.expected()


def test_the_next_day_passes_the_marks_of_that_day_alone(tmp_path: Path, extents: dict[str, str]) -> None:
    nights = Nights(tmp_path)
    nights.rows["mark"] = [row for row in nights.rows["mark"] if not row[3].startswith("2024")]
    nights.rows["mark"].append((900, 3, 1, "2024-05-02", 9))
    nights.run()
    nights.as_of += dt.timedelta(days=1)
    nights.run()
    assert extents["fact_mark"] == "people"
    assert extents["dim_person"] == "nothing", "the age is that of a year"
    assert extents["years"] == "people"
    assert nights.found() == nights.expected()
    extents.clear()
    nights.as_of += dt.timedelta(days=1)
    nights.run()
    assert set(extents.values()) == {"nothing"}


def test_the_next_day_passes_a_mark_of_nobody(tmp_path: Path, extents: dict[str, str]) -> None:
    nights = Nights(tmp_path)
    nights.rows["mark"] = [row for row in nights.rows["mark"] if not row[3].startswith("2024")]
    nights.rows["mark"].append((900, None, 1, "2024-05-02", 9))
    nights.run()
    nights.as_of += dt.timedelta(days=1)
    nights.run()
    assert extents["fact_mark"] == "all"
    assert nights.found() == nights.expected()


def test_a_later_year_moves_ages_and_nobody_who_is_not_asked_for_one(tmp_path: Path, extents: dict[str, str]) -> None:
    nights = Nights(tmp_path)
    nights.rows["mark"] = [row for row in nights.rows["mark"] if not row[3].startswith("2024")]
    nights.run()
    nights.as_of = dt.date(2025, 1, 1)
    nights.run()
    assert extents["dim_person"] == "all"
    assert extents["aged"] == "people", "dim_person is another table; nobody's birth moved"
    assert nights.found() == nights.expected()


def test_a_run_that_failed_leaves_nothing_out(tmp_path: Path, extents: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    nights = Nights(tmp_path)
    nights.run()
    nights.rows["mark"].append((900, 3, 1, "2023-01-01", 9))
    with monkeypatch.context() as patched:
        patched.setattr(Making, "make", _broken)
        with pytest.raises(Cut):
            nights.run()
    nights.run()
    assert extents["fact_mark"] == "all", "what the run before had found to be moved went with it"
    assert nights.found() == nights.expected()


def test_whose_a_record_was_is_known_after_a_run_that_failed(
    tmp_path: Path, extents: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = Nights(tmp_path)
    nights.run()
    nights.rows["record"][8] = (9, 15, "a")  # and not person 9's
    with monkeypatch.context() as patched:
        patched.setattr(Making, "make", _broken)
        with pytest.raises(Cut):
            nights.run()
    nights.run()
    assert extents["families"] == "people"
    assert {row[1]: row[2] for row in nights.found()["families"]}.get(15) == 2
    assert nights.found() == nights.expected()


def test_tables_of_another_design_are_made_as_a_whole(tmp_path: Path, extents: dict[str, str]) -> None:
    """There and back: a column more in dim_record, which totals reads; a column more and one less in totals."""
    nights = Nights(tmp_path)
    nights.run()
    for kind in reversed(KINDS):
        nights.kind = kind
        extents.clear()
        nights.run()
        assert (extents["dim_record"], extents["totals"], "fact_mark" in extents) == ("all", "all", False)
        assert nights.found() == nights.expected()


class Cut(Exception):
    """What ends a run that is cut off, and nothing else does."""


def _broken(*_: Any) -> None:
    raise Cut


def test_a_small_table_is_made_as_a_whole(tmp_path: Path, extents: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "FEW_ROWS", 60)
    nights = Nights(tmp_path)
    nights.run()
    nights.rows["mark"].append((900, 3, 1, "2023-01-01", 9))
    nights.as_of += dt.timedelta(days=1)
    notes = {table.name: table.note for table in nights.run().tables}
    assert (extents["fact_mark"], extents["totals"]) == ("people", "all"), "72 rows and 24"
    assert (notes["totals"], notes["ranked"]) == ("fact_mark changed; few rows", "totals changed"), "whatever the day"
    assert nights.found() == nights.expected()


@pytest.mark.postgres
def test_what_was_said_of_all_goes_back_with_the_version(tmp_path: Path, postgres_url: str) -> None:
    """In PostgreSQL the next run goes on from silver and gold of the version that readers were brought back to."""
    _emptied(postgres_url)
    nights = Nights(tmp_path, postgres_url)
    nights.run()
    nights.rows["mark"].append((900, 3, 1, "2023-01-01", 1000))
    nights.run()
    assert {row[-1] for row in nights.found()["compared"]} == {1000 + _sum_of(nights, 3, 900)}
    padm.rollback(config=nights.config(), warehouse=postgres_url)
    assert 1000 + _sum_of(nights, 3, 900) not in {row[-1] for row in nights.found()["compared"]}
    nights.run()
    assert nights.found() == nights.expected()


def _sum_of(nights: Nights, record: int, without: int) -> int:
    return sum(row[4] for row in nights.rows["mark"] if row[1] == record and row[0] != without)


def test_a_person_brings_all_records_along(tmp_path: Path, extents: dict[str, str]) -> None:
    nights = Nights(tmp_path)
    nights.rows["record"][10] = (11, 3, "b")  # person 3 has two records
    nights.run()
    nights.rows["survey"][2] = (3, "2024-01-01", "changed")
    nights.run()
    assert extents["totals"] == "people"
    answers = {row[1]: row[-1] for row in nights.found()["totals"]}
    assert (answers[3], answers[11]) == ("changed", "changed")
    assert nights.found() == nights.expected()


def test_a_night_restates_and_checks_the_same_made_in_part_or_as_a_whole(
    tmp_path: Path, extents: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "whole").mkdir()
    part, whole = Nights(tmp_path / "part"), Nights(tmp_path / "whole")
    part.rows["mark"] = whole.rows["mark"] = [
        (1, 1, 0, "2021-05-15", 9), (2, 1, 0, "2022-05-15", 5), (3, 2, 1, "2021-06-15", 7), (4, 2, 1, "2023-06-15", 8),
        *((n, n, 2, "2022-01-15", 6) for n in range(5, 20)),
    ]  # fmt: skip
    told = []
    for come, gone in (
        ([], 0),
        ([(90, 1, 0, "2021-07-01", 4)], 0),  # arrives late, and moves 2022, too
        ([(2, 1, 0, "2022-05-15", 6), (91, 2, 1, "2022-02-01", 1)], 3),  # a correction, a year that was not there, a year gone
    ):
        for each, few in ((part, 0), (whole, 10**9)):
            there = {row[0]: row for row in (*each.rows["mark"], *come) if row[0] != gone}
            each.rows["mark"] = list(there.values())
            monkeypatch.setattr(renewal, "FEW_ROWS", few)
            report = each.run()
            assert extents["years"] == ("people" if come and not few else "all")
            told.append((_restated(each, report), _checked(report)))
    assert told[0::2] == told[1::2]
    late, then = told[2][0], told[4][0]
    assert late == [("changed", "late", 2, {"so_far": 2, "before": 1, "total": 1}, [(1, 2021), (1, 2022)])]
    assert then == [
        ("added", "late+deleted", 1, {}, [(2, 2022)]),
        ("changed", "corrected", 1, {"so_far": 1, "total": 1}, [(1, 2022)]),
        ("changed", "late+deleted", 1, {"so_far": 1, "before": 1}, [(2, 2023)]),
        ("removed", "late+deleted", 1, {}, [(2, 2021)]),
    ]


def _restated(nights: Nights, report: RunReport) -> list[tuple[Any, ...]]:
    """Kind, cause, rows, columns and keys of what was restated of the years."""
    listed = padm.restated("years", config=nights.config()).listed
    return [
        (one.kind, one.cause, one.rows, dict(one.columns),
         sorted((r.key["record_id"], r.key["anio_academico"]) for r in listed if (r.kind, r.cause) == (one.kind, one.cause)))
        for one in sorted(report.restated, key=lambda one: (one.kind, one.cause))
    ]  # fmt: skip


def _checked(report: RunReport) -> list[tuple[Any, ...]]:
    return sorted((c.table, c.rule, c.verdict, c.failed) for c in report.checks)


# --- any sequence ---------------------------------------------------------------------------------------------

Step = Callable[[Nights, random.Random], None]


def _mark(nights: Nights, draw: random.Random) -> None:
    rows = nights.rows["mark"]
    near = nights.as_of + dt.timedelta(days=draw.choice([-400, -40, -1, 0, 1, 2, 30]))
    record = draw.choice([99, None, None]) if draw.random() < 0.15 else draw.randint(1, RECORDS)
    values = (record, draw.randrange(4), draw.choice([near, None]) if draw.random() < 0.2 else near, draw.randint(1, 10))
    if draw.random() < 0.4 or not rows:
        rows.append((nights.number(), *values))
    else:
        place = draw.randrange(len(rows))
        rows[place] = (rows[place][0], *values)


def _fewer(nights: Nights, draw: random.Random) -> None:
    rows = nights.rows[draw.choice(["mark", "mark", "record", "person", "survey"])]
    if rows:
        rows.pop(draw.randrange(len(rows)))


def _record(nights: Nights, draw: random.Random) -> None:
    rows, person = nights.rows["record"], draw.choice([*range(1, RECORDS + 3), None])
    if draw.random() < 0.3 or not rows:
        rows.append((nights.number(), person, draw.choice("abcd")))
    else:
        place = draw.randrange(len(rows))
        rows[place] = (rows[place][0], person, draw.choice("abcd"))


def _survey(nights: Nights, draw: random.Random) -> None:
    day = nights.as_of + dt.timedelta(days=draw.choice([-300, -1, 0, 1, 10]))
    person = draw.randint(1, RECORDS + 2)
    kept = [row for row in nights.rows["survey"] if (row[0], str(row[1])) != (person, str(day))]
    nights.rows["survey"] = [*kept, (person, day, draw.choice(["yes", "no", None]))]


def _person(nights: Nights, draw: random.Random) -> None:
    rows, born = nights.rows["person"], dt.date(draw.randint(1990, 2010), 1, 1)
    if draw.random() < 0.3 or not rows:
        rows.append((nights.number(), born))
    else:
        place = draw.randrange(len(rows))
        rows[place] = (rows[place][0], born)


def _subject(nights: Nights, draw: random.Random) -> None:
    rows = nights.rows["subject"]
    place = draw.randrange(len(rows))
    rows[place] = (rows[place][0], f"s{draw.randrange(100)}")


def _later(nights: Nights, draw: random.Random) -> None:
    nights.as_of += dt.timedelta(days=draw.choice([1, 1, 1, 2, 20, 300, -1, -20]))


def _configured(nights: Nights, draw: random.Random) -> None:
    nights.more = f"[pipeline]\nacademic_year_start_month = {draw.choice([3, 8])}\n"


def _programmed(nights: Nights, draw: random.Random) -> None:
    nights.kind = draw.choice(KINDS)


CHANGES: dict[str, Step] = {
    "mark": _mark, "fewer": _fewer, "record": _record, "survey": _survey, "person": _person, "subject": _subject, "later": _later,
    "configured": _configured, "programmed": _programmed,
}  # fmt: skip
FAILS = "fails"
HALVES = (0, 1)
"""Of the campaign, which takes hours; `--dist=load` gives each a process."""
OFTEN = [*["mark"] * 5, *["later"] * 3, "record", "survey", "person", "fewer", "subject", "configured", "programmed", FAILS]


@st.composite
def sequences(draw: st.DrawFn, nights: int) -> list[list[str]]:
    """The kinds of changes before each run; few at a time, so that most people stay as they are."""
    night = st.lists(st.sampled_from(OFTEN), min_size=1, max_size=4)
    return draw(st.lists(night, min_size=1, max_size=nights))


def follow(nights: Nights, sequence: list[list[str]], number: int) -> Iterator[str]:
    """Run after each night's changes; yield what differs from tables that are made as a whole."""
    draw = random.Random(number)
    nights.run()
    for kinds in sequence:
        for kind in kinds:
            if kind != FAILS:
                CHANGES[kind](nights, draw)
        if FAILS in kinds:
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(Making, "make", _broken)
                with suppress(Cut):  # a night without anything to make ends well
                    nights.run()
        nights.run()
        found, expected = nights.found(), nights.expected()
        yield from (f"after {kinds}: {name}" for name in found if found[name] != expected[name])


@contextmanager
def _knowing(written: Path, nights: Nights) -> Iterator[Nights]:
    """Lend a new warehouse what earlier ones wrote of the same code, statements above all, and take it back."""
    state = load_config(nights.config()).state
    state.mkdir(mode=0o700)
    for file in written.iterdir():
        shutil.copy(file, state)
    yield nights
    for pattern in ("statements-*", "tables-*", "people_school*"):
        for file in state.glob(pattern):
            shutil.copy(file, written)
    shutil.rmtree(nights.folder)


def _emptied(url: str) -> None:
    """Leave no warehouse in a database."""
    with psycopg.connect(url, autocommit=True) as con:
        for (name,) in con.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information|public)'").fetchall():
            con.execute(f'DROP SCHEMA "{name}" CASCADE')  # type: ignore[arg-type]


def _law(request: pytest.FixtureRequest, half: int, few: int, many: int, check: Callable[[list[list[str]], int], None]) -> None:
    campaign = request.config.getoption("--campaign")
    nights = 6 if campaign else 3
    bounded = settings(
        max_examples=many if campaign else few, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    seed(17 + half)(bounded(given(sequences(nights), st.integers(0, 10**6))(check)))()


@pytest.mark.parametrize("half", HALVES)
def test_any_sequence_leaves_what_a_whole_build_makes(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, half: int
) -> None:
    written = tmp_path_factory.mktemp("written")

    def check(sequence: list[list[str]], number: int) -> None:
        with _knowing(written, Nights(tmp_path_factory.mktemp("nights"))) as nights:
            assert list(follow(nights, sequence, number)) == []

    _law(request, half, 2, 1_000, check)


@pytest.mark.postgres
@pytest.mark.parametrize("half", HALVES)
def test_any_sequence_leaves_the_same_in_postgres(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, request: pytest.FixtureRequest, half: int
) -> None:
    written = tmp_path_factory.mktemp("written")

    def check(sequence: list[list[str]], number: int) -> None:
        _emptied(postgres_url)
        with _knowing(written, Nights(tmp_path_factory.mktemp("nights"), postgres_url)) as nights:
            assert list(follow(nights, sequence, number)) == []

    _law(request, half, 1, 150, check)

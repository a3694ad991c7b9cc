"""Whatever is inserted, changed, deleted and failed in between: after a run bronze holds what the rules say, and no more."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest_extract import Bronze, Campus
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from padm_ibis.backends.duckdb import DuckDBStore
from padm_ibis.extract import Extraction, extract

pytestmark = pytest.mark.postgres
LOOKBACK = 30
START = dt.datetime(1900, 1, 1)
NOW = dt.datetime(2026, 1, 1)
instants = st.none() | st.datetimes(dt.datetime(2023, 1, 1), dt.datetime(2025, 6, 30)) | st.just(dt.datetime(2202, 1, 1))
ids = st.integers(1, 12)
marks = st.sampled_from(["4", "7,5", None, "Ausente"])
names = st.sampled_from(["north", "south"])

Row = tuple[Any, ...]


class Sources(RuleBasedStateMachine):
    """Two campuses, a model of what bronze must hold, and the real thing."""

    both: Bronze
    campuses: dict[str, Campus]

    @initialize()
    def begin(self) -> None:
        self.con = duckdb.connect()
        self.store = DuckDBStore(self.con)
        self.rows: dict[str, dict[int, Row]] = {name: {} for name in self.campuses}
        self.people: dict[str, dict[int, str]] = {name: {} for name in self.campuses}
        self.held: dict[str, dict[int, Row]] = {name: {} for name in self.campuses}
        self.held_people: dict[str, dict[int, str]] = {name: {} for name in self.campuses}
        self.watermark: dict[str, dt.datetime | None] = dict.fromkeys(self.campuses)
        self.runs = itertools.count(1)
        for campus in self.campuses.values():
            campus.sql("TRUNCATE marks; TRUNCATE people")

    @rule(name=names, id=ids, at=instants, mark=marks)
    def write_mark(self, name: str, id: int, at: dt.datetime | None, mark: str | None) -> None:
        self.rows[name][id] = (id, at, mark)
        self.campuses[name].sql(
            "INSERT INTO marks (id, student, at, mark) VALUES (%s, 1, %s, %s)"
            " ON CONFLICT (id) DO UPDATE SET at = excluded.at, mark = excluded.mark",
            [id, at, mark],
        )

    @rule(name=names, id=ids)
    def delete_mark(self, name: str, id: int) -> None:
        self.rows[name].pop(id, None)
        self.campuses[name].sql("DELETE FROM marks WHERE id = %s", [id])

    @rule(name=names, id=ids, text=st.sampled_from(["Ana", "Bea", "Ñandú 👩🏽‍🎓"]))
    def write_person(self, name: str, id: int, text: str) -> None:
        self.people[name][id] = text
        self.campuses[name].sql(
            "INSERT INTO people (person, name) VALUES (%s, %s) ON CONFLICT (person) DO UPDATE SET name = excluded.name",
            [id, text],
        )

    @rule(name=names, id=ids)
    def delete_person(self, name: str, id: int) -> None:
        self.people[name].pop(id, None)
        self.campuses[name].sql("DELETE FROM people WHERE person = %s", [id])

    @rule(refresh=st.sampled_from([False, False, ["marks"], True]), lost=st.sampled_from([None, None, "north", "south"]))
    def run(self, refresh: Any, lost: str | None) -> None:
        self.both.urls = {lost: "postgres://nobody@127.0.0.1:1/x"} if lost else {}
        found = self._load(refresh)
        assert [f.source_db for f in found.failures] == ([lost] if lost else [])
        for name in self.campuses:
            if name != lost:
                self._expect(name, refresh is not False)

    @rule(name=names)
    def run_that_dies_half_way(self, name: str) -> None:
        """The connection of one source is cut after its first resource."""
        self.both.urls = {}

        def on_progress(source: str, resource: str, rows: int) -> None:
            if source == name and resource == "marks":
                self.campuses[name].sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'padm-ibis' AND datname = current_database()"
                )

        found = self._load(False, on_progress)
        assert [f.source_db for f in found.failures] == [name]
        for other in self.campuses:
            if other != name:
                self._expect(other, False)

    @precondition(lambda self: hasattr(self, "con"))
    @invariant()
    def bronze_is_as_expected(self) -> None:
        if not self.con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'marks'").fetchall():
            return
        for name in self.campuses:
            found = self._rows(f"SELECT id, marks.at, mark FROM bronze.marks WHERE source_db = '{name}' ORDER BY id")
            assert found == sorted(self.held[name].values())
            people = self._rows(f"SELECT person, name FROM bronze.people WHERE source_db = '{name}' ORDER BY person")
            assert people == sorted(self.held_people[name].items())

    def teardown(self) -> None:
        if hasattr(self, "con"):
            self.both.urls = {}
            self._load(True)
            for name in self.campuses:
                found = self._rows(f"SELECT id, marks.at, mark FROM bronze.marks WHERE source_db = '{name}' ORDER BY id")
                assert found == sorted(self.rows[name].values()), "after a full refresh bronze equals the source"
            assert not [c for c in self._load(False, reconcile=True).checks if "reconcile" in c.rule and "surplus" not in c.rule]
            self.con.close()

    def _rows(self, statement: str) -> list[Row]:
        return self.con.execute(statement).fetchall()

    def _load(self, refresh: Any, on_progress: Any = None, **more: Any) -> Extraction:
        config = self.both.config()
        chosen = ["marks", "people"]
        run_id = f"run{next(self.runs)}"
        return extract(self.store, config, run_id, full_refresh=refresh, resources=chosen, on_progress=on_progress, **more)

    def _expect(self, name: str, refresh: bool) -> None:
        """The rules of §3.2, said once more in Python."""
        self.held_people[name] = dict(self.people[name])
        source, held, mark = self.rows[name], self.held[name], self.watermark[name]
        if refresh:
            self.held[name], mark = dict(source), None
        else:
            first = mark is None or not held
            since = START if first else mark - dt.timedelta(days=LOOKBACK, hours=2)  # type: ignore[operator]
            arrived = {id: row for id, row in source.items() if row[1] is None or row[1] >= since}
            self.held[name] = arrived if first else {**held, **arrived}
            mark = None if first else mark
        past = [row[1] for row in self.held[name].values() if row[1] is not None and row[1] < NOW and row == source.get(row[0])]
        self.watermark[name] = max([m for m in (mark, *past) if m is not None], default=None)


@pytest.fixture
def sources(both: Bronze, campus: Campus, other: Campus) -> type[Sources]:
    both.options[""] = f"lookback_days = {LOOKBACK}"
    return type("BoundSources", (Sources,), {"both": both, "campuses": {c.name: c for c in (campus, other)}})


def test_any_sequence_of_changes_failures_and_runs(
    sources: type[Sources], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    long = request.config.getoption("--campaign")
    run_state_machine_as_test(
        sources,
        settings=settings(
            max_examples=400 if long else 8,
            stateful_step_count=30 if long else 12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate, Phase.shrink] if long else [Phase.explicit, Phase.generate],
        ),
    )

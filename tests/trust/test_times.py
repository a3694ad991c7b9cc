"""What a bronze column speaks of: declared beside its resource, checked at definition, shown, and changed by the audit."""

from __future__ import annotations

import datetime

import ibis
import ibis.expr.types as ir
import pytest

from padm_ibis.audit.current import other_values
from padm_ibis.bronze import BRONZE
from padm_ibis.commands.show import describe
from padm_ibis.define import contract as contracts
from padm_ibis.define.contract import BronzeContract, column, dt
from padm_ibis.define.graph import build
from padm_ibis.define.model import Resource, model_of, resource
from padm_ibis.define.source_table import SourceTable
from padm_ibis.definitions import collect
from padm_ibis.errors import DefinitionError
from padm_ibis.params import Params

PARAMS = Params(as_of=datetime.date(2025, 2, 28))
NOW = {
    "students": {"legajo", "regular", "calidad"},
    "personas": {"documento_hash", "usuario_hash", "email_hash"},
    "course_inscriptions": {"estado_inscripcion"},
    "exam_inscriptions": {"estado_inscripcion"},
}
"""Whatever else a resource without dates has is constant; whatever else one with dates has is of its row's date."""


def resources() -> list[Resource]:
    return [record for function in BRONZE if isinstance(record := model_of(function), Resource)]


@pytest.mark.parametrize("record", resources(), ids=lambda r: r.name)
def test_what_is_now_is_what_the_contract_does_not_call_constant(record: Resource) -> None:
    names = [c.name for c in contracts.all_columns(record.contract)]
    now = {name for name in names if record.time_of(name) == "now"}
    assert now == NOW.get(record.name, set()) | {"_extracted_at", "_run_id"}
    if record.known_at is None:  # nothing of it is left to the default
        assert {*record.constant, *record.now, *record.grain, "_extracted_at", "_run_id"} == {*names}


def test_show_tells_which_is_which() -> None:
    graph = collect()
    described = {c.name: c.time for c in describe(graph, graph["students"], PARAMS).columns}
    assert (described["calidad"], described["modalidad"], described["alumno"]) == ("now", "constant", "constant")
    dated = {c.name: c.time for c in describe(graph, graph["course_inscriptions"], PARAMS).columns}
    assert (dated["comision"], dated["estado_inscripcion"]) == ("dated", "now")
    assert {c.time for c in describe(graph, graph["dim_student"], PARAMS).columns} == {None}


class Tutors(BronzeContract):
    """Tutors, of whom the source keeps no dates."""

    class Config:
        unique = ("source_db", "tutor")

    source_db: dt.String = column("Source.", role="key")
    tutor: dt.Int64 = column("Tutor.", role="key")
    nombre: dt.String = column("Name.", nullable=True)
    cargo: dt.String = column("Post.", nullable=True)
    desde: dt.Date = column("Since when.", nullable=True)
    extracted_at: dt.Timestamp = column("Read.", role="metadata", alias="_extracted_at")
    run_id: dt.String = column("Run.", role="metadata", alias="_run_id")


SOURCE = {
    "t": SourceTable("t", {"tutor": dt.int64, "nombre": dt.string, "cargo": dt.string, "desde": dt.date}, frozenset({"tutor"}))
}


def tutors(t: ir.Table) -> ir.Table:
    """Tutors, one row per tutor."""
    return t.select("tutor", "nombre", "cargo", "desde")


def declared(**said: object) -> Resource:
    graph = build([resource(Tutors, load="full", **said)(tutors)], SOURCE)
    record = graph["tutors"]
    assert isinstance(record, Resource)
    return record


def test_a_column_that_nobody_declares_is_now() -> None:
    record = declared(constant=["nombre"])
    assert [record.time_of(name) for name in ("tutor", "nombre", "cargo", "desde")] == ["constant", "constant", "now", "now"]
    dated = declared(known_at="desde", now=["cargo"])
    assert [dated.time_of(name) for name in ("tutor", "nombre", "cargo", "desde")] == ["constant", "dated", "now", "dated"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"constant": ["nombr"]}, "constant names 'nombr', which is no column of Tutors. Did you mean 'nombre'?"),
        ({"now": ["puesto"]}, "now names 'puesto'"),
        ({"known_at": "fecha"}, "known_at names 'fecha'"),
        ({"constant": ["cargo"], "now": ["cargo"]}, "'cargo' is both constant and now"),
        ({"since": "desde"}, "since='desde' dates rows by a column that is now. Name it in constant, too."),
        ({"since": "desde", "constant": ["desde"], "known_at": "desde"}, "known_at dates its rows, and since too"),
    ],
)
def test_a_mistake_in_it_is_told_at_definition(said: dict[str, object], told: str) -> None:
    with pytest.raises(DefinitionError, match=r"test_times\.py") as raised:
        declared(**said)
    assert told in raised.value.message


# --- the change ----------------------------------------------------------------------------------------------------


def changed(values: list[str | None]) -> list[str | None]:
    kinds = {"source_db": "string", "tutor": "int64", "cargo": "string"}
    given = {"source_db": ["s"] * len(values), "tutor": [*range(len(values))], "cargo": values}
    rows = ibis.memtable(given, schema=ibis.schema(kinds))
    found = other_values(declared(), rows, ["cargo"])
    assert found.schema() == rows.schema()
    return found.order_by("tutor").cargo.to_pyarrow().to_pylist()


def test_two_rows_of_three_get_the_next_value_and_the_ends_meet_in_null() -> None:
    # Rows 0, 3, 6 keep theirs. A is followed by B, B (the greatest) by null, null by A.
    assert changed(["A", "A", "B", "A", None, "B", "B", None, "A"]) == ["A", "B", None, "A", "A", None, "B", "A", "B"]


def test_one_value_alone_becomes_null_and_nothing_stays_nothing() -> None:
    assert changed(["A", "A", "A"]) == ["A", None, None]
    assert changed([None, None]) == [None, None]

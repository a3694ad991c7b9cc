from __future__ import annotations

import datetime

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pytest
import small_school as school

from padm_ibis.define.contract import GoldContract, SilverContract, column
from padm_ibis.define.dag import Dag
from padm_ibis.define.graph import Graph, build, differences
from padm_ibis.define.model import model
from padm_ibis.definitions import collect
from padm_ibis.errors import ConfigError, DefinitionError, SchemaMismatch, UnknownName
from padm_ibis.params import Params

PARAMS = Params(as_of=datetime.date(2024, 12, 31))
SCHOOL = [school.mart_pupil, school.fact_mark, school.dim_pupil, school.marks, school.pupils]


@pytest.fixture
def graph() -> Graph:
    return build(SCHOOL, school.TABLES)


class DimRoom(SilverContract):
    """Rooms."""

    class Config:
        unique = ("room_id",)

    room_id: dt.Int64 = column("Room.", role="key")
    name: dt.String = column("Name.")
    places: dt.Int64 = column("Places.")


class DimFloor(SilverContract):
    """Floors."""

    class Config:
        unique = ("floor_id",)

    floor_id: dt.Int64 = column("Floor.", role="key")


class MartRoom(GoldContract):
    """Rooms, again."""

    class Config:
        unique = ("room_id",)

    room_id: dt.Int64 = column("Room.", role="key")


def test_tables_come_after_all_that_they_read_whatever_the_order_given(graph: Graph) -> None:
    assert graph.names == ("marks", "pupils", "fact_mark", "dim_pupil", "mart_pupil")


def test_a_mistyped_parameter_names_file_line_and_the_nearest_table() -> None:
    @model(MartRoom)
    def mart_room(
        dim_pupil: ir.Table,
        fact_marks: ir.Table,
    ) -> ir.Table:
        """Rooms, one row per room_id."""
        return dim_pupil

    with pytest.raises(DefinitionError) as caught:
        build([*SCHOOL, mart_room], school.TABLES)
    line = mart_room.__code__.co_firstlineno + 3
    assert f"test_graph.py:{line}: mart_room reads 'fact_marks', but there is no table of that name." in str(caught.value)
    assert "Did you mean 'fact_mark'" in str(caught.value)


def test_a_circle_names_each_table_in_it_with_file_and_line() -> None:
    @model(DimRoom)
    def dim_room(dim_floor: ir.Table) -> ir.Table:
        """Rooms, one row per room_id."""
        return dim_floor

    @model(DimFloor)
    def dim_floor(dim_room: ir.Table) -> ir.Table:
        """Floors, one row per floor_id."""
        return dim_room

    with pytest.raises(DefinitionError, match="read each other in a circle") as caught:
        build([dim_room, dim_floor])
    assert f"test_graph.py:{dim_room.__code__.co_firstlineno}: dim_room reads dim_floor" in str(caught.value)
    assert f"test_graph.py:{dim_floor.__code__.co_firstlineno}: dim_floor reads dim_room" in str(caught.value)


@pytest.mark.parametrize(("contract", "name"), [(MartRoom, "mart_room"), (DimRoom, "dim_room")])
def test_a_layer_reads_only_what_it_may(contract: type, name: str) -> None:
    other = "marks" if name == "mart_room" else "mart_pupil"
    namespace: dict[str, object] = {}
    exec(f"def {name}({other}):\n    'Rooms, one row per room_id.'\n    return {other}", namespace)
    function = model(contract)(namespace[name])  # type: ignore[type-var]
    allowed = "silver and gold" if name == "mart_room" else "bronze and silver"
    layer = "bronze" if other == "marks" else "gold"
    with pytest.raises(DefinitionError, match=f"reads '{other}', which is {layer}; .* reads {allowed} only"):
        build([*SCHOOL, function], school.TABLES)


def test_two_tables_of_one_name_are_refused() -> None:
    @model(school.DimPupil)
    def dim_pupil(pupils: ir.Table) -> ir.Table:
        """Pupils, one row per pupil_id."""
        return pupils

    with pytest.raises(DefinitionError, match=r"there is a table 'dim_pupil' already, at .*small_school\.py"):
        build([*SCHOOL, dim_pupil], school.TABLES)


def test_a_resource_that_reads_an_unknown_source_table_is_refused() -> None:
    with pytest.raises(DefinitionError, match="marks reads 'mark', but there is no source table of that name"):
        build([school.marks], {})


def test_all_mistakes_are_collected_before_raising() -> None:
    with pytest.raises(DefinitionError) as caught:
        build([school.mart_pupil, school.marks], {})
    assert len(str(caught.value).splitlines()) == 3


# --- schemas -----------------------------------------------------------------------------------------


def test_a_schema_is_compared_without_data_and_every_difference_is_listed() -> None:
    @model(DimRoom)
    def dim_room(pupils: ir.Table) -> ir.Table:
        """Rooms, one row per room_id."""
        return pupils.select(room_id="pupil", nmae="name", places="name")

    graph = build([*SCHOOL, dim_room], school.TABLES)
    with pytest.raises(SchemaMismatch) as caught:
        graph.check_schemas(graph, PARAMS)
    message = str(caught.value)
    where = f"test_graph.py:{dim_room.__code__.co_firstlineno}: dim_room:"
    assert f"{where} the column 'name' of its contract is missing. Did you mean 'nmae'?" in message
    assert f"{where} the column 'nmae' is not in its contract." in message
    assert f"{where} the column 'places' is string, its contract says int64." in message


def test_order_of_columns_counts() -> None:
    wanted = ibis.schema({"a": "int64", "b": "int64"})
    assert differences(ibis.schema({"b": "int64", "a": "int64"}), wanted) == [
        "its columns are not in the contract's order: 'b' stands where 'a' should."
    ]


def test_nullability_and_digits_of_a_second_do_not_count() -> None:
    found = ibis.schema({"a": dt.Int64(nullable=False), "t": dt.Timestamp(scale=6)})
    assert differences(found, ibis.schema({"a": "int64", "t": "timestamp"})) == []
    zoned = ibis.schema({"a": "int64", "t": dt.Timestamp(timezone="UTC")})
    assert len(differences(zoned, ibis.schema({"a": "int64", "t": "timestamp"}))) == 1


def test_bronze_leaves_three_columns_to_the_loader(graph: Graph) -> None:
    assert list(graph.check_schemas([graph["pupils"]], PARAMS)["pupils"].columns) == ["pupil", "name"]


def test_a_model_that_cannot_be_written_down_names_file_and_line() -> None:
    @model(DimRoom)
    def dim_room(pupils: ir.Table) -> ir.Table:
        """Rooms, one row per room_id."""
        return pupils.select(room_id=pupils.nowhere)

    graph = build([*SCHOOL, dim_room], school.TABLES)
    with pytest.raises(
        DefinitionError, match=r"test_graph\.py:\d+: dim_room cannot be written as an expression: there is no column 'nowhere'"
    ):
        graph.check_schemas(graph, PARAMS)


# --- selection ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "names", "only", "chosen"),
    [
        (None, (), False, ["marks", "pupils", "fact_mark", "dim_pupil", "mart_pupil"]),
        ("silver", (), False, ["marks", "pupils", "fact_mark", "dim_pupil"]),
        ("silver", (), True, ["fact_mark", "dim_pupil"]),
        (None, ("dim_pupil",), False, ["pupils", "dim_pupil"]),
        (None, ("silver.dim_pupil",), True, ["dim_pupil"]),
        (None, ("*_pupil",), True, ["dim_pupil", "mart_pupil"]),
        ("silver", ("mart_pupil",), False, ["marks", "pupils", "fact_mark", "dim_pupil"]),
        ("gold", ("mart_pupil",), True, ["mart_pupil"]),
    ],
)
def test_selection_takes_what_is_read_too(
    graph: Graph, layer: str, names: tuple[str, ...], only: bool, chosen: list[str]
) -> None:
    assert [m.name for m in graph.select(layer, names, only=only)] == chosen


def test_an_unknown_table_is_named_with_the_nearest(graph: Graph) -> None:
    with pytest.raises(UnknownName, match=r"no table named 'mart_pupils'.*\n\n.*'mart_pupil'"):
        graph.select(names=["mart_pupils"])
    with pytest.raises(UnknownName, match=r"'silver\.dim_pupil'"):
        graph.select(names=["gold.dim_pupil"])
    with pytest.raises(UnknownName, match="table like"):
        graph.select(names=["mart_x*"])
    with pytest.raises(UnknownName, match="'silver'"):
        graph.select(layer="sliver")


def test_downstream_is_all_that_reads_a_table(graph: Graph) -> None:
    assert graph.dag.downstream(["marks"]) == {"marks", "fact_mark", "mart_pupil"}


def test_names_survive_being_written_down(graph: Graph) -> None:
    assert Dag.loads(graph.dag.dumps()) == graph.dag


def test_a_users_module_joins_the_graph_with_its_code() -> None:
    graph = collect(["small_school"])
    assert graph.dag["mart_pupil"].module == "small_school"
    assert graph.dag["dim_student"].module == ""
    assert "sga_alumnos" in graph.sources
    assert "mark" in graph.sources
    assert "dim_student" not in collect(["small_school"], kinds=()).models


def test_a_missing_module_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match=r"models\.modules: there is no module 'small_scool'"):
        collect(["small_scool"])


def test_every_foreign_key_of_the_package_points_to_a_column_that_exists() -> None:
    from padm_ibis.define import contract as contracts

    graph = collect()
    pointers = [(f"{m.name}.{c.name}", c.fk) for m in graph for c in contracts.all_columns(m.contract) if c.fk]
    columns = {f"{m.name}.{c.name}" for m in graph for c in contracts.all_columns(m.contract)}
    assert pointers
    assert [pair for pair in pointers if pair[1] not in columns] == []

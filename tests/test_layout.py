"""The walls of the house: one word names a table, its file, its function, its contract and its tests."""

from __future__ import annotations

import ast
import dataclasses
import datetime
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pytest

from padm_ibis import bronze_lms
from padm_ibis.bronze import BRONZE
from padm_ibis.checks import contract_of
from padm_ibis.checks import contracts as all_contracts
from padm_ibis.define import contract as contracts
from padm_ibis.define.compile import DIALECTS, sql
from padm_ibis.define.contract import Contract
from padm_ibis.define.graph import READS, Graph
from padm_ibis.define.model import Model, camel, model_of
from padm_ibis.definitions import collect
from padm_ibis.gold import GOLD
from padm_ibis.params import Params
from padm_ibis.silver import LMS, SILVER

Function = Callable[..., ir.Table]
ROOT = Path(__file__).parent.parent
FLOOR_PLAN: dict[str, tuple[Function, ...]] = {"silver": (*SILVER, *LMS), "gold": GOLD}
MODELS = [model_of(function) for function in (*SILVER, *LMS, *GOLD)]
TABLES = [model_of(function) for function in (*BRONZE, *bronze_lms.BRONZE, *SILVER, *LMS, *GOLD)]
PARAMS = Params(as_of=datetime.date(2025, 2, 28))
EVERYTHING = dataclasses.replace(PARAMS, include_sensitive=True)
NEVER_IN_A_MODEL = {"io", "os", "pathlib", "random", "socket", "subprocess", "sys", "time", "uuid"}
CLOCK = {"now", "today", "utcnow"}

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
each_table = pytest.mark.parametrize("model", TABLES, ids=lambda m: m.name)
each_contract = pytest.mark.parametrize("contract", all_contracts().values(), ids=lambda c: c.__name__)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return collect(kinds=("guarani", "moodle"))


def files_of(layer: str) -> set[str]:
    return {path.stem for path in (ROOT / "padm_ibis" / layer).glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("layer", FLOOR_PLAN)
def test_the_tuple_of_a_layer_is_its_files(layer: str) -> None:
    names = [function.__name__ for function in FLOOR_PLAN[layer]]
    assert len(names) == len(set(names))
    assert set(names) == files_of(layer)


@each_model
def test_a_model_stands_in_the_file_of_its_name(model: Model) -> None:
    assert Path(model.path).relative_to(ROOT) == Path("padm_ibis", model.layer, f"{model.name}.py")


@each_table
def test_a_contract_is_the_models_name_in_camel_case(model: Model) -> None:
    assert model.contract.__name__ == camel(model.name)
    assert contract_of(model.name) is model.contract


def test_no_contract_is_without_its_table() -> None:
    assert {m.contract for m in TABLES} == set(all_contracts().values())


@each_model
def test_a_model_has_a_test_file_of_its_name_with_tests(model: Model) -> None:
    path = ROOT / "tests" / model.layer / f"test_{model.name}.py"
    assert path.exists(), f"{model.name} has no tests/{model.layer}/test_{model.name}.py"
    assert model.name in path.read_text(encoding="utf-8")
    assert "\ndef test_" in path.read_text(encoding="utf-8")


# --- what a model may know -------------------------------------------------------------------------


def imports_of(path: Path) -> Iterator[tuple[str, str | None]]:
    """Every import of a file, functions' own included: module, and name taken from it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (("." * node.level + (node.module or ""), alias.name) for alias in node.names)


def may_import(model: Model, module: str, name: str | None) -> bool:
    top = module.partition(".")[0]
    if top == "ibis" or module in ("padm_ibis.define.model", "padm_ibis.words.terms", "padm_ibis.params"):
        return True
    if module == "padm_ibis.words":
        return name in ("terms", "lms") or (name == "yearly" and model.layer == "gold")
    if module == "padm_ibis.words.yearly":
        return model.layer == "gold"
    if module.startswith("padm_ibis.checks."):
        return name == model.contract.__name__
    return top in sys.stdlib_module_names and top not in NEVER_IN_A_MODEL


@each_model
def test_a_model_imports_ibis_its_contract_and_the_shared_words_only(model: Model) -> None:
    refused = [(module, name) for module, name in imports_of(Path(model.path)) if not may_import(model, module, name)]
    assert not refused, f"{model.name} may not import {refused}"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("pandas", None),
        ("duckdb", None),
        ("os", "environ"),
        ("padm_ibis.define.compile", "sql"),
        ("padm_ibis.silver.dim_student", "_x"),
        ("padm_ibis.words", "yearly"),
        ("padm_ibis.checks.silver", "DimPersona"),
        (".dim_student", "dim_student"),
    ],
)
def test_the_wall_refuses_what_a_model_may_not_import(module: str, name: str) -> None:
    assert not may_import(model_of(next(f for f in SILVER if f.__name__ == "dim_student")), module, name)


@each_table
def test_no_model_reads_a_clock(model: Model) -> None:
    tree = ast.parse(Path(model.path).read_text(encoding="utf-8"))
    assert not {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)} & CLOCK


@each_table
def test_a_model_reads_only_tables_of_the_layers_below_and_its_own(model: Model, graph: Graph) -> None:
    if model.layer == "bronze":
        assert set(model.inputs) <= set(graph.sources)
    else:
        assert {graph[name].layer for name in model.inputs} <= set(READS[model.layer])


@each_table
def test_the_first_line_of_a_docstring_states_the_grain(model: Model) -> None:
    first = (model.function.__doc__ or "").partition("\n")[0]
    assert "one row per " in first.lower(), f"{model.name}: {first!r}"


# --- contracts -------------------------------------------------------------------------------------


@each_contract
def test_keys_are_declared_in_config_and_not_in_a_field(contract: type[Contract]) -> None:
    columns = contract.to_schema().columns
    assert not [name for name, column in columns.items() if column.unique], "pandera ignores Field(unique=True) on Ibis"
    assert set(contracts.key(contract)) <= set(columns)


@each_contract
def test_the_columns_of_the_key_have_the_role_key_and_only_they(contract: type[Contract]) -> None:
    keys = {c.name for c in contracts.all_columns(contract) if c.role == "key"}
    assert keys == set(contracts.key(contract))


@each_contract
def test_every_column_says_what_it_means(contract: type[Contract]) -> None:
    silent = [c.name for c in contracts.all_columns(contract) if not c.description.strip().endswith(".")]
    assert not silent, f"{contract.__name__}: {silent} need a sentence"


@each_contract
def test_a_contract_is_strict_and_ordered_and_says_what_it_holds(contract: type[Contract]) -> None:
    schema = contract.to_schema()
    assert schema.strict is True
    assert schema.ordered is True
    assert contract.__doc__


@each_contract
def test_a_foreign_key_points_to_a_column_that_exists(contract: type[Contract]) -> None:
    for column in contracts.all_columns(contract):
        if column.fk is not None:
            table, _, target = column.fk.partition(".")
            targets = {c.name: c.dtype for c in contracts.all_columns(contract_of(table))}
            assert targets.get(target) == column.dtype, f"{column.name} → {column.fk}"


@each_contract
def test_a_conditional_column_hangs_on_a_parameter_that_exists(contract: type[Contract]) -> None:
    assert {c.when for c in contracts.all_columns(contract)} <= {None, *(f.name for f in dataclasses.fields(Params))}


@each_contract
def test_every_row_that_belongs_to_a_source_says_so(contract: type[Contract]) -> None:
    """The calendar belongs to no source; everything else has source_db, first and in its key, or is a platform's own."""
    if not {"anio_academico", "fecha"} >= set(contracts.key(contract)):
        first = contracts.all_columns(contract)[0].name
        assert first == ("lms_db" if contract.__name__ == "DimLmsCurso" else "source_db")
        assert first in contracts.key(contract)


def test_the_glossary_has_every_word_of_a_name_once_and_no_other() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    entries = [line.partition(":")[0] for line in text.splitlines() if line.startswith("- ")]
    words = [word for entry in entries for word in re.findall(r"`(\w+)`", entry)]
    names = {c.name for contract in all_contracts().values() for c in contracts.all_columns(contract)} | {m.name for m in TABLES}
    used = {word for name in names for word in name.strip("_").split("_")}
    spoken = {"promocion", "equivalencia"}  # values of tipo_evaluacion, in no name
    assert len(words) == len(set(words))
    assert used - set(words) == set()
    assert set(words) - used == spoken


# --- expressions, without any data -----------------------------------------------------------------


@pytest.mark.parametrize("params", [PARAMS, EVERYTHING], ids=["default", "sensitive"])
def test_every_expression_yields_the_columns_of_its_contract_in_order(graph: Graph, params: Params) -> None:
    assert len(graph.check_schemas(graph, params)) == len(TABLES)


@pytest.mark.parametrize("dialect", DIALECTS)
@each_table
def test_every_table_compiles_without_a_connection(model: Model, dialect: str, graph: Graph) -> None:
    assert sql(graph.bind(model, EVERYTHING), dialect).lstrip().upper().startswith(("SELECT", "WITH"))


def test_every_module_postpones_annotations() -> None:
    def lazy(path: Path) -> bool:
        body: list[Any] = ast.parse(path.read_text(encoding="utf-8")).body
        only_a_docstring = all(isinstance(n, ast.Expr) for n in body)
        return only_a_docstring or any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in body)

    assert not [str(p.relative_to(ROOT)) for p in (ROOT / "padm_ibis").rglob("*.py") if not lazy(p)]

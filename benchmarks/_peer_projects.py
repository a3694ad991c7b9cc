"""The same statements as a script of SQL, as a dbt project, and as a SQLMesh project."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from padm_ibis.config import Config
from padm_ibis.define import compile
from padm_ibis.define.contract import columns, key
from padm_ibis.definitions import Definitions

LAYERS = ("silver", "gold")
# dbt's own names of schemas have the target's before them, and it has no test of several columns together.
SCHEMA_MACRO = "{% macro generate_schema_name(custom_schema_name, node) %}{{ custom_schema_name }}{% endmacro %}\n"
KEY_TEST = """{% test unique_together(model, columns) %}
SELECT {{ columns | join(', ') }} FROM {{ model }} GROUP BY ALL HAVING count(*) > 1
{% endtest %}
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A table: the query that makes it, and what its contract says that every tool can test."""

    layer: str
    name: str
    query: str
    not_null: tuple[str, ...]
    key: tuple[str, ...]


def statements(config: Config, as_of: dt.date, select: Sequence[str] = ()) -> tuple[list[str], list[Statement]]:
    """Bronze tables, and those of silver and gold, each after those that it reads; with ``select``, these and what they read."""
    definitions = Definitions(config)
    graph, params = definitions.graph, definitions.params(as_of)
    bronze, found = [], []
    for model in graph.select("gold", select):
        if model.layer in LAYERS:
            not_null = tuple(c.name for c in columns(model.contract, params) if not c.nullable)
            query = compile.sql(graph.bind(model, params), "duckdb")
            found.append(Statement(model.layer, model.name, query, not_null, key(model.contract)))
        else:
            bronze.append(model.name)
    return bronze, found


def sql_script(of: Sequence[Statement]) -> str:
    return "\n\n".join(f'CREATE OR REPLACE TABLE "{s.layer}"."{s.name}" AS\n{s.query};' for s in of) + "\n"


def dbt_project(folder: Path, of: Sequence[Statement], bronze: Mapping[str, Any], file: str, *, threads: int) -> None:
    """Write a project of tables, with not_null and unique tests from the contracts."""
    layers: dict[str, Any] = {layer: {"+schema": layer} for layer in LAYERS}
    models = {"padm": {"+materialized": "table", **layers}}
    output = {"type": "duckdb", "path": file, "threads": threads}
    _write(folder / "dbt_project.yml", {"name": "padm", "profile": "padm", "models": models})
    _write(folder / "profiles.yml", {"padm": {"target": "dev", "outputs": {"dev": output}}})
    tables = [{"name": name} for name in bronze]
    _write(folder / "models" / "bronze.yml", {"sources": [{"name": "bronze", "schema": "bronze", "tables": tables}]})
    _write(folder / "models" / "contracts.yml", {"models": [_tested(statement) for statement in of]})
    _write(folder / "macros" / "generate_schema_name.sql", SCHEMA_MACRO)
    _write(folder / "tests" / "generic" / "unique_together.sql", KEY_TEST)
    for statement in of:
        _write(folder / "models" / statement.layer / f"{statement.name}.sql", referring(statement.query))


def referring(query: str) -> str:
    """The query with dbt's references in place of names."""
    if "{{" in query or "{%" in query or "{#" in query:
        raise ValueError(f"dbt would take a part of this as its own: {query}")
    query = re.sub(r'"bronze"\."(\w+)"', r"{{ source('bronze', '\1') }}", query)
    return re.sub(r'"(?:silver|gold)"\."(\w+)"', r"{{ ref('\1') }}", query)


def _tested(of: Statement) -> dict[str, Any]:
    tests: dict[str, list[Any]] = {column: ["not_null"] for column in of.not_null}
    if len(of.key) == 1:
        tests.setdefault(of.key[0], []).append("unique")
    found: dict[str, Any] = {"name": of.name, "columns": [{"name": name, "data_tests": what} for name, what in tests.items()]}
    if len(of.key) > 1:
        found["data_tests"] = [{"unique_together": {"arguments": {"columns": list(of.key)}}}]
    return found


def sqlmesh_project(
    folder: Path, of: Sequence[Statement], bronze: Mapping[str, Mapping[str, str]], file: str, *, audits: bool
) -> None:
    """Write a project of FULL models that are due every day; with ``audits``, the same tests as dbt's in the same plan."""
    gateway = {"connection": {"type": "duckdb", "database": file}}
    defaults = {"dialect": "duckdb", "start": "2025-01-01"}
    config = {"gateways": {"local": gateway}, "default_gateway": "local", "model_defaults": defaults}
    _write(folder / "config.yaml", {**config, "disable_anonymized_analytics": True})
    # What SQLMesh's create_external_models would write: without, it would not know the columns of bronze.
    external = [{"name": f"bronze.{name}", "columns": dict(kinds)} for name, kinds in bronze.items()]
    _write(folder / "external_models.yaml", external)
    for statement in of:
        head = f"MODEL (name {statement.layer}.{statement.name}, kind FULL, cron '@daily'{_audits(statement) if audits else ''});"
        _write(folder / "models" / statement.layer / f"{statement.name}.sql", f"{head}\n\n{statement.query}\n")


def _audits(of: Statement) -> str:
    not_null = f"not_null(columns := ({', '.join(of.not_null)}))"
    return f", audits ({not_null}, unique_combination_of_columns(columns := ({', '.join(of.key)})))"


def _write(file: Path, content: Any) -> None:
    """Write a text as it is, and anything else as JSON, which is YAML, too."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")

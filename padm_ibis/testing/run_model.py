"""Run one model on a few rows, without a warehouse."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.sql import SQLBackend

from padm_ibis.checks import contract_of
from padm_ibis.define import contract as contracts
from padm_ibis.define.model import PARAMS, Model, camel, model_of
from padm_ibis.errors import UnknownName
from padm_ibis.params import Params

Rows = Sequence[Mapping[str, Any]]
DEFAULT_PARAMS = Params(as_of=datetime.date(2025, 2, 28))


def run_model(
    function: Callable[..., ir.Table],
    inputs: Mapping[str, Rows | pa.Table] | None = None,
    *,
    params: Params = DEFAULT_PARAMS,
    backend: SQLBackend | None = None,
    **overrides: Any,
) -> pa.Table:
    """Run one model on given rows and return what it yields.

    Parameters
    ----------
    function
        A function marked with ``@model`` or ``@resource``.
    inputs
        Table name → rows. A table left out is empty; a column left out is null where its contract allows
        that, else the plainest value that the contract accepts (numbered, for a column of the key). Tables of
        a source have no contract: what is left out is null.
    params
        Run parameters; ``overrides`` replace single ones (``as_of`` may be text: ``"2025-02-28"``).
    backend
        An Ibis connection to run on; by default an in-memory DuckDB.

    Returns
    -------
    pyarrow.Table
        Rows in the contract's column order; the order of rows has no meaning.

    Raises
    ------
    UnknownName
        If ``inputs`` names a table the model does not read, or a row a column its table does not have.

    Examples
    --------
    >>> from padm_ibis.silver import dim_elemento
    >>> run_model(dim_elemento, {"elementos": [{"elemento": 1, "materia_nombre": "Álgebra"}]}).num_rows
    1
    """
    record = model_of(function)
    params = _override(params, overrides)
    given = dict(inputs or {})
    for name in given:
        if name not in record.inputs:
            raise UnknownName("input", name, record.inputs, where=f"the signature of {record.name}")
    con = backend if backend is not None else ibis.duckdb.connect()
    tables = {name: _load(con, name, rows_as_table(name, given.get(name, ()), record, params)) for name in record.inputs}
    expression = function(**tables, **({PARAMS: params} if record.takes_params else {}))
    return con.create_table(_temporary(record.name), expression, temp=True).to_pyarrow()


def model_rows(
    function: Callable[..., ir.Table], inputs: Mapping[str, Rows | pa.Table] | None = None, **options: Any
) -> list[dict[str, Any]]:
    """Run one model on given rows and return the rows it yields, in the order of its key, nulls last.

    Parameters
    ----------
    function, inputs, options
        As for `run_model`.
    """
    grain = model_of(function).grain
    found = run_model(function, inputs, **options).to_pylist()
    return sorted(found, key=lambda row: [(row[name] is None, row[name]) for name in grain])


def rows_as_table(name: str, rows: Rows | pa.Table, reader: Model, params: Params = DEFAULT_PARAMS) -> pa.Table:
    """Return rows of the table ``name`` as Arrow, omitted columns filled from its contract."""
    columns = _columns(name, reader, params)
    schema = pa.schema([(c.name, c.dtype.to_pyarrow()) for c in columns])
    if isinstance(rows, pa.Table):
        return rows.select(schema.names).cast(schema)
    for row in rows:
        for given in row:
            if given not in schema.names:
                raise UnknownName("column", given, schema.names, where=name)
    filled = ({c.name: row.get(c.name) if c.name in row else plainest(c, n) for c in columns} for n, row in enumerate(rows, 1))
    data = [{name: _convert(value, schema.field(name).type) for name, value in row.items()} for row in filled]
    return pa.Table.from_pylist(data, schema=schema)


def _columns(name: str, reader: Model, params: Params) -> tuple[contracts.Column, ...]:
    if reader.layer == "bronze":
        from padm_ibis.sources import guarani, moodle

        columns = {**guarani.TABLES, **moodle.TABLES}[name].columns.items()
        return tuple(contracts.Column(n, dtype, "", "attribute", "none", True, None, None, False, ()) for n, dtype in columns)
    return contracts.columns(_contract_of(name, reader), params)


def _contract_of(table: str, reader: Model) -> type[contracts.Contract]:
    """The contract of a table that ``reader`` reads: this package's, or one of the reader's own package."""
    home = reader.function.__module__
    if home.split(".")[0] != "padm_ibis":
        for place in (home, f"{home.rpartition('.')[0]}.{table}".lstrip(".")):
            found = getattr(import_module(place), camel(table), None) if find_spec(place) else None
            if isinstance(found, type) and issubclass(found, contracts.Contract):
                return found
    return contract_of(table)


def plainest(column: contracts.Column, number: int) -> Any:
    """The plainest value a column accepts: null, its first allowed value, its least, or its row's number."""
    if column.nullable:
        return None
    statistics = {k: v for check in column.checks for k, v in (check.statistics or {}).items()}
    if statistics.get("allowed_values"):
        return statistics["allowed_values"][0]
    if column.name == "source_db":
        return "sede1"
    if column.role == "key":
        return _PLAIN_KEY[type(column.dtype)](number)
    return statistics.get("min_value", _PLAIN[type(column.dtype)])


_DAY = datetime.date(2000, 1, 1)
_PLAIN: dict[type[dt.DataType], Any] = {
    dt.Int64: 0, dt.Int32: 0, dt.Int16: 0, dt.Float64: 0.0, dt.Decimal: 0, dt.String: "", dt.Boolean: False,
    dt.Date: _DAY, dt.Timestamp: datetime.datetime(2000, 1, 1),
}  # fmt: skip
_PLAIN_KEY: dict[type[dt.DataType], Callable[[int], Any]] = {
    dt.Int64: int, dt.Int32: int, dt.Int16: int, dt.String: str, dt.Decimal: int, dt.Float64: float,
    dt.Date: lambda n: _DAY + datetime.timedelta(days=n),
    dt.Timestamp: lambda n: datetime.datetime(2000, 1, 1) + datetime.timedelta(days=n),
    dt.Boolean: bool,
}  # fmt: skip


def _convert(value: Any, kind: pa.DataType) -> Any:
    """Let tests write dates and instants as ISO text, decimals as text or numbers."""
    if isinstance(value, str) and pa.types.is_date(kind):
        return datetime.date.fromisoformat(value)
    if isinstance(value, str) and pa.types.is_timestamp(kind):
        return datetime.datetime.fromisoformat(value)
    if isinstance(value, str | int | float) and pa.types.is_decimal(kind):
        return decimal.Decimal(str(value))
    return value


def _override(params: Params, overrides: Mapping[str, Any]) -> Params:
    as_of = overrides.get("as_of")
    dated = {**overrides, "as_of": datetime.date.fromisoformat(as_of)} if isinstance(as_of, str) else dict(overrides)
    return replace(params, **dated)


def _load(con: SQLBackend, name: str, rows: pa.Table) -> ir.Table:
    return con.create_table(_temporary(name), rows, temp=True)


def _temporary(name: str) -> str:
    return f"{name[:40]}_{uuid.uuid4().hex[:12]}"

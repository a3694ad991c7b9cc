"""What is wrong with a contract, without any data: every mistake with file, line and the nearest name that exists."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from padm_ibis.define import contract as contracts
from padm_ibis.define import mistakes, places
from padm_ibis.define.contract import Column, Contract
from padm_ibis.define.model import Resource
from padm_ibis.errors import DefinitionError, did_you_mean


def problems(contract: type[Contract]) -> list[str]:
    """Return what is wrong with a contract as it stands alone: its columns and its key."""
    try:
        contract.to_schema()
    except Exception as error:
        return [f"{_place_of(contract, error)}: {contract.__name__} cannot be read as a contract: {mistakes.sentence(error)}"]
    try:
        columns = contracts.all_columns(contract)
    except DefinitionError as error:
        return error.message.splitlines()
    try:
        return list(_key_problems(contract, columns, contracts.key(contract)))
    except DefinitionError as error:
        return [f"{error.message} {error.hint}"]


def times(resource: Resource) -> Iterator[str]:
    """Yield what is wrong with what a resource says of the time that its columns speak of."""
    names = [c.name for c in contracts.all_columns(resource.contract)]
    said = {"known_at": [resource.known_at], "constant": resource.constant, "now": resource.now, "since": [resource.since]}
    place, contract = f"{resource.where}: {resource.name}", resource.contract.__name__
    for word, columns in said.items():
        for name in sorted({c for c in columns if c is not None} - {*names}):
            yield f"{place}: {word} names {name!r}, which is no column of {contract}. {did_you_mean(name, names)}"
    for name in sorted(resource.constant & resource.now):
        yield f"{place}: {name!r} is both constant and now. Leave it out of one of them."
    if resource.since is not None and resource.known_at is not None:
        yield f"{place}: known_at dates its rows, and since too. Give one of them."
    elif resource.since is not None and resource.since not in resource.constant:
        yield f"{place}: since={resource.since!r} dates rows by a column that is now. Name it in constant, too."


def foreign_keys(contract: type[Contract], tables: Mapping[str, type[Contract]]) -> Iterator[str]:
    """Yield what is wrong with the references of a contract to the columns of other tables."""
    for column in contracts.all_columns(contract):
        if column.fk is not None and (wrong := _wrong_reference(column, column.fk, tables)):
            place = places.of_class(contract, column.name)
            yield f"{place}: {contract.__name__}.{column.name} points to {column.fk!r}, but {wrong}"


def _key_problems(contract: type[Contract], columns: tuple[Column, ...], key: tuple[str, ...]) -> Iterator[str]:
    names = [column.name for column in columns]
    for name in key:
        if name not in names:
            place = places.of_class(contract, "Config")
            yield f"{place}: {contract.__name__}: Config.unique names {name!r}, which is no column. {did_you_mean(name, names)}"
    for column in columns:
        place = f"{places.of_class(contract, column.name)}: {contract.__name__}.{column.name}"
        if column.name in key and column.role != "key":
            yield f'{place} is part of the key, and its role is {column.role!r}. Write role="key".'
        elif column.role == "key" and column.name not in key:
            yield f"{place} has the role 'key', and Config.unique does not name it."


def _wrong_reference(column: Column, fk: str, tables: Mapping[str, type[Contract]]) -> str | None:
    table, dot, target = fk.partition(".")
    if not dot or not target:
        return "a reference is written 'table.column'."
    if table not in tables:
        return f"there is no table {table!r}. {did_you_mean(table, tables)}"
    kinds = {c.name: c.dtype for c in contracts.all_columns(tables[table])}
    if target not in kinds:
        return f"{table} has no column {target!r}. {did_you_mean(target, kinds)}"
    if kinds[target] != column.dtype:
        return f"that is {kinds[target]}, and this is {column.dtype}."
    return None


def _place_of(contract: type[Contract], error: Exception) -> str:
    """A type that does not exist is known when annotations are read, after the class: its line is looked up."""
    path = getattr(sys.modules.get(contract.__module__), "__file__", None)
    line = (
        places.annotated_with(path, error.name) if path and isinstance(error, AttributeError | NameError) and error.name else None
    )
    return places.place(path, line) if line else places.of_class(contract)

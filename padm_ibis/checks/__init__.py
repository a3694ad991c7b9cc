"""Contracts: what every table promises, one class a table, a module a layer, the feature store in one of its own."""

from __future__ import annotations

from importlib import import_module

from padm_ibis.define.contract import Contract
from padm_ibis.define.model import camel
from padm_ibis.errors import UnknownName

MODULES = ("bronze", "bronze_lms", "silver", "silver_lms", "gold", "tft")


def contracts() -> dict[str, type[Contract]]:
    """Return every contract of this package by its class name."""
    modules = (import_module(f"{__name__}.{module}") for module in MODULES)
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Contract) and value.__module__ == module.__name__
    }


def contract_of(table: str) -> type[Contract]:
    """Return the contract of the table named ``table``.

    Raises
    ------
    UnknownName
        If no layer has a contract of that name.
    """
    known = contracts()
    try:
        return known[camel(table)]
    except KeyError:
        raise UnknownName("contract", camel(table), known) from None

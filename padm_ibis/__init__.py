"""padm-ibis: a warehouse and feature store for SIU Guaraní 3 and Moodle, one pure Ibis expression a table."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from padm_ibis.version import __version__

if TYPE_CHECKING:
    from padm_ibis import testing
    from padm_ibis.api import check, plan, rollback, run
    from padm_ibis.author import new_mart
    from padm_ibis.config import Config, load_config
    from padm_ibis.define.contract import BronzeContract, GoldContract, SilverContract, column
    from padm_ibis.define.model import model, resource
    from padm_ibis.define.source_table import SourceTable
    from padm_ibis.erasure import forget
    from padm_ibis.errors import PadmError
    from padm_ibis.overview import history, restated, status
    from padm_ibis.params import Params
    from padm_ibis.warehouse import Warehouse, connect

# Imported when first asked for: `padm-ibis --help` must not wait for Ibis and Pandera.
_PUBLIC = {
    "BronzeContract": "define.contract",
    "Config": "config",
    "GoldContract": "define.contract",
    "PadmError": "errors",
    "Params": "params",
    "SilverContract": "define.contract",
    "SourceTable": "define.source_table",
    "Warehouse": "warehouse",
    "check": "api",
    "column": "define.contract",
    "connect": "warehouse",
    "forget": "erasure",
    "history": "overview",
    "load_config": "config",
    "model": "define.model",
    "new_mart": "author",
    "plan": "api",
    "resource": "define.model",
    "restated": "overview",
    "rollback": "api",
    "run": "api",
    "status": "overview",
    "testing": "",
}

__all__ = [
    "BronzeContract",
    "Config",
    "GoldContract",
    "PadmError",
    "Params",
    "SilverContract",
    "SourceTable",
    "Warehouse",
    "__version__",
    "check",
    "column",
    "connect",
    "forget",
    "history",
    "load_config",
    "model",
    "new_mart",
    "plan",
    "resource",
    "restated",
    "rollback",
    "run",
    "status",
    "testing",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _PUBLIC[name]
    return getattr(import_module(f"{__name__}.{module}"), name) if module else import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return __all__

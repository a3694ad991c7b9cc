"""padm-ibis: a warehouse and feature store for SIU Guaraní 3 and Moodle, one pure Ibis expression a table."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from padm_ibis import testing
    from padm_ibis.api import check, plan, run
    from padm_ibis.config import Config, load_config
    from padm_ibis.errors import PadmError
    from padm_ibis.model import model, resource
    from padm_ibis.params import Params
    from padm_ibis.warehouse import Warehouse, connect

__version__ = "0.1.0"

# Imported when first asked for: `padm-ibis --help` must not wait for Ibis and Pandera.
_PUBLIC = {
    "Config": "config",
    "PadmError": "errors",
    "Params": "params",
    "Warehouse": "warehouse",
    "check": "api",
    "connect": "warehouse",
    "load_config": "config",
    "model": "model",
    "plan": "api",
    "resource": "model",
    "run": "api",
    "testing": "",
}

__all__ = [
    "Config",
    "PadmError",
    "Params",
    "Warehouse",
    "__version__",
    "check",
    "connect",
    "load_config",
    "model",
    "plan",
    "resource",
    "run",
    "testing",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _PUBLIC[name]
    return getattr(import_module(f"{__name__}.{module}"), name) if module else import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return __all__

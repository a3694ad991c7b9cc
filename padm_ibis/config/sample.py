"""The embedded sample university: what a run reads where there is no ``padm.toml``."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from padm_ibis.config.mistakes import explained
from padm_ibis.config.sections import WarehouseConfig
from padm_ibis.config.settings import Config

SAMPLE_CAMPUSES = 2
SAMPLE_AS_OF = dt.date(2026, 3, 1)  # the day after the sample's last academic year: what there is to know then
SAMPLE_SCHEMA = "negocio_sede{}"
_SAMPLE_KEY = "padm-ibis sample"  # hashes invented people only


def add_sample(tree: dict[str, Any], folder: Path) -> None:
    """Point at the embedded sample: two campuses in one file, in the working folder beside the warehouse."""
    try:
        warehouse = WarehouseConfig.model_validate(tree["warehouse"], context={"folder": folder})
    except ValidationError as error:
        raise explained(error, "the embedded sample") from None
    file = Config(warehouse=warehouse).state / "sample.duckdb"
    tree["privacy"] = {"hash_key": _SAMPLE_KEY}
    tree["sources"] = {
        f"sede{i}": {"url": f"duckdb://{file}", "schema": SAMPLE_SCHEMA.format(i)} for i in range(1, SAMPLE_CAMPUSES + 1)
    }

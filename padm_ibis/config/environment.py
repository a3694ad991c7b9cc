"""Variables of the earlier pipeline, which keep working; they win over ``padm.toml``."""

from __future__ import annotations

import datetime as dt

from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(BaseSettings):
    """``DWH_BRONZE_RESOURCES`` (comma-separated) and ``DWH_INCREMENTAL_START_DATE``."""

    model_config = SettingsConfigDict(env_prefix="DWH_", extra="ignore", hide_input_in_errors=True)

    bronze_resources: str | None = None
    incremental_start_date: dt.date | None = None

"""The configuration: ``padm.toml``, a profile laid over it, secrets from the environment.

Reading it needs neither Ibis nor Pandera, so that commands answer at once. Every mistake in the file is
collected and reported once, as a `ConfigError` that names the file, the key and the nearest valid one.
A password is never part of a message: a `Url` shows itself masked, and `Config.mask` cleans foreign texts.
"""

from __future__ import annotations

from padm_ibis.config.files import FilesConfig
from padm_ibis.config.load import FILE, load_config
from padm_ibis.config.sample import SAMPLE_AS_OF, SAMPLE_CAMPUSES, SAMPLE_SCHEMA
from padm_ibis.config.secrets import MASK, redact, redact_address
from padm_ibis.config.section import Section
from padm_ibis.config.sections import (
    SEVERITIES,
    ChecksConfig,
    LogConfig,
    MailConfig,
    ModelsConfig,
    OnInvalid,
    PipelineConfig,
    PrivacyConfig,
    PublishConfig,
    ScheduleConfig,
    Severity,
    SourceConfig,
    StarConfig,
    StarTable,
    TargetConfig,
    WarehouseConfig,
    WebhookConfig,
)
from padm_ibis.config.settings import Config
from padm_ibis.config.urls import PUBLISH_SCHEMES, SOURCE_SCHEMES, WAREHOUSE_SCHEMES, Url

__all__ = [
    "FILE",
    "MASK",
    "PUBLISH_SCHEMES",
    "SAMPLE_AS_OF",
    "SAMPLE_CAMPUSES",
    "SAMPLE_SCHEMA",
    "SEVERITIES",
    "SOURCE_SCHEMES",
    "WAREHOUSE_SCHEMES",
    "ChecksConfig",
    "Config",
    "FilesConfig",
    "LogConfig",
    "MailConfig",
    "ModelsConfig",
    "OnInvalid",
    "PipelineConfig",
    "PrivacyConfig",
    "PublishConfig",
    "ScheduleConfig",
    "Section",
    "Severity",
    "SourceConfig",
    "StarConfig",
    "StarTable",
    "TargetConfig",
    "Url",
    "WarehouseConfig",
    "WebhookConfig",
    "load_config",
    "redact",
    "redact_address",
]

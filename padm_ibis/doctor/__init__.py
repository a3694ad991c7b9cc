"""What is wrong, and what to do: configuration, versions, disk, warehouse, and each source's connection, tables and columns."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from padm_ibis.doctor.grants import grants
from padm_ibis.doctor.machine import configuration, versions
from padm_ibis.doctor.source import examine
from padm_ibis.report.health import Health

if TYPE_CHECKING:
    from padm_ibis.config import Config

__all__ = ["doctor", "grants"]


def doctor(config: Config) -> Health:
    """Look at everything a run needs, without changing anything; all that is wrong is found, each thing once."""
    began = time.perf_counter()
    health = Health()
    health.findings += configuration(config)
    health.findings += versions(config)
    if config.warehouse.url.scheme == "postgres":
        from padm_ibis.doctor.server import warehouse
    else:
        from padm_ibis.doctor.disk import warehouse
    health.findings += warehouse(config)
    for source in config.sources.values():
        health.findings += examine(config, source)
        if source.kind == "moodle":
            from padm_ibis.doctor.lms import platform

            health.findings += platform(config, source)
    health.findings = [
        dataclasses.replace(d, text=config.mask(d.text), advice=config.mask(d.advice) if d.advice else None)
        for d in dict.fromkeys(health.findings)
    ]
    health.seconds = round(time.perf_counter() - began, 3)
    return health

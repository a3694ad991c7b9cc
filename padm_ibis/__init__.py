"""padm-ibis: a warehouse and feature store for SIU Guaraní 3 and Moodle, one pure Ibis expression a table."""

from __future__ import annotations

__version__ = "0.1.0"

"""Packages that only some uses need: each belongs to an extra of the distribution, and its absence is said in one line."""

from __future__ import annotations

from importlib.util import find_spec

from padm_ibis.errors import MissingExtra

EXTRA_OF = {
    "psycopg": "postgres",
    "adbc_driver_postgresql": "postgres",
    "pgpq": "postgres",
    "duckdb_extension_postgres_scanner": "postgres",
    "adbc_driver_sqlite": "sqlite",
    "openpyxl": "excel",
    "apscheduler": "schedule",
    "tzlocal": "schedule",
    "pyspark": "spark",
    "hypothesis": "testing",
}
"""Importable module → the extra that brings it, as in ``pyproject.toml``."""

READER = "duckdb_extension_postgres_scanner"
"""DuckDB's own PostgreSQL reader: what sources are read with, and nothing else."""


def absent(extra: str) -> list[str]:
    """Return the modules of an extra that are not installed."""
    return [module for module, its in EXTRA_OF.items() if its == extra and find_spec(module) is None]


def need(extra: str, what: str) -> None:
    """Refuse ``what`` before anything of it is begun, where its extra is not installed.

    Parameters
    ----------
    extra
        The extra's name; any other, such as the ``duckdb`` of an address, is always there.
    what
        The use, as the sentence begins: ``Publishing to SQLite``.

    Raises
    ------
    MissingExtra
        With the line to paste.
    """
    if missing := [module for module in absent(extra) if module != READER]:
        raise MissingExtra(what, missing, extra)


def explained(error: ImportError) -> MissingExtra | None:
    """Return what to raise for a failed import: nothing, where it has nothing to do with an extra."""
    module = (error.name or "").partition(".")[0]
    if module not in EXTRA_OF:
        return None
    return MissingExtra("This", [module], EXTRA_OF[module])

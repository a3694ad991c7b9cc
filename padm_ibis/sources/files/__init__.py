"""A folder of exported files as a source: CSV, Parquet and workbooks, a table in each, or in each sheet."""

from __future__ import annotations

from padm_ibis.sources.files.source import FilesSource

__all__ = ["FilesSource"]

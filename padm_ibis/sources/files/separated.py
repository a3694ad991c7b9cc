"""A text file as a relation of DuckDB: every field as the text that it is, every record whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import duckdb

from padm_ibis.config import FilesConfig
from padm_ibis.sources.files.text import Text, Unreadable, check_encoding
from padm_ibis.sources.values import literal, quote

_NAMELESS = "padm_nameless_"
_ERRORS, _SCANS = "padm_rejects", "padm_reject_scans"
_MOST = 1000


def relation(text: Text, null: Sequence[str], more: str = "") -> str:
    """Return what stands in a FROM for the records of a file; its columns are texts."""
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in _columns(text))
    options = [
        "auto_detect = false", "header = false", "skip = 1", f"columns = {{{columns}}}", f"delim = {literal(text.separator)}",
        f"quote = {literal(text.quote)}", f"escape = {literal(text.quote)}",
        f"nullstr = [{', '.join(literal(word) for word in null)}]",
    ]  # fmt: skip
    return f"read_csv({literal(str(text.readable))}, {', '.join(options)}{more})"


def problems(con: duckdb.DuckDBPyConnection, text: Text, form: FilesConfig) -> Iterator[tuple[int | None, str]]:
    """Read a file through; yield the lines that are no records of its columns, and why. No value is quoted."""
    for table in (_ERRORS, _SCANS):
        con.execute(f"DROP TABLE IF EXISTS temp.{table}")
    keep = f", store_rejects = true, rejects_table = '{_ERRORS}', rejects_scan = '{_SCANS}', rejects_limit = {_MOST}"
    every = ", ".join(f"count({quote(name)})" for name in _columns(text))
    broken: str | None = None
    filled: tuple[int, ...] = ()
    try:
        filled = con.execute(f"SELECT count(*), {every} FROM {relation(text, form.null, keep)}").fetchall()[0][1:]
        rejected = con.execute(f"SELECT count(*) FROM temp.{_ERRORS}").fetchall()[0][0]
    except duckdb.InvalidInputException as error:  # some mistakes end the reading
        found = re.search(r"CSV Error on Line: (\d+)", str(error))
        broken, rejected = found[1] if found else "", 1
    if rejected or any(n for n, name in zip(filled, text.names, strict=False) if not name):
        yield from _explained(text, form, broken)


def _explained(text: Text, form: FilesConfig, broken: str | None) -> Iterator[tuple[int | None, str]]:
    """Read the file record by record, as slowly as it takes to name the lines."""
    told = 0
    try:
        check_encoding(text.path, form)
        for line, fields in text.records():
            if reason := _wrong(text.names, fields):
                yield line, reason
                told += 1
                if told == _MOST:
                    return
    except Unreadable as error:
        yield error.line, error.text
        told += 1
    if not told:
        yield (text.before + int(broken) if broken else None), "not readable with the declared separator, quotes and encoding"


def _wrong(names: Sequence[str], fields: Sequence[str]) -> str | None:
    if len(fields) != len(names):
        return f"too {'few' if len(fields) < len(names) else 'many'} columns: {len(fields)} for {len(names)}"
    nameless = [n for n, (name, field) in enumerate(zip(names, fields, strict=True), start=1) if field and not name]
    return f"a value in column {nameless[0]}, which has no name" if nameless else None


def _columns(text: Text) -> list[str]:
    return [name or f"{_NAMELESS}{number}" for number, name in enumerate(text.names)]

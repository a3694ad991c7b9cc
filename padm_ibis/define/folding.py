"""Case and patterns of texts, the same in PostgreSQL as in DuckDB.

A PostgreSQL warehouse compares texts by code point (``COLLATE "C"``), where only ASCII letters fold: ``lower('Ñ')`` is
``'Ñ'`` there. Which collations know more differs by server, so the letters are spelled out: one translation, the same on
every server. Of letters whose other case is more than one letter the case stays, but for ``ß``, as in DuckDB.
"""

from __future__ import annotations

import functools
from typing import Any

import ibis.expr.operations as ops
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.postgres import PostgresCompiler

# Latin, Greek, Cyrillic, Armenian, Georgian and so on: every letter of these blocks that has two cases.
BLOCKS = ((0x41, 0x590), (0x10A0, 0x1100), (0x13A0, 0x1400), (0x1C80, 0x1CC0), (0x1D00, 0x2000), (0x2100, 0x2190),
          (0x24B0, 0x24F0), (0x2C00, 0x2E00), (0xA640, 0xA800), (0xAB30, 0xABC0), (0xFF20, 0xFF60))  # fmt: skip


@functools.cache
def letters(way: str) -> tuple[str, str]:
    """Return the letters that change on the ``way`` to ``lower`` or ``upper``, and what each becomes."""
    import duckdb

    ranges = " UNION ALL ".join(f"SELECT unnest(range({start}, {end})) AS i" for start, end in BLOCKS)
    with duckdb.connect() as con:
        rows = con.execute(
            f"SELECT chr(CAST(i AS INTEGER)), {way}(chr(CAST(i AS INTEGER))) AS other FROM ({ranges}) "
            "WHERE other <> chr(CAST(i AS INTEGER)) AND length(other) = 1 ORDER BY i"
        ).fetchall()
    return "".join(row[0] for row in rows), "".join(row[1] for row in rows)


class SpanishPostgres(PostgresCompiler):
    """Ibis's compiler for PostgreSQL, with DuckDB's reading of case and of patterns."""

    __slots__ = ()

    def folded(self, arg: sge.Expression, way: str) -> sge.Expression:
        """Return ``arg`` in the other case."""
        before, after = letters(way)
        ascii_only = sge.EQ(this=self.f.anon.octet_length(arg), expression=self.f.anon.char_length(arg))
        plain = self.f.anon[way](sge.Collate(this=sge.Paren(this=arg), expression=sge.Identifier(this="C", quoted=True)))
        spelled = self.f.anon.translate(arg, sge.convert(before), sge.convert(after))
        return self.if_(ascii_only, plain, spelled)

    def visit_Lowercase(self, op: ops.Lowercase, *, arg: Any) -> sge.Expression:  # noqa: N802 - the name Ibis looks for
        """``lower``."""
        return self.folded(arg, "lower")

    def visit_Uppercase(self, op: ops.Uppercase, *, arg: Any) -> sge.Expression:  # noqa: N802 - the name Ibis looks for
        """``upper``."""
        return self.folded(arg, "upper")

    def visit_StringSQLLike(self, op: ops.StringSQLLike, *, arg: Any, pattern: Any, escape: Any) -> sge.Expression:  # noqa: N802 - the name Ibis looks for
        """``like``: a backslash is a letter like any other."""
        return self._pattern(arg, pattern, escape)

    def visit_StringSQLILike(self, op: ops.StringSQLILike, *, arg: Any, pattern: Any, escape: Any) -> sge.Expression:  # noqa: N802 - the name Ibis looks for
        """``ilike``: both sides in lower case."""
        return self._pattern(self.folded(arg, "lower"), self.folded(pattern, "lower"), escape)

    def _pattern(self, arg: Any, pattern: Any, escape: Any) -> sge.Expression:
        return sge.Escape(this=sge.Like(this=arg, expression=pattern), expression=sge.convert("") if escape is None else escape)

"""Operations that are refused wherever they stand: what of each breaks the rule, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import ibis.expr.operations as ops
from ibis.expr.operations.udf import AggUDF, ScalarUDF


@dataclass(frozen=True, slots=True)
class Rule:
    """An operation that is refused wherever it stands.

    Attributes
    ----------
    refuses
        Whether an operation of the given kinds breaks the rule.
    """

    name: str
    kinds: tuple[type[ops.Node], ...]
    problem: str
    instead: str
    refuses: Callable[[ops.Node], bool] = lambda node: True


RULES = (
    Rule(
        "integer-division", (ops.Divide,),
        "whole numbers are divided: PostgreSQL cuts the result, and a zero divisor is an error there.",
        "terms.ratio(a, b)", lambda n: n.left.dtype.is_integer() and not isinstance(n, ops.FloorDivide),
    ),
    Rule(
        "try-cast", (ops.TryCast,), "try_cast raises on PostgreSQL and reads '0x10' as 16 on DuckDB.",
        "text.re_search(r'^[0-9]+$').ifelse(text, ibis.null('string')).cast('int64')",
    ),
    Rule(
        "round", (ops.Round,), "halves are rounded to even on PostgreSQL and away from zero elsewhere.",
        "no rounding in the warehouse (presentation rounds), or terms.hundredths(x)",
    ),
    Rule(
        "float-sum", (ops.Sum,), "a float sum depends on the order of rows, threads and engine.",
        "terms.from_hundredths(terms.hundredths(x).sum())", lambda n: n.arg.dtype.is_floating(),
    ),
    Rule(
        "mean", (ops.Mean, ops.StandardDev, ops.Variance, ops.Correlation, ops.Covariance, ops.Kurtosis),
        "the engine's mean and deviation are floats whose last bits depend on the order of rows.",
        "terms.ratio(terms.hundredths(x).sum(), x.count() * 100)",
    ),
    Rule(
        "clock", (ops.DateNow, ops.TimestampNow), "an expression may not read the clock: the same run would give other rows.",
        "ibis.literal(params.as_of)",
    ),
    Rule(
        "random", (ops.RandomScalar, ops.RandomUUID, ops.Sample), "the same inputs must give the same rows.",
        "a value made from the key of the row",
    ),
    Rule(
        "delta", (ops.DateDelta, ops.TimestampDelta, ops.TimeDelta),
        "years are counted by boundaries on DuckDB, and parts of instants differ too.",
        "terms.whole_years(a, b), or a.epoch_days() - b.epoch_days()", lambda n: not _day_delta(n),
    ),
    Rule(
        "hash", (ops.Hash, ops.HashBytes, ops.HexDigest), "each engine hashes in its own way.",
        "the columns themselves as key; personal data is hashed by the loader (@resource(hashes=…))",
    ),
    Rule(
        "arbitrary", (ops.First, ops.Last, ops.Arbitrary, ops.ArgMin, ops.ArgMax, ops.Mode),
        "which row of a tie is taken is up to the engine, and order_by= inside does not compile everywhere.",
        "terms.one_per(table, keys, order_by=[…, the rest of the key])",
    ),
    Rule(
        "list-order", (ops.ArrayCollect, ops.GroupConcat), "the order of the elements is up to the engine.",
        "value.collect().sort() on a column without nulls",
    ),
    Rule(
        "approximate", (ops.ApproxMedian, ops.ApproxQuantile, ops.ApproxMultiQuantile, ops.ApproxCountDistinct),
        "an approximation differs by engine and run.", "median(), or nunique()",
    ),
    Rule(
        "median-where", (ops.Median, ops.Quantile), "median(where=…) does not compile on PostgreSQL.",
        "condition.ifelse(x, ibis.null(x.type())).median()", lambda n: n.where is not None,
    ),
    Rule(
        "boolean-cast", (ops.Cast,), "PostgreSQL casts no boolean to a big integer, nor back.",
        "terms.flag(condition), or n != 0",
        lambda n: (n.arg.dtype.is_boolean() and n.to.is_numeric()) or (n.arg.dtype.is_numeric() and n.to.is_boolean()),
    ),
    Rule(
        "float-to-integer", (ops.Cast,), "Spark cuts where the others round.", "x.floor().cast('int64')",
        lambda n: n.arg.dtype.is_floating() and n.to.is_integer() and not isinstance(n.arg, ops.Floor | ops.Ceil),
    ),
    Rule(
        "float-digits", (ops.Cast,), "how many digits of a float are written, and how they are rounded, differs by engine.",
        "terms.hundredths(x), and a cast of that",
        lambda n: n.arg.dtype.is_floating() and (n.to.is_decimal() or n.to.is_string()),
    ),
    Rule(
        "time-zone", (ops.Cast,), "engines disagree on casts between time zones.",
        "naive timestamps of the source's zone, as bronze lands them",
        lambda n: n.to.is_timestamp() and n.to.timezone is not None,
    ),
    Rule(
        "regex", (ops.RegexSearch, ops.RegexExtract, ops.RegexReplace, ops.RegexSplit),
        r"\w, \b, [[:class:]], back references, (?…), a bare dot and columns of patterns differ between engines.",
        r"[A-Za-z0-9_] spelled out, [^\n] for a dot, text.lower().re_search(…) for (?i)", lambda n: _engine_regex(n),
    ),
    Rule(
        "regex-extract", (ops.RegexExtract,), "where nothing is found, DuckDB gives an empty text and PostgreSQL null.",
        "text.re_search(pattern).ifelse(text.re_replace('^…|…$', ''), ibis.null('string'))",
    ),
    Rule(
        "split", (ops.StringSplit,), "an empty text has one part on DuckDB and none on PostgreSQL; so do empty separators.",
        "text.nullif('').split(';')", lambda n: not _parts_are_definite(n),
    ),
    Rule("reverse", (ops.Reverse,), "DuckDB keeps accents on their letters, PostgreSQL does not.", "the text as it is"),
    Rule("find-in-set", (ops.FindInSet,), "of a null, DuckDB gives null and PostgreSQL -1.", "text.cases(('a', 0), ('b', 1))"),
    Rule("typeof", (ops.TypeOf,), "each engine has its own names of types.", "a literal"),
    Rule(
        "strftime", (ops.Strftime,), "codes other than %Y %m %d %H %M %S %j %y %A %B differ between engines.",
        "date.strftime('%Y-%m-%d')", lambda n: not _same_format(n),
    ),
    Rule("interval-text", (ops.Cast,), "each engine writes an interval in its own way.", "the number of days, cast to string",
         lambda n: n.arg.dtype.is_interval() and n.to.is_string()),
    Rule("angles", (ops.Degrees, ops.Radians, ops.Cot), "the last bits of the result differ between engines.", "a whole number"),
    Rule(
        "logarithm", (ops.Log, ops.Log2), "the last bits of the result differ between engines.", "x.ln() or x.log10()",
    ),
    Rule(
        "float-remainder", (ops.Modulus,), "the last bits, and the sign of zero, differ between engines.",
        "whole numbers, such as terms.hundredths(x) % 100", lambda n: n.left.dtype.is_floating() or n.right.dtype.is_floating(),
    ),
    Rule(
        "epoch-seconds", (ops.ExtractEpochSeconds,), "before 1970 DuckDB rounds up to the next second, PostgreSQL down.",
        "instant.date().epoch_days()",
    ),
    Rule("iso-year", (ops.ExtractIsoYear, ops.ExtractMicrosecond), "not on every engine.", "the year of the week's Thursday"),
    Rule("memtable", (ops.InMemoryTable,), "PySpark loses nulls of a memtable.", "a union of selects of literals"),
    Rule(
        "udf", (ScalarUDF, AggUDF), "what an engine's or Python's own function gives is not known here: it may read a clock.",
        "Ibis operations",
    ),
    Rule("raw-sql", (ops.SQLQueryResult, ops.SQLStringView), "SQL text is one engine's, its lineage unknown.", "Ibis operations"),
)  # fmt: skip


def _day_delta(delta: ops.Node) -> bool:
    return isinstance(delta, ops.DateDelta) and getattr(delta.part, "value", None) == "day"


def _parts_are_definite(node: ops.Node) -> bool:
    """Whether no text is empty, and the separator is a text that is not."""
    separator = node.delimiter.value if isinstance(node.delimiter, ops.Literal) else ""
    whole = node.arg
    return bool(separator) and isinstance(whole, ops.NullIf) and getattr(whole.null_if_expr, "value", None) == ""


def _same_format(node: ops.Node) -> bool:
    text = node.format_str.value if isinstance(node.format_str, ops.Literal) else "%?"
    return re.fullmatch(r"(%[YmdHMSjyAB]|[^%])*", str(text)) is not None


def _engine_regex(node: ops.Node) -> bool:
    pattern = getattr(node, "pattern", None)
    replacement = getattr(node, "replacement", None)
    if not isinstance(pattern, ops.Literal):
        return True
    texts = [v.value for v in (pattern, replacement) if isinstance(v, ops.Literal)]
    bare = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "", str(pattern.value))
    return any(re.search(r"\\[wWbBdDsS1-9]|\[:", str(text)) for text in texts) or "." in bare or "(?" in bare

"""Every function that Ibis offers on a value, as an expression on hostile values."""

# ruff: noqa: E501, C901 - a table of calls, a row a method
from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import ibis
import ibis.expr.types as ir

SCHEMA = {
    "n": "int64", "s": "string", "p": "string", "d": "date", "e": "date", "ts": "timestamp", "tz": "timestamp",
    "i": "int64", "j": "int64", "x": "float64", "y": "float64", "b": "boolean", "c": "boolean",
}  # fmt: skip
S = ("ÑANDU", "ñandu", "Éa\\b", "straße", "ÇĞİıΣς", "", " x ", "a_b%", "\ta\n", "o'h", "niño ÁÉÍ", "10", None, "x.y.z", "Жук",
     "http://u:p@h.ar:80/a/b?q=1#f", "ß", "Ǆǆ", "e\u0301", "😀a")  # fmt: skip
P = ("ñandu", "ÑA%", "Éa\\_", "STRASSE", "σ", "", "x", "a\\_b%", "a", "'", "Á", "1", "a", None, "жУК", "h", "ẞ", "ǆ", "é", "a")
D = (dt.date(2024, 2, 29), dt.date(2023, 3, 1), dt.date(1899, 12, 31), dt.date(1969, 12, 31), None, dt.date(2021, 1, 3))
T = (dt.datetime(2024, 2, 29, 23, 59, 59, 999999), dt.datetime(1969, 12, 31, 23, 59, 59, 500000), None,
     dt.datetime(2021, 1, 3), dt.datetime(1899, 12, 31, 12, 0, 0, 1))  # fmt: skip
WHOLE = (0, 1, -7, 7, None, 10, -1)
X = (0.5, -0.5, 2.5, None, -1.25, 1e15, 0.0, 3.7)
B = (True, False, None)


PARSED = ("10", " 7 ", "+7", "-0", "1.5", "2.5", "1,5", "0x10", "1e3", "1E400", "NaN", "inf", "9223372036854775808", "1_000", "007", "t", "yes",
          "TRUE", "on", "1", "0", "2024-02-29", "2024-2-3", "2024-02-30", "29/02/2024", "20240229", "24-02-29", "2024-02-29 10:00", "10:00",
          "2024-02-29T10:00:00Z", "2024-02-29 10:00:00-03", "infinity", "24:00:00", "2024-06-31", "99999-01-01", "0001-01-01", "١٢")  # fmt: skip
"""Texts that somebody reads as a number, a truth, a day or an instant, and somebody else does not."""


def single_rows() -> list[tuple[Any, ...]]:
    """Rows for calls that end in an error somewhere: each is tried alone, the texts to be read among them."""
    given = rows()
    first = given[0]
    return [*given, *((first[0], text, *first[2:]) for text in PARSED)]


def rows() -> list[tuple[Any, ...]]:
    """Rows of every hostile value, in many pairs."""

    def at(values: tuple[Any, ...], n: int) -> Any:
        return values[n % len(values)]

    return [
        (n, S[n % len(S)], at(P, n + n // len(S)), at(D, n), at(D, n // 2 + 1), at(T, n), at(T, n // 3 + 1), at(WHOLE, n), at(WHOLE, n // 2 + 2),
         at(X, n), at(X, n // 3 + 1), at(B, n), at(B, n // 3))
        for n in range(len(S) * 4)
    ]  # fmt: skip


TABLE = ibis.table(SCHEMA, name="hostile")
t = TABLE
F = Callable[[], Any]
TIME = t.ts.time()
SPAN = t.i.as_interval("D")

KINDS: dict[str, tuple[type, ir.Value]] = {
    "text": (ir.StringValue, t.s), "date": (ir.DateValue, t.d), "timestamp": (ir.TimestampValue, t.ts),
    "time": (ir.TimeValue, TIME), "interval": (ir.IntervalValue, SPAN), "integer": (ir.IntegerValue, t.i),
    "float": (ir.FloatingValue, t.x), "boolean": (ir.BooleanValue, t.b),
}  # fmt: skip

# Methods that make no value of a row: they run, write, name or show an expression, or gather many rows.
NO_FUNCTION = {
    "as_scalar",
    "as_table",
    "asc",
    "desc",
    "compile",
    "execute",
    "get_backend",
    "get_name",
    "name",
    "op",
    "over",
    "pipe",
    "to_csv",
    "to_delta",
    "to_json",
    "to_pandas",
    "to_pandas_batches",
    "to_parquet",
    "to_parquet_dir",
    "to_polars",
    "to_pyarrow",
    "to_pyarrow_batches",
    "to_sql",
    "to_torch",
    "to_xlsx",
    "type",
    "unbind",
    "visualize",
    "equals",
    "collect",
    "group_concat",
    "case",
    "fillna",
    "point",
}

OTHER = {"text": t.p, "date": t.e, "timestamp": t.tz, "time": t.tz.time(), "interval": t.j.as_interval("D"), "integer": t.j,
         "float": t.y, "boolean": t.c}  # fmt: skip
# Arguments of the methods that take some; what is not here is called without.
ARGUMENTS: dict[str, list[tuple[Any, ...]]] = {
    "as_date": [("%Y-%m-%d",)], "as_time": [("%H:%M",)], "contains": [(t.p,), ("%",), ("Ñ",)], "convert_base": [(10, 16)],
    "concat": [(t.p,)], "endswith": [(t.p,)], "startswith": [(t.p,), ("",)], "find": [(t.p,), ("a", 2)], "find_in_set": [(["ñandu", "10"],)],
    "hashbytes": [("md5",)], "hexdigest": [("md5",)], "ilike": [("ñandu",), (t.p,), ("É%",), ("%\\%",)],
    "like": [(t.p,), ("%\\%",), ("a\\_b%",), ("%\\b",)], "join": [([t.s, t.p],)], "left": [(2,), (t.i,)], "right": [(2,), (t.i,)],
    "levenshtein": [(t.p,)], "lpad": [(5, "ñ"), (2, "ñ")], "rpad": [(5, "ñ"), (2, "ñ")], "query": [("q",), ()],
    "re_extract": [("[a-z]+", 0), ("(x)?z", 1)], "re_replace": [("[a-z]", "-"), (".", "-")], "re_search": [("(?i)ñ",), ("[à-ü]",), ("a.",)],
    "rlike": [("(?i)ñ",), ("^.$",)], "re_split": [("[.]",)], "repeat": [(2,), (t.i,)], "replace": [("a", "ñ"), ("", "x")],
    "split": [(".",), ("",)], "substr": [(1, 2), (t.i, 2), (-2,)], "translate": [("aÑ", "xñ"), ("ab", "x")],
    "strftime": [("%Y-%m-%d",), ("%A %B",), ("%j %U",), ("%y%e",)], "truncate": [("M",), ("Y",), ("W",), ("Q",)], "bucket": [(ibis.interval(minutes=5),)],
    "as_unit": [("h",)], "to_unit": [("h",)], "as_interval": [("D",)], "clip": [(0, 5)], "log": [(2,)], "round": [(), (1,)],
    "ifelse": [("sí", "no")], "cases": [], "as_timestamp": [("%Y",)],
}  # fmt: skip
WITH_OTHER = {"add", "radd", "sub", "rsub", "mul", "rmul", "div", "rdiv", "floordiv", "rfloordiv", "mod", "rmod", "pow", "rpow", "atan2",
              "nullif", "coalesce", "fill_null", "identical_to", "delta"}  # fmt: skip
PARTS = {"date": ("day", "year", "week"), "timestamp": ("second", "hour", "day"), "time": ("second", "hour")}
CASTS = ("string", "int64", "int32", "float64", "date", "timestamp", "boolean", "decimal(10, 2)", "time")


def calls(kind: str, method: str) -> Iterator[tuple[str, F]]:
    """Yield how to call a method: a label, and what makes the expression."""
    value, other = KINDS[kind][1], OTHER[kind]

    def bound(*args: Any, **named: Any) -> F:
        return lambda: getattr(value, method)(*args, **named)

    if method in ("cast", "try_cast"):
        for target in CASTS:
            yield f"{method}({target})", bound(target)
    elif method == "delta":
        for part in PARTS[kind]:
            yield f"delta({part})", bound(other, unit=part)
    elif method == "between":
        yield method, bound(other, value)
    elif method in ("isin", "notin"):
        yield method, bound([other])
    elif method == "cases":
        yield method, bound((other, "a"), else_="b")
    elif method == "substitute":
        yield method, bound(other, value)
    elif kind in ("date", "timestamp", "time") and method in ("add", "radd", "sub", "rsub"):
        spans = [ibis.interval(days=1), ibis.interval(months=1)] if kind != "time" else [ibis.interval(hours=1)]
        for n, span in enumerate(spans):
            yield f"{method}({n})", bound(span)
        yield f"{method}(other)", bound(other)
    elif kind == "interval" and method in ("mul", "rmul", "floordiv"):
        yield method, bound(2)
    elif kind == "integer" and method == "as_timestamp":
        yield method, bound("s")
    elif kind == "integer" and method == "convert_base":
        yield method, bound(10, 16)
    elif kind == "time" and method == "truncate":
        yield method, bound("h")
    elif kind == "text" and method in ("add", "radd", "mul", "rmul"):
        yield method, bound(other)
    elif kind == "boolean" and method in ("clip",):
        yield method, bound(False, True)
    elif method in WITH_OTHER:
        yield method, bound(other)
    else:
        for n, args in enumerate(ARGUMENTS.get(method, [()])):
            yield f"{method}[{n}]" if n else method, bound(*args)


def methods(kind: str) -> list[str]:
    """Every function of a kind of value: a new one of Ibis is here by itself."""
    return [m for m in dir(KINDS[kind][0]) if not m.startswith("_") and m not in NO_FUNCTION]


EVERY = [(f"{kind}.{label}", make) for kind in KINDS for method in methods(kind) for label, make in calls(kind, method)]
EVERY += [
    (f"{kind}{sign}", lambda v=KINDS[kind][1], o=OTHER[kind], f=f: f(v, o))
    for kind in KINDS
    for sign, f in {
        "<": lambda a, b: a < b, "==": lambda a, b: a == b, "greatest": ibis.greatest, "least": ibis.least,
        "&": lambda a, b: a & b, "|": lambda a, b: a | b, "^": lambda a, b: a ^ b, "-": lambda a, b: a - b,
        "<<": lambda a, b: a << b, ">>": lambda a, b: a >> b, "not": lambda a, b: ~a, "neg": lambda a, b: -a,
    }.items()
]  # fmt: skip

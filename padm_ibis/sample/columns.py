"""NumPy arrays to Arrow columns: dates, instants, texts from few words, nulls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Array = npt.NDArray[Any]
Values: TypeAlias = Any
"""What a column is given as: an Arrow array, a NumPy array, or a short list."""
Columns = dict[str, Values]
Tables = dict[str, Columns]

SECONDS = 86_400
UTC_OFFSET = 3 * 3600
"""Argentina's hours behind UTC, constant since 2009."""


def day(year: Array | int, month: Array | int, of_month: Array | int) -> Array:
    """Days since 1970-01-01."""
    months = (np.asarray(year) - 1970) * 12 + (np.asarray(month) - 1)
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + np.asarray(of_month) - 1


def ints(values: Any, null: Array | None = None) -> pa.Array:
    """Whole numbers, null where ``null`` says so."""
    return _fixed(np.asarray(values).astype(np.int32), pa.int32(), null)


def reals(values: Any, null: Array | None = None) -> pa.Array:
    """Real numbers, null where ``null`` says so; the table's own decimal type cuts them."""
    return _fixed(np.asarray(values).astype(np.float64), pa.float64(), null)


def dates(days: Array, null: Array | None = None) -> pa.Array:
    """Dates from days since 1970."""
    return _fixed(days.astype(np.int32), pa.date32(), null)


def instants(days: Array, seconds: Array, null: Array | None = None, *, zoned: bool = False) -> pa.Array:
    """Local wall-clock times; ``zoned`` gives the same instants as points in time (UTC)."""
    moments = (days.astype(np.int64) * SECONDS + seconds + (UTC_OFFSET if zoned else 0)) * 1_000_000
    return _fixed(moments, pa.timestamp("us", tz="UTC" if zoned else None), null)


def booleans(true: Array, null: Array | None = None) -> pa.Array:
    """Booleans, null where ``null`` says so."""
    return _fixed(np.packbits(true, bitorder="little"), pa.bool_(), null, len(true))


def words(values: Sequence[str | None]) -> pa.Array:
    """A few texts, given one by one."""
    encoded = [(v or "").encode() for v in values]
    ends = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    validity = _bitmap(np.array([v is None for v in values]))
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)), validity)


def word(value: str | None) -> pa.Scalar:
    """One text as an Arrow value."""
    return words((value,))[0]


def _fixed(values: Array, kind: pa.DataType, null: Array | None, size: int | None = None) -> pa.Array:
    # pa.array() would do, and import pandas on its way: a second, for the newcomer's first command
    buffers = [_bitmap(null), pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(kind, len(values) if size is None else size, buffers)


def _bitmap(null: Array | None) -> pa.Buffer | None:
    return None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little"))


def texts(codes: Array, vocabulary: Sequence[str]) -> pa.Array:
    """The word of each code; a negative code is null."""
    return pa.DictionaryArray.from_arrays(ints(codes, codes < 0), words(vocabulary))


def flags(true: Array, null: Array | None = None, *, boolean: bool = False) -> pa.Array:
    """``S``/``N``, or booleans where the installation keeps them so."""
    if boolean:
        return booleans(true, null)
    return texts(np.where(null, -1, true) if null is not None else true, ("N", "S"))


def numbered(prefix: str, numbers: Array, suffix: str = "", null: Array | None = None) -> pa.Array:
    """``prefix`` + number + ``suffix``."""
    digits = _fixed(numbers.astype(np.int64), pa.int64(), null).cast(pa.string())
    return pc.binary_join_element_wise(word(prefix), digits, word(suffix), word(""))


def joined(*parts: Any, separator: str = "") -> pa.Array:
    """Texts side by side; null where one is."""
    plain = [p.cast(pa.string()) if isinstance(p, pa.Array) else word(p) for p in parts]
    return pc.binary_join_element_wise(*plain, word(separator))


def either(condition: Array, yes: pa.Array | None, no: pa.Array | None) -> pa.Array:
    """One text or the other, row by row; None is null."""
    nothing = word(None)
    return pc.if_else(booleans(condition), nothing if yes is None else yes, nothing if no is None else no)


def repeated(value: Any, like: Sized) -> Values:
    """One value for every row of ``like``."""
    return texts(np.zeros(len(like), np.int8), (value,)) if isinstance(value, str) else np.full(len(like), value)


def arrow(columns: Mapping[str, Values]) -> pa.Table:
    """Columns as an Arrow table."""
    return pa.table({name: _column(values) for name, values in columns.items()})


def _column(values: Values) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if isinstance(values, np.ndarray):
        return reals(values) if values.dtype.kind == "f" else ints(values)
    if any(isinstance(v, str) for v in values):
        return words(values)
    null = np.array([v is None for v in values])
    plain = np.array([0 if v is None else v for v in values])
    return reals(plain, null) if plain.dtype.kind == "f" else ints(plain, null)


def rows(names: str, *values: Sequence[Any]) -> Columns:
    """Columns of a small catalogue written row by row; ``names`` apart by blanks."""
    return dict(zip(names.split(), map(list, zip(*values, strict=True)), strict=True))


def some(rng: np.random.Generator, size: int, share: float, *, least: int = 1) -> Array:
    """Mask of about ``share`` of the rows and at least ``least`` (as far as there are rows)."""
    mask = np.zeros(size, bool)
    count = min(size, max(least, round(share * size)))
    mask[rng.choice(size, count, replace=False)] = True
    return mask


def choose(rng: np.random.Generator, size: int, weights: Sequence[float]) -> Array:
    """Codes 0, 1, … drawn by weight."""
    edges = np.cumsum(weights) / np.sum(weights)
    return np.searchsorted(edges, rng.random(size), side="right").astype(np.int32).clip(0, len(weights) - 1)

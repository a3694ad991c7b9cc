"""Sheets of ``.xlsx`` workbooks: every cell as a text that still says which kind of cell it was."""

from __future__ import annotations

import datetime as dt
import warnings
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from padm_ibis.extras import need
from padm_ibis.sources.exact import CELL, ERROR
from padm_ibis.sources.files.text import Unreadable

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(slots=True)
class Sheet:
    """What a sheet holds.

    Attributes
    ----------
    columns
        Name → texts, a null for each empty cell.
    rows
        The sheet's number of each row.
    problems
        Row and reason of each cell that cannot be taken.
    """

    columns: dict[str, list[str | None]]
    rows: list[int] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def table(self) -> pa.Table:
        """The sheet as Arrow."""
        import pyarrow as pa

        return pa.table({name: pa.array(texts, pa.string()) for name, texts in self.columns.items()})


def titles(path: Path) -> Collection[str]:
    """Return the names of a workbook's sheets; `Unreadable` if it is none."""
    book = _book(path)
    try:
        return list(book.sheetnames)
    finally:
        book.close()


def read(path: Path, title: str, skip: int, null: Collection[str]) -> Sheet:
    """Return the rows of a sheet below its names; rows without any value are none.

    Parameters
    ----------
    skip
        Rows before the names.
    null
        Texts that mean: nothing there.

    Raises
    ------
    Unreadable
        If it has no names, or one twice.
    """
    book = _book(path)
    try:
        rows = _rows(book[title])
        head = next(((n, cells) for n, cells in rows if n > skip and any(c.value is not None for c in cells)), None)
        if head is None:
            raise Unreadable("not even a row of names", skip + 1)
        names = ["" if cell.value is None else str(cell.value).strip().lower() for cell in head[1]]
        if twice := [name for name in dict.fromkeys(names) if name and names.count(name) > 1]:
            raise Unreadable(f"the column {twice[0]} stands there twice", head[0])
        sheet = Sheet({name: [] for name in names if name})
        for number, cells in rows:
            _take(sheet, names, number, [None if cell.value in null else _text(cell) for cell in cells])
    finally:
        book.close()
    sheet.problems += _without_result(path, title)
    return sheet


def _take(sheet: Sheet, names: list[str], number: int, texts: list[str | None]) -> None:
    if not any(text and text.strip() for text in texts):
        return
    if surplus := [n for n, text in enumerate(texts, start=1) if text is not None and (n > len(names) or not names[n - 1])]:
        sheet.problems.append((number, f"a value in column {surplus[0]}, which has no name"))
    sheet.rows.append(number)
    for place, name in enumerate(names):
        if name:
            sheet.columns[name].append(texts[place] if place < len(texts) else None)


def _text(cell: Any) -> str | None:
    value = cell.value
    if value is None or isinstance(value, str):
        return f"{ERROR}{value}" if cell.data_type == "e" else value
    if isinstance(value, bool):
        return f"{CELL}{str(value).lower()}"
    if isinstance(value, float):
        return f"{CELL}{Decimal(repr(value)):f}"
    if isinstance(value, dt.datetime):
        return f"{CELL}{value.isoformat(sep=' ')}"
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{CELL}{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return f"{CELL}{value}"


def _rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    sheet.reset_dimensions()  # other programs than Excel write wrong ones
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        yield number, list(cells)


def _without_result(path: Path, title: str) -> list[tuple[int, str]]:
    """Return the formulas that no program has worked out yet: Excel keeps their results, others write none."""
    with zipfile.ZipFile(path) as parts:
        if not any(b"<f" in parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/")):
            return []
    values, formulas = _book(path), _book(path, formulas=True)
    try:
        pairs = zip(_rows(values[title]), _rows(formulas[title]), strict=True)
        return [
            (number, "a formula without its result: open and save the workbook in Excel")
            for (number, results), (_, cells) in pairs
            if any(cell.data_type == "f" and result.value is None for result, cell in zip(results, cells, strict=True))
        ]
    finally:
        values.close()
        formulas.close()


def _book(path: Path, *, formulas: bool = False) -> Any:
    need("excel", f"Reading {path.name}")
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on styles and extensions, which say nothing of values
            return load_workbook(path, read_only=True, data_only=not formulas)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError):
        raise Unreadable(f"{path.name}: it cannot be opened as a workbook") from None

"""Which file of a folder holds which table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Form = Literal["csv", "parquet", "sheet"]
_SUFFIXES: dict[str, Form] = {".csv": "csv", ".csv.gz": "csv", ".parquet": "parquet", ".xlsx": "sheet"}


@dataclass(frozen=True, slots=True)
class Place:
    """A file, or a sheet of a workbook, that holds one table."""

    path: Path
    form: Form
    sheet: str | None = None

    def __str__(self) -> str:
        """The file's name, and the sheet's."""
        return self.path.name if self.sheet is None else f"{self.path.name} (sheet {self.sheet})"

    @property
    def unit(self) -> str:
        """What the file consists of."""
        return "line" if self.sheet is None else "row"


def places(folder: Path, sheets: Callable[[Path], Collection[str]]) -> dict[str, list[Place]]:
    """Return, by table in lower case, every place in a folder that may hold it.

    Parameters
    ----------
    sheets
        Names the sheets of a workbook. A workbook of one sheet may also bear the table's name itself.
    """
    found: dict[str, list[Place]] = {}
    for path in sorted(folder.iterdir()):
        for name, place in _tables(path, sheets):
            found.setdefault(name.lower(), []).append(place)
    return found


def _tables(path: Path, sheets: Callable[[Path], Collection[str]]) -> Iterator[tuple[str, Place]]:
    name = path.name.lower()
    suffix = next((s for s in _SUFFIXES if name.endswith(s)), None)
    if suffix is None or name.startswith((".", "~$")):  # Excel's marks of files that are open
        return
    stem, form = name.removesuffix(suffix), _SUFFIXES[suffix]
    if form != "sheet":
        yield stem, Place(path, form)
        return
    titles = sheets(path)
    for title in titles:
        yield title, Place(path, form, title)
    if len(titles) == 1 and stem not in {title.lower() for title in titles}:
        yield stem, Place(path, form, next(iter(titles)))

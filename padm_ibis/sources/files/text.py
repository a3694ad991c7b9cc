"""A text file as DuckDB can read it: in UTF-8, its column names in the first line, whatever stood before them left out."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from padm_ibis.config import FilesConfig

_CHUNK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_SEPARATOR = re.compile(r"sep=(.{1,4})\Z", re.IGNORECASE)
# Stands for a separator of several characters where only one may be; Unicode keeps it for private use.
_ONE = "\ue000"


class Unreadable(Exception):
    """Why a file cannot be read, and on which line."""

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(text)
        self.text, self.line = text, line


@dataclass(frozen=True, slots=True)
class Text:
    """A text file, and what of it DuckDB reads.

    Attributes
    ----------
    readable
        The file itself, or a copy of it in UTF-8 without what stands before the column names.
    names
        The columns in order, in lower case; empty where one has no name.
    before
        Lines that the copy lacks.
    """

    path: Path
    readable: Path
    names: tuple[str, ...]
    separator: str
    quote: str
    before: int

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the first line and the fields of each record behind the column names."""
        with self.readable.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            for line, fields in islice(records(lines, self.separator, self.quote), 1, None):
                if fields or len(self.names) == 1:
                    yield self.before + line, fields


def open_text(path: Path, form: FilesConfig, copies: list[IO[bytes]]) -> Text:
    """Look at a file as far as its first record.

    Parameters
    ----------
    copies
        Takes the copy in UTF-8, where there has to be one: it has no name, and ends with this process.

    Raises
    ------
    Unreadable
        If it is not in its encoding, not compressed as its name says, or has no column names.
    """
    encoding, packed = _encoding(path, form.encoding), path.name.lower().endswith(".gz")
    first = next(_decoded(path, encoding), "").partition("\n")[0].rstrip("\r")
    told = _SEPARATOR.match(first)
    before, separator = form.skip + bool(told), told[1] if told else form.separator
    readable = path
    if packed or before or codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig", "ascii"):
        readable = _copied(path, encoding, before, copies)
    with readable.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        try:
            found = [fields for _, fields in islice(records(lines, separator, form.quote), 2)]
        except Unreadable as error:
            raise Unreadable(error.text, before + (error.line or 1)) from None
    if not found or not any(name.strip() for name in found[0]):
        raise Unreadable("not even a line of names", before + 1)
    names = [name.strip().lower() for name in found[0]]
    if twice := [name for name in dict.fromkeys(names) if name and names.count(name) > 1]:
        raise Unreadable(f"the column {twice[0]} stands there twice", before + 1)
    return Text(path, readable, _fitted(names, found[1] if len(found) > 1 else []), separator, form.quote, before)


def check_encoding(path: Path, form: FilesConfig) -> None:
    """Read a file through; `Unreadable` names the line that is not in its encoding."""
    for _ in _decoded(path, _encoding(path, form.encoding)):
        pass


def records(lines: Iterable[str], separator: str, quote: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line and the fields of each record; those of an empty line are none."""
    several = len(separator) > 1
    reader = csv.reader(
        (line.replace(separator, _ONE) for line in lines) if several else lines,
        delimiter=_ONE if several else separator, quotechar=quote, strict=True,
    )  # fmt: skip
    last = 0
    while True:
        try:
            fields = next(reader, None)
        except csv.Error:
            raise Unreadable("quotes that do not end, or in the wrong place", last + 1) from None
        if fields is None:
            return
        yield last + 1, [field.replace(_ONE, separator) for field in fields] if several else fields
        last = reader.line_num


def _fitted(names: list[str], first: list[str]) -> tuple[str, ...]:
    """Separators at the ends of lines make columns without a name; the first record says how many there are."""
    while len(names) > len(first) > 0 and not names[-1]:
        names.pop()
    while 0 < len(names) < len(first) and not any(first[len(names) :]):
        names.append("")
    return tuple(names)


def _encoding(path: Path, declared: str) -> str:
    with _opened(path) as file:
        start = _reading(file, 4)
    return next((name for mark, name in _MARKS if start.startswith(mark)), declared)


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def _reading(file: IO[bytes], size: int) -> bytes:
    try:
        return file.read(size)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise Unreadable("it is not a whole gzip file") from None


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    """Yield the file's text, piece by piece."""
    decoder, lines = codecs.getincrementaldecoder(encoding)(), 1
    with _opened(path) as file:
        while True:
            chunk = _reading(file, _CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                passed = error.object[: error.start].decode(encoding, errors="ignore").count("\n")
                raise Unreadable(f"not in the encoding {encoding}", lines + passed) from None
            lines += text.count("\n")
            yield text
            if not chunk:
                return


def _copied(path: Path, encoding: str, before: int, copies: list[IO[bytes]]) -> Path:
    copy: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as its view is read
    copies.append(copy)
    for text in _decoded(path, encoding):
        rest = text
        while before and rest:
            _, newline, rest = rest.partition("\n")
            before -= bool(newline)
        copy.write(rest.encode())
    copy.flush()
    return Path(f"/dev/fd/{copy.fileno()}")

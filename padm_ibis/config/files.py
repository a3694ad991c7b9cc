"""How the files of a ``files://`` source are written: for all of them, for one, for a column of one."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from padm_ibis.config.section import Section

_DIRECTIVES = "dmYybBHIMSfpz%"
_ONE_WORD = ("iso", "excel")


def _encoding(value: str) -> str:
    try:
        return codecs.lookup(value).name
    except LookupError:
        raise ValueError(f"{value!r} is no encoding") from None


def _format(value: str) -> str:
    """A format from which a day can be read, without a guess."""
    if value in _ONE_WORD:
        return value
    found = re.findall("%-?(.)", value)
    if unknown := [letter for letter in found if letter not in _DIRECTIVES]:
        known = " ".join(f"%{letter}" for letter in _DIRECTIVES)
        raise ValueError(f"%{unknown[0]} is not known: {known}, or the word iso or excel")
    if missing := [names for names in ("Yy", "mbB", "d") if not set(names) & set(found)]:
        wanted = ", ".join(" or ".join(f"%{letter}" for letter in names) for names in missing)
        raise ValueError(f"says no whole day: {wanted} is missing")
    if ("I" in found) != ("p" in found):
        raise ValueError("%I needs %p, and %p needs %I")
    return value


Encoding = Annotated[str, AfterValidator(_encoding)]
Format = Annotated[str, AfterValidator(_format)]
Thousands = Annotated[str, Field(max_length=1)]
Separator = Annotated[str, Field(min_length=1, max_length=4)]
Quote = Annotated[str, Field(min_length=1, max_length=1)]
Nulls = Annotated[list[str], Field(min_length=1)]
Skip = Annotated[int, Field(ge=0)]


class ColumnFormat(Section):
    """``[sources.<name>.files.tables.<table>.columns.<column>]``: how one column is written, where it differs."""

    decimal: Literal[".", ","] | None = Field(default=None, description="The decimal sign of its numbers.")
    thousands: Thousands | None = Field(default=None, description="What stands between groups of three digits.")
    date_format: Format | None = Field(default=None, description="How its dates are written.")
    timestamp_format: Format | None = Field(default=None, description="How its instants are written.")


class TableFormat(ColumnFormat):
    """``[sources.<name>.files.tables.<table>]``: how one table's file is written, where it differs from the others."""

    encoding: Encoding | None = Field(default=None, description="Its encoding.")
    separator: Separator | None = Field(default=None, description="What stands between two values.")
    quote: Quote | None = Field(default=None, description="What texts may be enclosed in; doubled inside.")
    skip: Skip | None = Field(default=None, description="Lines before the one with the column names.")
    null: Nulls | None = Field(default=None, description="Texts that mean: nothing there.")
    columns: dict[str, ColumnFormat] = Field(default_factory=dict, description="Columns that are written otherwise.")


class FilesConfig(Section):
    """``[sources.<name>.files]``: how the files of a ``files://`` source are written."""

    encoding: Encoding = Field(
        default="utf-8", description="Encoding of CSV files, such as 'windows-1252'; a byte order mark says it by itself."
    )
    separator: Separator = Field(
        default=",", description="What stands between two values, up to four characters; a first line sep=; says it by itself."
    )
    quote: Quote = Field(default='"', description="What texts may be enclosed in; doubled inside.")
    skip: Skip = Field(default=0, description="Lines before the one with the column names: titles, dates of print.")
    decimal: Literal[".", ","] = Field(default=".", description="The decimal sign of numbers.")
    thousands: Thousands = Field(default="", description="What stands between groups of three digits; by default nothing may.")
    date_format: Format = Field(
        default="iso", description="How dates are written: '%d/%m/%Y', 'excel' for serial numbers of days; by default as in ISO."
    )
    timestamp_format: Format = Field(
        default="iso",
        description="How instants are written, such as '%d/%m/%Y %H:%M'; by default as in ISO, with or without offset.",
    )
    null: Nulls = Field(default_factory=lambda: [""], description="Texts that mean: nothing there.")
    tables: dict[str, TableFormat] = Field(default_factory=dict, description="Files that are written otherwise, by table.")

    @model_validator(mode="after")
    def _signs_differ(self) -> FilesConfig:
        for table in self.tables:
            self.of(table)
        if self.thousands == self.decimal:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}")
        return self

    def of(self, table: str, column: str | None = None) -> FilesConfig:
        """Return how one table's file is written, or one column of it."""
        found = next((form for name, form in self.tables.items() if name.lower() == table.lower()), None)
        chosen = _given(found)
        if found is not None and column is not None:
            chosen |= _given(next((form for name, form in found.columns.items() if name.lower() == column.lower()), None))
        return FilesConfig(**{**self.model_dump(exclude={"tables"}), **chosen})


def _given(form: ColumnFormat | None) -> dict[str, object]:
    return (
        {} if form is None else {name: value for name, value in form.model_dump(exclude={"columns"}).items() if value is not None}
    )

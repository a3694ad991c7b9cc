"""Every error this library raises on purpose.

    PadmError                        base: message, blank line, hint; carries an exit code
    ├── UsageError            (2)    a wrong argument, name or date
    │   ├── ConfigError              a key, variable or URL in ``padm.toml``
    │   ├── MissingExtra             a package that this use needs is not installed
    │   └── UnknownName              a table, column or layer that does not exist
    ├── DefinitionError       (2)    a model that cannot be part of the graph
    │   └── SchemaMismatch           an expression that does not yield its contract
    ├── SourceError           (3)    a source that cannot be read
    │   ├── SourceUnreachable        no connection
    │   ├── SourceConflict           a standby cancelled the reading: another snapshot may do
    │   ├── SourceShapeError         a required table or column is missing
    │   └── SourceShrunk             a table lost more rows than is likely
    ├── WarehouseError        (3)    the warehouse cannot be opened or written
    │   ├── WarehouseMissing         nothing was published there yet
    │   ├── WarehouseDamaged         its file cannot be read: truncated, overwritten, another program's
    │   ├── WarehouseTooNew          a newer version of this library made it
    │   └── WarehouseBusy     (4)    another run holds it
    ├── BuildFailed           (1)    a table's statement failed on the data there is
    └── CheckFailed           (1)    data broke a contract; carries Pandera's SchemaErrors

Messages say what, where, what exists and what to try. They never hold personal data or a password.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, ClassVar


class PadmError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    message
        What went wrong and where.
    hint
        What to try, shown on a line of its own.

    Attributes
    ----------
    report
        Of an error that ended a run: the `padm_ibis.report.run.RunReport` up to there.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = message
        self.hint = hint
        self.report: Any = None
        super().__init__(message if hint is None else f"{message}\n\nHint: {hint}")


class UsageError(PadmError):
    """A wrong argument: nothing was started."""

    exit_code = 2


class ConfigError(UsageError):
    """A wrong key, value or variable in the configuration."""


class MissingExtra(UsageError):
    """A use whose extra is not installed; the hint is the line that installs it.

    Parameters
    ----------
    what
        The use, as the sentence begins.
    modules
        What cannot be imported.
    extra
        The extra of this distribution that brings them.
    """

    def __init__(self, what: str, modules: Iterable[str], extra: str) -> None:
        super().__init__(f"{what} needs {', '.join(modules)}, which is not installed.", hint=f"pip install 'padm-ibis[{extra}]'")


class UnknownName(UsageError):
    """A name that does not exist; lists the nearest ones."""

    def __init__(self, kind: str, name: str, existing: Iterable[str], *, where: str = "") -> None:
        self.kind, self.name, self.existing = kind, name, tuple(sorted(existing))
        place = f" in {where}" if where else ""
        super().__init__(f"There is no {kind} named {name!r}{place}.", hint=did_you_mean(name, self.existing))


class DefinitionError(PadmError):
    """A model whose signature, grain or expression cannot be accepted."""

    exit_code = 2


class SchemaMismatch(DefinitionError):
    """An expression whose columns or types are not those of its contract."""


class SourceError(PadmError):
    """A source that could not be read."""

    exit_code = 3


class SourceUnreachable(SourceError):
    """No connection to a source."""


class SourceShapeError(SourceError):
    """A required table or column is missing at a source, or has a type that does not convert."""


class SourceConflict(SourceError):
    """A standby cancelled the reading, since replication wanted to change what it saw; another snapshot may do."""


class SourceShrunk(SourceError):
    """A table that was read whole has far fewer rows than after the last run."""


class WarehouseError(PadmError):
    """The warehouse cannot be opened, read or written."""

    exit_code = 3


class OutOfMemory(WarehouseError):
    """DuckDB needs more memory than it may take."""


class WarehouseMissing(WarehouseError):
    """Nothing was published there yet."""


class WarehouseDamaged(WarehouseError):
    """The warehouse's file cannot be read: truncated, overwritten, of another program or of another version of DuckDB."""


class WarehouseTooNew(WarehouseError):
    """A newer version of this library made the warehouse."""


class WarehouseBusy(WarehouseError):
    """Another run holds the warehouse."""

    exit_code = 4


class BuildFailed(PadmError):
    """A table's statement failed on the data there is: nothing was published."""

    exit_code = 1


class CheckFailed(PadmError):
    """Data that breaks a contract or a relation.

    Attributes
    ----------
    schema_errors
        One ``pandera.errors.SchemaErrors`` per table that failed.
    """

    exit_code = 1

    def __init__(self, message: str, *, schema_errors: Iterable[Exception] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.schema_errors = tuple(schema_errors)


def did_you_mean(name: str, existing: Iterable[str]) -> str:
    """Return a hint that names the nearest existing names, or all of them when none is near."""
    names = sorted(existing)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(repr(n) for n in near)}?"
    return f"There are: {', '.join(names)}." if names else "There are none."


def came_of_interrupt(error: BaseException) -> bool:
    """Whether an error arose while an interrupt was handled: tidying up, a file was closed twice, a server out of reach."""
    before: BaseException | None = error
    while before is not None and not isinstance(before, KeyboardInterrupt):
        before = before.__context__
    return before is not None

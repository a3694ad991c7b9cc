"""Where a user's tables are written: a package beside ``padm.toml``, and ``tests``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from padm_ibis.config import Config
from padm_ibis.errors import UsageError

DEFAULT = "marts"
_INIT = '"""Tables of our own: a file is a table."""\n'


def choose(config: Config, given: str | None) -> str:
    """Return the package that a new table is written into.

    Raises
    ------
    UsageError
        If it is no name, or that of something else.
    """
    free = (name for name in config.models.modules if _in_the_way(config.folder, name) is None)
    name = given or next(free, DEFAULT)
    if (obstacle := _in_the_way(config.folder, name)) is not None:
        raise UsageError(obstacle, hint="Name a package for it: --module marts, or ours.marts.")
    return name


def _in_the_way(folder: Path, name: str) -> str | None:
    """Why no table can be written into a package of this name."""
    if not all(part.isidentifier() and not iskeyword(part) for part in name.split(".")):
        return f"{name!r} is no name of a package."
    file, top = _folder(folder, name).with_suffix(".py"), name.split(".")[0]
    if file.exists():
        return f"{name} is one file, {file.name}; a new table gets a file of its own, in a package."
    if not (folder / top).is_dir() and (top in sys.stdlib_module_names or find_spec(top) is not None):
        return f"There is a module {top!r} elsewhere, which would be imported instead of one beside the configuration."
    return None


def paths(folder: Path, module: str, table: str) -> tuple[Path, Path]:
    """Return the file of a table and that of its test."""
    return _folder(folder, module) / f"{table}.py", folder / "tests" / f"test_{table}.py"


def has_tables(folder: Path, module: str) -> bool:
    """Whether a package has any file but its ``__init__``."""
    return any(path.name != "__init__.py" for path in _folder(folder, module).glob("*.py"))


def is_configured(config: Config, module: str) -> bool:
    """Whether the tables of a package are built: it, or one it is part of, stands in ``[models] modules``."""
    return any(f"{module}.".startswith(f"{name}.") for name in config.models.modules)


def refuse_existing(folder: Path, files: Iterable[Path]) -> None:
    """Raise if one of the files is there.

    Raises
    ------
    UsageError
        It names them all.
    """
    if there := [path.relative_to(folder).as_posix() for path in files if path.exists()]:
        raise UsageError(f"Not overwritten: {', '.join(there)}.", hint="Choose another name, or move what is there away.")


def write(folder: Path, module: str, texts: Mapping[Path, str]) -> list[Path]:
    """Write files that do not exist yet, and what makes their folder a package; return what was written.

    Raises
    ------
    UsageError
        If one cannot be written.
    """
    marks = {path: _INIT for path in _marks(folder, module) if not path.exists()}
    written = []
    for path, text in {**marks, **texts}.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise UsageError(f"{path.relative_to(folder).as_posix()} cannot be written: {error.strerror}.") from None
        written.append(path)
    return written


def _folder(folder: Path, module: str) -> Path:
    return folder.joinpath(*module.split("."))


def _marks(folder: Path, module: str) -> Iterator[Path]:
    for part in module.split("."):
        folder = folder / part
        yield folder / "__init__.py"

"""A fingerprint of the code that makes the tables: cheap enough to be taken before anything heavy is imported."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from padm_ibis.version import __version__

PACKAGE = Path(__file__).resolve().parent.parent
ENGINES = ("ibis-framework", "sqlglot", "duckdb", "pandera")  # a new version may write another statement
NAMED = ("ibis-framework", "sqlglot", "duckdb", "pyarrow")
# Parts of the package that make no table: what they hold may change without anything being rebuilt.
APART = (
    "api.py",
    "audit/",
    "author/",
    "cli.py",
    "commands/",
    "engine/check.py",
    "export.py",
    "processes.py",
    "publish/",
    "report/",
    "sample/",
    "schedule.py",
    "testing/",
    "warehouse.py",
)


def versions() -> dict[str, str]:
    """Return the versions of this library, of Python and of the libraries that decide what a table holds."""
    return {"padm-ibis": __version__, "python": platform.python_version(), **{name: _version(name) for name in NAMED}}


@cache
def package() -> str:
    """Return the fingerprint of this package's tables and of the libraries they run on."""
    files = (path for path in PACKAGE.rglob("*.py") if not path.relative_to(PACKAGE).as_posix().startswith(APART))
    return _digest(files, *(f"{name} {_version(name)}" for name in ENGINES))


@cache
def everything() -> str:
    """Return the fingerprint of all of this package, what proves and tells included, and of what it runs on."""
    libraries = (f"{name} {_version(name)}" for name in dict.fromkeys((*ENGINES, *NAMED)))
    return _digest(PACKAGE.rglob("*.py"), platform.python_version(), *libraries)


@cache
def module(name: str) -> str:
    """Return the fingerprint of a user's module, with all files of its folder when it is a package."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        return ""
    origin = Path(spec.origin)
    return _digest(origin.parent.rglob("*.py") if origin.name == "__init__.py" else [origin])


def of(names: Iterable[str]) -> str:
    """Return the fingerprint of this package and of the modules ``names``: of a whole graph."""
    return hashlib.sha256(" ".join([package(), *(name + module(name) for name in names)]).encode()).hexdigest()[:16]


def _digest(files: Iterable[Path], *more: str) -> str:
    digest = hashlib.sha256()
    for part in (*_contents(files), *(text.encode() for text in more)):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:16]


def _contents(files: Iterable[Path]) -> Iterator[bytes]:
    for path in sorted(files):
        yield path.name.encode()
        yield path.read_bytes()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""

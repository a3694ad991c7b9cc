"""The tables that can be built: as names at once, as models when they are needed.

Importing the models costs seconds (Ibis, Pandera); a run without news needs their names only. Those are kept
in a file named after the code they were read from, so that it can never be out of date.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import pkgutil
import sys
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from padm_ibis import access, atomic
from padm_ibis.define import code
from padm_ibis.define.dag import Dag
from padm_ibis.define.statements import Statements
from padm_ibis.errors import ConfigError, DefinitionError
from padm_ibis.params import Params
from padm_ibis.sources.spec import KINDS

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.define.graph import Graph, TableFunction
    from padm_ibis.define.source_table import SourceTable


class Definitions:
    """What a configuration's tables are.

    Parameters
    ----------
    config
        Names the modules of the user's own models and kinds of sources.

    Attributes
    ----------
    kinds
        The package's own kinds of sources among the configured ones; without any source, Guaraní.
    statements
        SQL that earlier runs of this very code wrote.
    """

    def __init__(self, config: Config) -> None:
        kinds = {source.kind for source in config.sources.values()}
        # Tables of a kind belong to a warehouse that such a source feeds; without any source, the package's own do.
        self.kinds = tuple(sorted(kinds & {*KINDS})) if kinds else ("guarani",)
        self.modules = tuple(dict.fromkeys([*sorted(kinds - {*KINDS}), *config.models.modules]))
        if self.modules and str(config.folder) not in sys.path:
            sys.path.append(str(config.folder))  # a module beside padm.toml is found wherever the command is started
        self.code = code.of([*self.modules, *self.kinds])
        self._config = config
        which = f"{self.code}{'-sensitive' * config.pipeline.include_sensitive}"
        self._file = config.state / f"tables-{which}.json"
        self._checked = self._file.with_suffix(".checked")
        self.statements = Statements(config.state / f"statements-{which}.json")

    @cached_property
    def dag(self) -> Dag:
        """Every table, as names."""
        if "graph" not in self.__dict__:
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                return Dag.loads(self._file.read_text(encoding="utf-8"))
        return self.graph.dag

    @cached_property
    def graph(self) -> Graph:
        """Every table, as models; imports Ibis and Pandera."""
        from padm_ibis.definitions import collect

        return collect(self.modules, kinds=self.kinds)

    @cached_property
    def fingerprints(self) -> Mapping[str, str]:
        """Module → fingerprint of its code, with that of the package which it was configured with; ``""`` is this package."""
        modules = {node.module for node in self.dag if node.module}
        return {"": code.package(), **{name: code.module(self._home(name)) for name in sorted(modules)}}

    def _home(self, module: str) -> str:
        """The configured module that a file is part of: words that its models share count for all of them."""
        return next((name for name in self.modules if f"{module}.".startswith(f"{name}.")), module)

    def params(self, as_of: dt.date) -> Params:
        """Return the parameters of a run that speaks for ``as_of``."""
        return self._config.params(as_of)

    def unchecked(self, names: Iterable[str]) -> list[str]:
        """Return the tables whose expressions no run of this very code has compared with their contracts."""
        with contextlib.suppress(OSError):
            checked = self._checked.read_text(encoding="utf-8").split()
            return [name for name in names if name not in checked]
        return list(names)

    def keep(self, checked: Iterable[str]) -> None:
        """Keep the names, and which tables were checked, for the next run; the folder must exist."""
        fresh = self.unchecked(checked)
        if not fresh:
            return
        with contextlib.suppress(OSError):
            for old in self._file.parent.glob("tables-*"):
                if old.stem != self._file.stem:
                    old.unlink(missing_ok=True)
            atomic.write(self._file, self.dag.dumps())
            with access.create(self._checked, "a") as file:
                file.write("".join(f"{name}\n" for name in fresh))


def collect(modules: Sequence[str] = (), *, kinds: Collection[str] = ("guarani",)) -> Graph:
    """Return the graph of this package's tables and of those in ``modules``; see `define.graph.build`.

    Parameters
    ----------
    kinds
        The package's own kinds of sources that feed the warehouse: it has the tables for which all they need is there.
    """
    from padm_ibis.define.graph import build, marked

    functions: list[TableFunction] = []
    sources: dict[str, SourceTable] = {}
    own = [(module, plan) for module, plan, needs in OWN if needs <= {*kinds}]
    named = [*own, *((name, "") for name in modules)]
    imported = _imported(list(dict.fromkeys(name for name, _ in named)))
    for name, plan in named:
        module = imported[name]
        files = [imported[part] for part in imported if part.startswith(f"{name}.")]
        found = getattr(module, plan) if plan else [function for file in (module, *files) for function in marked(file)]
        tables = getattr(module, "TABLES", {})
        if not found and not tables:
            raise ConfigError(
                f"models.modules: {name} has no model: no function in it is marked.",
                hint="Mark each with @model(<its contract>). `padm-ibis new mart` writes one.",
            )
        functions += found
        sources |= tables
    return build(functions, sources)


_GUARANI, _MOODLE = frozenset({"guarani"}), frozenset({"moodle"})
OWN = (
    ("padm_ibis.sources.guarani", "", _GUARANI),
    ("padm_ibis.sources.moodle", "", _MOODLE),
    ("padm_ibis.bronze", "BRONZE", _GUARANI),
    ("padm_ibis.bronze_lms", "BRONZE", _MOODLE),
    ("padm_ibis.silver", "SILVER", _GUARANI),
    ("padm_ibis.silver", "LMS", _GUARANI | _MOODLE),
    ("padm_ibis.gold", "GOLD", _GUARANI),
)
"""This package's tables, in their order: module, its floor plan, and the kinds of sources without which it has none."""
NO_TABLES = ("_", "test_", "tests", "conftest")
"""How files of a user's package begin in which no table is looked for."""


def _imported(names: Sequence[str]) -> dict[str, ModuleType]:
    """Import all modules, with every file of a user's package; what is wrong is told of all at once.

    Raises
    ------
    ConfigError
        If the configuration names modules that do not exist, and nothing else is wrong.
    DefinitionError
        If code in them cannot be imported.
    """
    from padm_ibis.define import mistakes

    modules: dict[str, ModuleType] = {}
    absent, broken = list[str](), list[str]()
    given, waiting = set(names), deque(dict.fromkeys(names))
    while waiting:
        name = waiting.popleft()
        try:
            modules[name] = import_module(name)
            waiting += [file for file in _files(modules[name]) if file not in given]
        except Exception as error:  # whatever a user's code may raise
            if isinstance(error, ModuleNotFoundError) and name in given and f"{name}.".startswith(f"{error.name or name}."):
                missing = error.name or name
                absent.append(f"models.modules: there is no module {missing!r}.{mistakes.near_module(missing)}")
            else:
                broken.append(mistakes.in_module(name, error))
    if broken:
        raise DefinitionError("\n".join(absent + broken))
    if absent:
        hint = "It may be an installed package, a file beside padm.toml, or on PYTHONPATH."
        raise ConfigError("\n".join(absent), hint=hint)
    return modules


def _files(package: ModuleType) -> Iterator[str]:
    """Yield the modules of a user's package: a file is a table there too, without being named once more."""
    if package.__name__.split(".")[0] != "padm_ibis":
        for found in pkgutil.iter_modules(getattr(package, "__path__", ()), f"{package.__name__}."):
            if not found.name.rpartition(".")[2].startswith(NO_TABLES):
                yield found.name

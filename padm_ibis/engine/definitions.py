"""The tables that can be built: as names at once, as models when they are needed.

Importing the models costs seconds (Ibis, Pandera); a run without news needs their names only. Those are kept
in a file named after the code they were read from, so that it can never be out of date.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from padm_ibis.engine import code
from padm_ibis.engine.dag import Dag
from padm_ibis.params import Params

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.engine.graph import Graph


class Definitions:
    """What a configuration's tables are.

    Parameters
    ----------
    config
        Names the modules of the user's own models and kinds of sources.

    Attributes
    ----------
    known
        Whether this very code was collected and checked by an earlier run.
    """

    def __init__(self, config: Config) -> None:
        kinds = {source.kind for source in config.sources.values()}
        # Tables of a kind belong to a warehouse that such a source feeds; without any source, the package's own do.
        self.guarani = "guarani" in kinds or not kinds
        self.modules = tuple(dict.fromkeys([*sorted(kinds - {"guarani"}), *config.models.modules]))
        self.code = code.of([*self.modules, *(["guarani"] if self.guarani else [])])
        self._config = config
        self._file = config.state / f"tables-{self.code}{'-sensitive' * config.pipeline.include_sensitive}.json"
        self.known = self._file.is_file()

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
        from padm_ibis.engine.graph import collect

        return collect(self.modules, guarani=self.guarani)

    @cached_property
    def fingerprints(self) -> Mapping[str, str]:
        """Module → fingerprint of its code; ``""`` is this package."""
        modules = {node.module for node in self.dag if node.module}
        return {"": code.package(), **{name: code.module(name) for name in sorted(modules)}}

    def params(self, as_of: dt.date) -> Params:
        """Return the parameters of a run that speaks for ``as_of``."""
        return self._config.pipeline.params(as_of)

    def keep(self) -> None:
        """Keep the names for the next run; the folder must exist."""
        if self.known:
            return
        with contextlib.suppress(OSError):
            for old in self._file.parent.glob("tables-*.json"):
                old.unlink(missing_ok=True)
            temporary = self._file.with_suffix(".tmp")
            temporary.write_text(self.dag.dumps(), encoding="utf-8")
            temporary.replace(self._file)

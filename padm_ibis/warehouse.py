"""The published warehouse as Ibis tables: read-only, and never in the way of a run."""

from __future__ import annotations

import datetime as dt
import inspect
import json
import os
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from padm_ibis.backends.base import Reader, backend_of
from padm_ibis.config import Config, load_config
from padm_ibis.define.layers import LAYERS
from padm_ibis.errors import UnknownName, WarehouseError
from padm_ibis.params import Params

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.sql import SQLBackend

    from padm_ibis.config import Url


def connect(
    config: Config | str | os.PathLike[str] | None = None, *, profile: str | None = None, warehouse: str | None = None
) -> Warehouse:
    """Open the published warehouse.

    Parameters
    ----------
    config
        A configuration, or the path of one; by default ``./padm.toml``, else the embedded sample's.
    profile
        Name of the profile to lay over the file.
    warehouse
        A URL that replaces the configured one.

    Raises
    ------
    WarehouseError
        If nothing was published yet, or it cannot be reached.
    """
    settings = config if isinstance(config, Config) else load_config(config, profile, warehouse, secrets=False)
    return Warehouse(settings)


class Warehouse:
    """A complete, consistent version of all tables, as it was when it was opened.

    Examples
    --------
    >>> wh = connect()  # doctest: +SKIP
    >>> wh.gold.mart_cohort_analysis.filter(lambda t: t.cohorte >= 2015).to_pyarrow()  # doctest: +SKIP
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._opened = backend_of(config).read()
        self._reader: Reader = self._opened.__enter__()
        self._tables = self._reader.tables()
        self.bronze, self.silver, self.gold = (LayerTables(self, layer) for layer in LAYERS)

    @property
    def con(self) -> SQLBackend:
        """The Ibis connection, for what is not covered here."""
        return self._reader.con

    @property
    def url(self) -> Url:
        """Where it is kept; shows itself without a password."""
        return self.config.warehouse.url

    @property
    def dialect(self) -> str:
        """The SQL that it speaks."""
        return self._reader.dialect

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one SQL statement and return its rows."""
        return self._reader.execute(sql)

    def table(self, name: str) -> ir.Table:
        """Return a table by its name, ``dim_student`` or ``silver.dim_student``.

        Raises
        ------
        UnknownName
            If there is none; names the nearest.
        """
        layer, _, bare = name.rpartition(".")
        places = [layer] if layer else [found for found in LAYERS if bare in self._tables[found]]
        if not places or bare not in self._tables.get(places[0], ()):
            existing = [f"{found}.{table}" if layer else table for found in LAYERS for table in self._tables[found]]
            raise UnknownName("table", name, existing, where="the warehouse")
        return self.con.table(bare, database=places[0])

    def tables(self) -> dict[str, tuple[str, ...]]:
        """Return the names of all tables by layer; ``_padm`` holds what the warehouse knows about itself."""
        return {layer: tuple(sorted(names)) for layer, names in self._tables.items()}

    def bind(self, function: Callable[..., ir.Table], params: Params | None = None) -> ir.Table:
        """Return the expression of a model, or of any function whose parameters are table names, over this warehouse.

        Parameters
        ----------
        params
            What the reserved parameter ``params`` gets; by default those of the published run.
        """
        names = [p.name for p in inspect.signature(function).parameters.values()]
        given: dict[str, Any] = {name: self.table(name) for name in names if name != "params"}
        if "params" in names:
            given["params"] = params or self.params
        return function(**given)

    @property
    def params(self) -> Params:
        """The parameters of the run that made the published version; of one that loaded bronze where nothing else is built.

        Raises
        ------
        WarehouseError
            If the warehouse does not know: it was not made by this library.
        """
        run = self._last_run("layer <> 'bronze'") or self._last_run("true")
        if run is None:
            hint = "Was it made by padm-ibis? `padm-ibis run` makes one; name it with --warehouse or [warehouse] url."
            raise WarehouseError(f"The warehouse {self.url} has no record of a run.", hint=hint)
        return Params(as_of=run[1], **json.loads(run[2]))

    @property
    def as_of(self) -> dt.date:
        """The date the published version speaks for."""
        return self.params.as_of

    @property
    def run_id(self) -> str | None:
        """The run that published this version."""
        run = self._last_run("true")
        return None if run is None else run[0]

    def _last_run(self, condition: str) -> tuple[Any, ...] | None:
        if "runs" not in self._tables["_padm"]:
            return None
        known = self._reader.execute(
            "SELECT 1 FROM information_schema.columns"
            " WHERE table_schema = '_padm' AND table_name = 'runs' AND column_name = 'published'"
        )
        # Warehouses of earlier versions do not say it, and tell of few runs that published nothing.
        published = "coalesce(published, status IN ('ok', 'partial'))" if known else "status IN ('ok', 'partial')"
        # Runs after the one whose version readers see may have published, too, until somebody brought readers back.
        shown = self._reader.published_run()
        until = "started_at <= coalesce((SELECT started_at FROM _padm.runs WHERE run_id = ?), started_at)"
        found = self._reader.execute(
            f"SELECT run_id, as_of, params FROM _padm.runs WHERE {published} AND {condition} AND {until}"
            " ORDER BY CASE WHEN run_id = ? THEN 0 ELSE 1 END, started_at DESC, run_id DESC LIMIT 1",
            [shown, shown],
        )
        return found[0] if found else None

    def close(self) -> None:
        """Close the connection."""
        self._opened.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self._tables[layer])} {layer}" for layer in LAYERS)
        return f"<Warehouse {self.url}: {counts}>"


class LayerTables:
    """The tables of one layer as attributes."""

    def __init__(self, warehouse: Warehouse, layer: str) -> None:
        self._warehouse, self._layer = warehouse, layer

    def __getattr__(self, name: str) -> ir.Table:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._warehouse.table(f"{self._layer}.{name}")
        except UnknownName as error:
            raise AttributeError(str(error)) from None

    def __getitem__(self, name: str) -> ir.Table:
        return self._warehouse.table(f"{self._layer}.{name}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._warehouse.tables()[self._layer])

    def __dir__(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        return f"<{self._layer}: {', '.join(self)}>"

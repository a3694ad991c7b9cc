"""A new mart: its model with its contract, and a test that fails until its author says what the rows are."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from padm_ibis.author import package, templates
from padm_ibis.author.grain import key_columns, table_with
from padm_ibis.config import Config, load_config
from padm_ibis.define.graph import READS, Graph
from padm_ibis.define.model import Model, camel
from padm_ibis.definitions import Definitions, collect
from padm_ibis.errors import UnknownName, UsageError
from padm_ibis.report.tables import NewTable

PREFIX = "mart_"
LONGEST = 63  # bytes of a name in PostgreSQL
_SNAKE = re.compile(r"mart(_[a-z0-9]+)+")


def new_mart(
    name: str,
    grain: Sequence[str],
    *,
    depends: Sequence[str] = (),
    module: str | None = None,
    config: Config | str | os.PathLike[str] | None = None,
    profile: str | None = None,
) -> NewTable:
    """Write the files of a new gold table: a model that counts rows, its contract, and a test to be filled in.

    Parameters
    ----------
    name
        Of the table, its file, its function and its test: ``mart_`` and lower-case words joined by underscores.
    grain
        Columns that identify a row, each a column of what it reads; all in one of the tables.
    depends
        Tables that it reads; by default the first of silver, else of gold, with several rows to one of the grain.
    module
        Package that it is written into, below the folder of the configuration; by default the first of
        ``[models] modules`` that is there, else ``marts``.
    config, profile
        As for `padm_ibis.connect`.

    Raises
    ------
    UsageError
        If a name cannot be used, or one of the files exists: none is ever overwritten.
    UnknownName
        If there is no such column or table.
    """
    settings = config if isinstance(config, Config) else load_config(config, profile, secrets=False)
    package_name = package.choose(settings, module)
    files = package.paths(settings.folder, package_name, name)
    _refuse_name(name)
    graph = _graph(settings, package_name)
    if name in graph.names or camel(name) in {m.contract.__name__ for m in graph}:
        raise UsageError(f"There is a table {name!r} already.", hint=f"`padm-ibis show {name}` says what it holds.")
    package.refuse_existing(settings.folder, files)
    reads = _reads(graph, tuple(dict.fromkeys(grain)), tuple(dict.fromkeys(depends)))
    columns = key_columns(graph, reads[0], grain)
    parts = templates.Parts(name, package_name, columns, reads[0], reads)
    made = package.write(settings.folder, package_name, {files[0]: templates.model(parts), files[1]: templates.test(parts)})
    return NewTable(
        table=name,
        key=[column.name for column in columns],
        reads=[table.name for table in reads],
        module=package_name,
        files=[path.relative_to(settings.folder).as_posix() for path in made],
        configured=package.is_configured(settings, package_name),
        modules=[*settings.models.modules, package_name],
        configuration=settings.path.name if settings.path else None,
    )


def _refuse_name(name: str) -> None:
    if _SNAKE.fullmatch(name) and len(name) <= LONGEST:
        return
    words = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
    words = PREFIX + words.removeprefix("mart").strip("_")
    near = f"Write {words!r}." if _SNAKE.fullmatch(words) and words != name and len(words) <= LONGEST else None
    raise UsageError(
        f"A mart cannot be named {name!r}: it is 'mart_' and lower-case words without accents, joined by underscores,"
        f" of at most {LONGEST} letters.",
        hint=near or "Such as mart_alumnos_por_propuesta.",
    )


def _graph(settings: Config, package_name: str) -> Graph:
    """What there is already; the package itself may be configured before its first table is written."""
    definitions = Definitions(settings)
    missing = {package_name} if not package.has_tables(settings.folder, package_name) else set()
    return collect([name for name in definitions.modules if name not in missing], kinds=definitions.kinds)


def _reads(graph: Graph, grain: tuple[str, ...], depends: tuple[str, ...]) -> tuple[Model, ...]:
    """The tables to read, that with the grain first."""
    readable = [model for model in graph if model.layer in READS["gold"]]
    names = {model.name for model in readable}
    for given in depends:
        if given in graph.names and given not in names:
            raise UsageError(f"{given} is {graph[given].layer}; a mart reads {' and '.join(READS['gold'])} only.")
        if given not in names:
            raise UnknownName("table", given, names)
    chosen = tuple(graph[given] for given in depends)
    first = table_with(grain, chosen or readable, among=readable)
    return (first, *(model for model in chosen if model != first))

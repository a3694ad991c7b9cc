"""What is read from a kind of source, as plain data: enough to extract without importing Ibis or Pandera.

A `KindSpec` is made once from the resources' expressions and contracts, each compiled for every dialect a source may
speak, and kept in a file: an ordinary run then starts in a fraction of the time. The file is named after the code it
was made from, so that it can never be out of date.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import import_module, metadata
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from padm_ibis import access, atomic
from padm_ibis.define.kept import Kept
from padm_ibis.define.layers import ABSENT, LOADER_COLUMNS
from padm_ibis.errors import DefinitionError, UnknownName, did_you_mean

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.expr.datatypes import DataType

    from padm_ibis.config import SourceConfig
    from padm_ibis.define.lineage import Origin, Ref
    from padm_ibis.define.model import Hash, Resource
    from padm_ibis.define.source_table import Identity, SourceTable

Dialect = Literal["postgres", "duckdb"]
DIALECTS: tuple[Dialect, ...] = ("postgres", "duckdb")
KINDS = {
    "guarani": ("padm_ibis.sources.guarani", "padm_ibis.bronze"),
    "moodle": ("padm_ibis.sources.moodle", "padm_ibis.bronze_lms"),
}
"""Kind → the modules of its tables and of its resources."""
PLACEHOLDER = re.compile(r'"padm_source__([A-Za-z0-9_]+)"')
_PREFIX = "padm_source__"
PREFIX = "mdl_"
"""What the names of tables begin with that an installation may begin otherwise."""


OWNERS: tuple[Identity, ...] = ("alumno", "persona")
"""What of a person a row may be of, the narrowest first."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A source table as the expressions expect it; see `padm_ibis.define.source_table.SourceTable`."""

    name: str
    columns: Mapping[str, str]
    required: frozenset[str]
    optional: bool
    epoch: frozenset[str] = frozenset()


PARTS = "padm_parts"
"""What stands for the parts of all windows in the statement that puts them together."""


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """How a resource is read window by window; see `padm_ibis.define.model.Windows`.

    Attributes
    ----------
    part
        Dialect → statement over placeholders for the source's tables.
    columns
        Name → type of what it yields.
    whole
        DuckDB's statement over `PARTS`.
    """

    table: str
    by: str
    at: str
    reason: str
    count: str
    part: Mapping[str, str]
    columns: Mapping[str, str]
    whole: str


@dataclass(frozen=True, slots=True)
class ResourceSpec:
    """A bronze table: its columns beside `LOADER_COLUMNS`, how it loads, and its statement.

    Attributes
    ----------
    columns
        Name → type of every column of the contract, ``source_db`` and the like included, in order.
    key
        Columns of the key, without ``source_db``.
    not_null
        Columns that the contract allows no null in.
    foreign_keys
        Column → ``table.column`` of bronze that it points to.
    sql
        Dialect → statement over placeholders for the source's tables.
    vital
        ``table.column`` of the source that the key, or a column of `not_null`, is computed from.
    made_of
        Column → tables of the source that its values come from.
    essential
        What of a source it is that nothing can be built without; None where it is optional.
    people
        Column → what of a person its values name.
    kept
        How it remembers what its source forgets; None where it does not.
    lookback
        Days that are read again before the watermark where nobody configured another number.
    left_out
        Words → dialect → statement that counts the rows which are left out on purpose.
    windows
        How it is read in parts; None where one statement reads it.
    """

    name: str
    load: Literal["full", "incremental"]
    cursor: str | None
    key: tuple[str, ...]
    columns: Mapping[str, str]
    not_null: frozenset[str]
    hashes: Mapping[str, Hash]
    fallback: Mapping[str, str]
    inputs: tuple[str, ...]
    foreign_keys: Mapping[str, str]
    sql: Mapping[str, str]
    vital: frozenset[str] = frozenset()
    made_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    essential: str | None = None
    people: Mapping[str, Identity] = field(default_factory=dict)
    kept: Kept | None = None
    lookback: int | None = None
    left_out: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    windows: WindowSpec | None = None

    @property
    def own_columns(self) -> dict[str, str]:
        """The columns that the statement yields."""
        return {name: kind for name, kind in self.columns.items() if name not in LOADER_COLUMNS}

    @property
    def owners(self) -> dict[str, Identity]:
        """The columns that say whose a row is, the one to go by first.

        A student record's number says it before a person's, which is of use beside it only where the table is the one that
        says whose the record is: its key.
        """
        found = {what: name for name, what in reversed(list(self.people.items()))}
        ordered = {found[what]: what for what in OWNERS if what in found}
        first = next(iter(ordered), None)
        return ordered if first is None or self.key == (first,) else {first: ordered[first]}


@dataclass(frozen=True, slots=True)
class KindSpec:
    """A kind of source: its tables, and the resources read from it in the order of the floor plan."""

    name: str
    tables: Mapping[str, TableSpec]
    resources: Mapping[str, ResourceSpec]

    def choose(self, names: Sequence[str] | None) -> list[ResourceSpec]:
        """Return the named resources, or all.

        Raises
        ------
        UnknownName
            If there is no such resource.
        """
        for name in names or ():
            if name not in self.resources:
                raise UnknownName("bronze resource", name, self.resources, where=f"the kind {self.name}")
        return [spec for spec in self.resources.values() if names is None or spec.name in names]

    def prefixed(self, before: str, after: str) -> KindSpec:
        """Return the kind as an installation has it that begins its tables' names otherwise."""
        if before == after:
            return self
        own = {n: f"{after}{n.removeprefix(before)}" if n.startswith(before) else n for n in self.tables}

        def told(ref: str) -> str:
            table, dot, column = ref.partition(".")
            return f"{own[table]}{dot}{column}"

        def renamed(texts: Mapping[str, str]) -> dict[str, str]:
            return {d: PLACEHOLDER.sub(lambda m: f'"{_PREFIX}{own[m[1]]}"', text) for d, text in texts.items()}

        return KindSpec(
            self.name,
            {own[name]: replace(table, name=own[name]) for name, table in self.tables.items()},
            {
                name: replace(
                    spec,
                    fallback={own[a]: own[b] for a, b in spec.fallback.items()},
                    inputs=tuple(own[table] for table in spec.inputs),
                    sql=renamed(spec.sql),
                    left_out={words: renamed(texts) for words, texts in spec.left_out.items()},
                    windows=spec.windows
                    and replace(spec.windows, table=own[spec.windows.table], part=renamed(spec.windows.part)),
                    vital=frozenset(told(ref) for ref in spec.vital),
                    made_of={column: tuple(own[table] for table in tables) for column, tables in spec.made_of.items()},
                )
                for name, spec in self.resources.items()
            },
        )

    def is_optional(self, spec: ResourceSpec) -> bool:
        """Whether a source may do without a resource; where a kind calls none essential, it needs all of them."""
        return spec.essential is None and any(other.essential for other in self.resources.values())

    def check_required(self, source: SourceConfig) -> None:
        """Refuse names in a source's ``require`` that are neither its resources nor its tables.

        Raises
        ------
        UnknownName
            For the first of them.
        """
        known = {*self.resources, *self.tables}
        for name in source.require:
            if name not in known:
                raise UnknownName("resource or source table", name, known, where=f"[sources.{source.name}] require")


def kind_spec(kind: str, cache_folder: Path | None = None) -> KindSpec:
    """Return what is read from sources of ``kind``.

    Parameters
    ----------
    kind
        ``guarani``, or a module of your own that has ``TABLES`` (name → SourceTable) and functions marked with ``@resource``.
    cache_folder
        Where to keep the compiled statements between runs.

    Raises
    ------
    UnknownName
        If there is no such kind.
    """
    modules = _modules(kind)
    if cache_folder is None:
        return _build(kind, modules)
    path = cache_folder / f"{re.sub(r'[^A-Za-z0-9_.]', '_', kind)}-{_fingerprint(modules)}.json"
    try:
        return _decode(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        spec = _build(kind, modules)
    _keep(path, spec)
    return spec


def kind_of(source: SourceConfig, cache_folder: Path | None = None) -> KindSpec:
    """Return what is read from a configured source, its tables named as they are there; see `kind_spec`."""
    return kind_spec(source.kind, cache_folder).prefixed(PREFIX, source.prefix)


def spec_of(kind: str, tables: Mapping[str, SourceTable], resources: Sequence[Callable[..., ir.Table]]) -> KindSpec:
    """Return the plain form of given source tables and resources."""
    specs = _with_references([_resource_spec(function, tables) for function in resources])
    return KindSpec(kind, {name: _table_spec(table) for name, table in tables.items()}, {spec.name: spec for spec in specs})


def _modules(kind: str) -> tuple[str, str]:
    if kind in KINDS:
        return KINDS[kind]
    try:
        found = find_spec(kind)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise UnknownName("kind of source", kind, KINDS)
    return (kind, kind)


@cache
def _build(kind: str, modules: tuple[str, str]) -> KindSpec:
    tables, bronze = (import_module(name) for name in modules)
    resources = getattr(bronze, "BRONZE", None)
    if resources is None:
        from padm_ibis.define.graph import marked
        from padm_ibis.define.model import Resource, model_of

        resources = [function for function in marked(bronze) if isinstance(model_of(function), Resource)]
    if not resources or not hasattr(tables, "TABLES"):
        raise DefinitionError(f"The module {kind} is no kind of source: it needs TABLES and functions marked with @resource.")
    return spec_of(kind, tables.TABLES, resources)


def _table_spec(table: SourceTable) -> TableSpec:
    columns = {name: _type(kind) for name, kind in table.columns.items()}
    return TableSpec(table.name, columns, frozenset(table.required), table.optional_table, frozenset(table.epoch))


def _resource_spec(function: Callable[..., ir.Table], tables: Mapping[str, SourceTable]) -> ResourceSpec:
    import ibis

    from padm_ibis.define import contract as contracts
    from padm_ibis.define.compile import sql
    from padm_ibis.define.lineage import of_expression
    from padm_ibis.define.model import Resource, model_of

    record = model_of(function)
    if not isinstance(record, Resource):
        raise DefinitionError(f"{record.name} is not a bronze resource.", hint="Decorate it with @resource(<its contract>, …).")
    for name in (*record.inputs, *record.fallback.values()):
        if name not in tables:
            hint = did_you_mean(name, tables)
            raise DefinitionError(f"{record.where}: {record.name} reads {name!r}, which is no source table.", hint=hint)
    inputs = {name: ibis.table(ibis.schema(dict(tables[name].columns)), name=_PREFIX + name) for name in record.inputs}
    expression = function(**inputs)
    made = of_expression(expression)
    fields = contracts.all_columns(record.contract)
    not_null = frozenset(c.name for c in fields if not c.nullable)
    _check_kept(record, [c.name for c in fields])
    origins = {name: _tables_columns(origin.values) for name, origin in made.items()}
    if missing := [c.name for c in fields if c.name not in (*LOADER_COLUMNS, *expression.columns)]:
        raise DefinitionError(f"{record.where}: {record.name} yields no {', '.join(missing)}.")
    return ResourceSpec(
        name=record.name,
        load=record.load,
        cursor=record.cursor,
        key=tuple(name for name in record.grain if name != "source_db"),
        columns={c.name: _type(c.dtype) for c in fields},
        not_null=not_null,
        hashes=dict(record.hashes),
        fallback=dict(record.fallback),
        inputs=record.inputs,
        foreign_keys={c.name: c.fk for c in fields if c.fk},
        sql={dialect: sql(expression, dialect, pretty=False) for dialect in DIALECTS},
        vital=frozenset(
            f"{table}.{column}"
            for name in {name for name in record.grain if name != "source_db"} | not_null
            for table, column in origins.get(name, ())
        ),
        made_of={name: tuple(sorted({table for table, _ in refs})) for name, refs in origins.items()},
        essential=record.essential,
        people=_people(made, tables, {c.name: c.dtype for c in fields}, record.hashes),
        kept=record.kept,
        lookback=record.lookback,
        left_out={
            words: {d: sql(_counted(rows, inputs), d, pretty=False) for d in DIALECTS} for words, rows in record.left_out.items()
        },
        windows=_windows(record, inputs, expression.schema()),
    )


def _windows(record: Resource, inputs: Mapping[str, ir.Table], yields: Mapping[str, DataType]) -> WindowSpec | None:
    """Return how a resource is read in parts, after a look at whether they make its columns."""
    import ibis

    from padm_ibis.define.compile import sql

    windows = record.windows
    if windows is None:
        return None
    part = windows.part(**inputs)
    whole = windows.whole(ibis.table(part.schema(), name=PARTS))
    made = {name: _type(kind) for name, kind in whole.schema().items()}
    if made != {name: _type(kind) for name, kind in yields.items()}:
        raise DefinitionError(f"{record.where}: {record.name}: its parts together are {made}, not its columns.")
    return WindowSpec(
        windows.table,
        windows.by,
        windows.at,
        windows.reason,
        windows.count,
        part={dialect: sql(part, dialect, pretty=False) for dialect in DIALECTS},
        columns={name: _type(kind) for name, kind in part.schema().items()},
        whole=sql(whole, "duckdb", pretty=False),
    )


def _counted(function: Callable[..., ir.Table], tables: Mapping[str, ir.Table]) -> ir.Table:
    """How many rows a function picks out of the tables that its parameters name, as one row."""
    return function(**{name: tables[name] for name in signature(function).parameters}).agg(n=lambda t: t.count())


def _check_kept(record: Resource, columns: Collection[str]) -> None:
    """Refuse a kept table whose contract has no place for what it remembers, or names what it has not."""
    kept = record.kept
    if (kept is not None) != (ABSENT in columns):
        raise DefinitionError(f"{record.where}: {record.name}: a kept table has the column {ABSENT}, and no other has.")
    named = (*kept.columns, *([kept.growing] if kept.growing else [])) if kept else ()
    for name in named:
        if name not in columns or name in record.grain:
            raise DefinitionError(
                f"{record.where}: {record.name} keeps {name!r}, which is no column of {record.contract.__name__} beside its key.",
                hint=did_you_mean(name, columns),
            )


def _tables_columns(refs: Iterable[Ref]) -> list[tuple[str, str]]:
    return [(ref.table.removeprefix(_PREFIX), ref.column) for ref in refs]


def _people(
    origins: Mapping[str, Origin], tables: Mapping[str, SourceTable], columns: Mapping[str, DataType], hashes: Collection[str]
) -> dict[str, Identity]:
    """Return the columns that name people; a document does where it is hashed, as whoever asks for its erasure gives it."""
    found = {}
    for name, kind in columns.items():
        identity = identity_of(origins[name], kind, tables) if name in origins else None
        if identity is not None and (identity != "documento" or name in hashes):
            found[name] = identity
    return found


def identity_of(origin: Origin, kind: DataType, tables: Mapping[str, SourceTable]) -> Identity | None:
    """Return what of a person a column's values name; None for what is made from anything else, too, or is another value.

    Parameters
    ----------
    kind
        The column's type: whether somebody has a number is not that number.
    """
    found = set()
    for ref in origin.values:
        table = tables.get(ref.table.removeprefix(_PREFIX))
        same = table is not None and _type(table.columns[ref.column]) == _type(kind)
        found.add(table.people.get(ref.column) if table is not None and same else None)
    return found.pop() if len(found) == 1 and not origin.how & {"aggregate", "window"} else None


def _with_references(specs: Sequence[ResourceSpec]) -> list[ResourceSpec]:
    """Add the references that go without saying: ``alumno`` and ``alumno_id`` point to the table that ``alumno`` identifies."""
    owners = {spec.key[0]: spec.name for spec in specs if spec.load == "full" and len(spec.key) == 1}
    owners.pop("id", None)  # that word says nothing of what it identifies
    known = {name: f"{owner}.{key}" for key, owner in owners.items() for name in (key, f"{key}_id")}
    return [
        replace(
            spec,
            foreign_keys={
                **{c: known[c] for c in spec.own_columns if c in known and not known[c].startswith(f"{spec.name}.")},
                **spec.foreign_keys,
            },
        )
        for spec in specs
    ]


def _type(kind: Any) -> str:
    return str(kind.copy(nullable=True))


def _fingerprint(modules: tuple[str, ...]) -> str:
    """Names the code that the statements are made from."""
    digest = hashlib.sha256()
    package = Path(__file__).parent.parent
    rooms = ("define", "words", "sources", "checks")
    ours = [
        *package.glob("bronze*.py"),
        package / "params.py",
        *(path for room in rooms for path in package.glob(f"{room}/*.py")),
    ]
    known = {name for pair in KINDS.values() for name in pair}
    theirs = [Path(found.origin) for m in modules if m not in known and (found := find_spec(m)) and found.origin]
    for path in sorted({*ours, *theirs}):
        digest.update(path.read_bytes())
    for name in ("ibis-framework", "sqlglot"):
        digest.update(metadata.version(name).encode())
    return digest.hexdigest()[:16]


def _keep(path: Path, spec: KindSpec) -> None:
    """Keep the file, and nothing older; a folder that cannot be written costs time, not the run."""
    try:
        access.folder(path.parent)
        for old in path.parent.glob(f"{path.stem.rpartition('-')[0]}-*.json"):
            old.unlink(missing_ok=True)
        atomic.write(path, json.dumps(asdict(spec), default=sorted, ensure_ascii=False))
    except OSError:
        pass


def _decode(data: dict[str, Any]) -> KindSpec:
    tables = {
        n: TableSpec(**{**t, "required": frozenset(t["required"]), "epoch": frozenset(t["epoch"])})
        for n, t in data["tables"].items()
    }
    resources = {
        name: ResourceSpec(
            **{
                **fields,
                "key": tuple(fields["key"]),
                "inputs": tuple(fields["inputs"]),
                "not_null": frozenset(fields["not_null"]),
                "vital": frozenset(fields["vital"]),
                "made_of": {column: tuple(tables) for column, tables in fields["made_of"].items()},
                "kept": _kept(fields["kept"]),
                "windows": fields["windows"] and WindowSpec(**fields["windows"]),
            }
        )
        for name, fields in data["resources"].items()
    }
    return KindSpec(data["name"], tables, resources)


def _kept(data: dict[str, Any] | None) -> Kept | None:
    if data is None:
        return None
    lists = {name: tuple(data[name]) for name in ("smallest", "lasting", "first")}
    return Kept(**lists, growing=data["growing"])

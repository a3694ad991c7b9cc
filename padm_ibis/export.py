"""Training sets as files that say what they were made from, and the proof that they can be made again.

`export` writes Parquet (a folder for each ``particion``) and ``_manifest.json``; `verify` reads the manifest, checks the
files, rebuilds the table from bronze with the same ``as_of`` and parameters, and says equal, or what differs.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pydantic.dataclasses
from pydantic import computed_field

from padm_ibis import access, atomic
from padm_ibis.audit.scratch import Scratch, one_version
from padm_ibis.define import contract as contracts
from padm_ibis.define import fingerprint
from padm_ibis.define.code import versions
from padm_ibis.define.compile import sql
from padm_ibis.define.graph import Graph
from padm_ibis.define.model import Model
from padm_ibis.engine import restatements
from padm_ibis.errors import UnknownName, UsageError
from padm_ibis.params import Params
from padm_ibis.report.answer import to_json

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.warehouse import Warehouse

_KNOWN, _NEW = "exports.json", ".new"
PARTITION = "particion"
ERASED = "erased"
"""Key of a manifest: what was taken out of the files since, ``at`` and ``rows`` each."""
MANIFEST = "_manifest.json"  # readers of folders (Arrow, Spark) leave out what begins with an underscore


@pydantic.dataclasses.dataclass
class Verdict:
    """Whether an export is what its manifest says, and can be made again.

    Attributes
    ----------
    differs
        Everything that is not as the manifest says; empty when equal.
    notes
        What changed without changing a row (a version, a model's code).
    """

    table: str
    directory: str
    as_of: str
    rows: int
    differs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differs

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)


def export(warehouse: Warehouse, graph: Graph, name: str, to: str | os.PathLike[str]) -> dict[str, Any]:
    """Write one table of the warehouse as Parquet with a manifest, and return the manifest.

    Parameters
    ----------
    to
        A folder that does not exist, is empty, or holds an earlier export, which is replaced as a whole.

    Raises
    ------
    UsageError
        If the folder holds anything else.
    """
    model, target = graph[name], access.followed(Path(to))
    if target.exists() and (not target.is_dir() or (any(target.iterdir()) and not (target / MANIFEST).is_file())):
        raise UsageError(f"{target} is not an empty folder, nor an earlier export.", hint="Give --to a folder of its own.")
    working = access.folder(target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}"))
    try:
        with one_version(warehouse):
            files = dict(_write(warehouse.table(f"{model.layer}.{model.name}"), model, working))
            manifest = {**_describe(warehouse, graph, model), "files": files}
        with access.create(working / MANIFEST) as file:
            file.write(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
        if target.exists():
            _keep_access(target, working)
            shutil.rmtree(target)
        working.rename(target)
        _remember(warehouse.config, target)
    finally:
        shutil.rmtree(working, ignore_errors=True)
    return manifest


def verify(warehouse: Warehouse, graph: Graph, directory: str | os.PathLike[str]) -> Verdict:
    """Say whether an export is whole, and whether the warehouse, asked again, gives the same rows.

    Raises
    ------
    UsageError
        If the folder holds no manifest, or one of another format.
    WarehouseError
        If another version was published meanwhile.
    """
    folder = Path(directory)
    manifest = _manifest(folder)
    model = graph[manifest["table"]]
    verdict = Verdict(model.name, str(folder), manifest["as_of"], manifest["output"]["rows"])
    verdict.differs += _files(folder, manifest)
    params = Params(as_of=dt.date.fromisoformat(manifest["as_of"]), **manifest["params"])
    with one_version(warehouse):
        verdict.notes += _moved(warehouse, model, manifest)
        scratch = Scratch(warehouse)
        rebuilt = scratch.rebuild(graph, [model.name], params)[model.name]
        found = scratch.fingerprint(rebuilt)
        if found != (manifest["output"]["rows"], manifest["output"]["fingerprint"]):
            verdict.differs.append(
                f"built again, {model.name} has {found.rows:,} rows and other content than the {verdict.rows:,} exported."
            )
            verdict.differs += [f"the input {n} has other rows: {why}" for n, why in _inputs(warehouse, graph, manifest)]
    verdict.notes += [f"the code of {n} is another one." for n in _models(graph, params, manifest)]
    here = versions()
    verdict.notes += [f"{n} was {v}, is {here.get(n)}." for n, v in manifest["versions"].items() if here.get(n) != v]
    if not verdict.differs:
        verdict.differs += _content(folder, manifest)
    verdict.notes += [f"{one['rows']:,} rows were taken out on {one['at'][:10]}: an erasure." for one in manifest.get(ERASED, ())]
    return verdict


def read(directory: str | os.PathLike[str]) -> pa.Table:
    """Return an export's rows, the partition as a column where the contract has it."""
    folder = Path(directory)
    manifest = _manifest(folder)
    parts = [pq.ParquetFile(folder / path).read() for path in sorted(manifest["files"])]
    return pa.concat_tables(parts)


# --- what is known of exports, and what is taken out of them --------------------------------------------------


def known(config: Config) -> list[Path]:
    """Return the folders that tables of a warehouse were exported to from this machine, whether they are there or not."""
    try:
        texts = json.loads((config.state / _KNOWN).read_text(encoding="utf-8"))
        return [access.place(text, config.state.parent) for text in texts]
    except (OSError, ValueError):
        return []


def _remember(config: Config, target: Path) -> None:
    """Keep where an export is, for an erasure; a reader who may not write beside the warehouse names it then."""
    home, folders = config.state.parent, known(config)
    with suppress(OSError):
        if target.absolute() not in folders:
            texts = [access.said(folder, home) for folder in (*folders, target.absolute())]
            atomic.write(config.state / _KNOWN, json.dumps(texts, indent=1))


def take_out(directory: str | os.PathLike[str], mine: Callable[[str, pa.Table], pa.Array | None]) -> int:
    """Take rows out of an export, and have its manifest say what is left; return how many.

    Each file changes in one step, the manifest last: what a kill cut off is completed by doing the same again.

    Parameters
    ----------
    mine
        Gives, for the rows of the named table in a file, which go; None for none of them.

    Raises
    ------
    UsageError
        If the folder holds no manifest.
    """
    folder = Path(directory)
    _complete(folder)
    manifest = _manifest(folder)
    gone = 0
    for name, entry in manifest["files"].items():
        path = folder / name
        rows = pq.ParquetFile(path).read()
        mask = mine(manifest["table"], rows)
        if mask is None:
            continue
        kept, new = rows.filter(pc.invert(mask)), path.with_name(path.name + _NEW)
        with access.create_binary(new) as file:
            pq.write_table(kept, file, compression="zstd")
        access.keep(path, new)
        gone += rows.num_rows - kept.num_rows
        if entry["sha256"] == _sha256(path):  # a file that somebody changed stays one that is not as it was exported
            entry.update({"rows": kept.num_rows, "bytes": new.stat().st_size, "sha256": _sha256(new)})
    if gone:
        left = _rows_of([folder / name for name in sorted(manifest["files"])])
        manifest["output"] = _content_of_rows(left).as_dict()
        moment = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        manifest[ERASED] = [*manifest.get(ERASED, ()), {"at": moment, "rows": gone}]
        atomic.write(folder / (MANIFEST + _NEW), json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", sync=True)
        access.keep(folder / MANIFEST, folder / (MANIFEST + _NEW))
        _complete(folder)
    return gone


def _complete(folder: Path) -> None:
    """Put the files of a change that is ready in place; forget one that is not."""
    ready = (folder / (MANIFEST + _NEW)).is_file()
    for new in folder.rglob(f"*.parquet{_NEW}"):
        if ready:
            new.replace(new.with_name(new.name.removesuffix(_NEW)))
        else:
            new.unlink()
    if ready:
        (folder / (MANIFEST + _NEW)).replace(folder / MANIFEST)


def _rows_of(paths: Sequence[Path]) -> pa.Table:
    """The rows that files will have."""
    news = [path.with_name(path.name + _NEW) for path in paths]
    return pa.concat_tables([pq.ParquetFile(new if new.exists() else path).read() for path, new in zip(paths, news, strict=True)])


# --- writing ---------------------------------------------------------------------------------------


def _write(table: ir.Table, model: Model, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Write the rows, in the order of their key, and yield each file with its rows and checksum."""
    parts: list[tuple[str, ir.Table]] = [("part-0.parquet", table)]
    if PARTITION in table.columns:
        values = sorted(v for v in table.select(PARTITION).distinct().to_pyarrow()[PARTITION].to_pylist())
        parts = [(f"{PARTITION}={v}/part-0.parquet", table.filter(table[PARTITION] == v)) for v in values]
    schema = table.schema().to_pyarrow()
    for name, part in parts:
        path = folder / name
        access.folder(path.parent)
        rows = 0
        with access.create_binary(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in part.order_by(list(model.grain)).to_pyarrow_batches():
                writer.write_table(pa.Table.from_batches([batch]).cast(schema))
                rows += batch.num_rows
        yield name, {"rows": rows, "bytes": path.stat().st_size, "sha256": _sha256(path)}


def _keep_access(old: Path, new: Path) -> None:
    """Give folders the access that the earlier export's folder has, and files that of its manifest."""
    manifest = old / MANIFEST if (old / MANIFEST).exists() else None
    for place in (*new.rglob("*"), new):
        if place.is_dir():
            access.keep(old, place)
        elif manifest is not None:
            access.keep(manifest, place)


def _describe(warehouse: Warehouse, graph: Graph, model: Model) -> dict[str, Any]:
    params = warehouse.params
    settings = {k: v for k, v in params.plain().items() if k != "as_of"}
    reads = [m for m in graph if m.name in graph.dag.upstream([model.name])]
    contents = {m.name: _content_of(warehouse, m.layer, m.name) for m in reads}
    return {
        "format": 1,
        "table": model.name,
        "as_of": params.as_of.isoformat(),
        "params": settings,
        "run_id": warehouse.run_id,
        "exported_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "models": {m.name: fingerprint.of_model(graph, m, params) for m in reads},
        "inputs": {n: c.as_dict() for n, c in contents.items() if n != model.name},
        "output": contents[model.name].as_dict(),
        "key": list(model.grain),
        "columns": [
            {"name": c.name, "type": str(c.dtype.copy(nullable=True)), "role": c.role, "pii": c.pii, "null": c.nullable}
            for c in contracts.columns(model.contract, params)
        ],
    }


def _content_of(warehouse: Warehouse, layer: str, name: str) -> fingerprint.Content:
    table = warehouse.table(f"{layer}.{name}")
    (row,) = warehouse.execute(sql(fingerprint.of_rows(table), warehouse.dialect, pretty=False))
    return fingerprint.Content(int(row[0]), fingerprint.combine(table.schema(), tuple(int(v) for v in row)))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- comparing -------------------------------------------------------------------------------------


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{folder} holds no {MANIFEST}.", hint="Name the folder that `padm-ibis export --to` wrote.") from None
    except ValueError as error:
        raise UsageError(f"{folder / MANIFEST} is not JSON: {error}.") from None
    if manifest.get("format") != 1:
        raise UsageError(f"{folder / MANIFEST} has the format {manifest.get('format')!r}; this version reads 1.")
    return manifest


def _files(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Files that are missing, changed or too many."""
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*.parquet")}
    expected = manifest["files"]
    found = [f"the file {name} is missing." for name in sorted(expected.keys() - there)]
    found += [f"the file {name} is not in the manifest." for name in sorted(there - expected.keys())]
    changed = [n for n in sorted(expected.keys() & there) if _sha256(folder / n) != expected[n]["sha256"]]
    return found + [f"the file {name} was changed." for name in changed]


def _moved(warehouse: Warehouse, model: Model, manifest: Mapping[str, Any]) -> Iterator[str]:
    """How much of the table that was exported runs have restated since."""
    with suppress(UnknownName, UsageError):  # a run of another warehouse, or of a version after the one that readers see
        found = restatements.read(warehouse, f"{model.layer}.{model.name}", manifest.get("run_id")).moved
        if found is not None and found.moved:
            yield f"{found}."


def _inputs(warehouse: Warehouse, graph: Graph, manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Bronze tables that hold other rows than when the export was made."""
    for name, expected in manifest["inputs"].items():
        if name not in graph.models or graph[name].layer != "bronze":
            continue
        now = _content_of(warehouse, "bronze", name)
        if now.fingerprint != expected["fingerprint"]:
            yield name, f"{expected['rows']:,} then, {now.rows:,} now"


def _models(graph: Graph, params: Params, manifest: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name, code in manifest["models"].items()
        if name not in graph.models or fingerprint.of_model(graph, graph[name], params) != code
    ]


def _content(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Whether the files hold the rows that the manifest fingerprints."""
    found = _content_of_rows(read(folder))
    expected = manifest["output"]
    same = found == (expected["rows"], expected["fingerprint"])
    return [] if same else [f"the files hold {found.rows:,} rows with other content than the manifest's {expected['rows']:,}."]


def _content_of_rows(rows: pa.Table) -> fingerprint.Content:
    con = ibis.duckdb.connect()
    return fingerprint.of_expression(con, con.create_table("exported", rows))

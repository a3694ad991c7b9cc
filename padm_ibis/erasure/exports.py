"""Exports with a manifest: the rows of erased people are taken out, and the manifest says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from padm_ibis import export
from padm_ibis.erasure.columns import SOURCE, Columns
from padm_ibis.errors import PadmError, UsageError
from padm_ibis.extract.suppression import Suppressed
from padm_ibis.report.erasure import Removed

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.report.erasure import Erasure


def check(folders: Sequence[str]) -> list[str]:
    """Return the folders as absolute paths.

    Raises
    ------
    UsageError
        If one is no export.
    """
    found = [Path(folder).absolute() for folder in folders]
    for folder in found:
        if not (folder / export.MANIFEST).is_file():
            raise UsageError(f"{folder} holds no {export.MANIFEST}; nothing was changed.", hint="Name the folder of an export.")
    return [str(folder) for folder in found]


def clear(config: Config, named: Sequence[str], columns: Mapping[str, Columns], suppressed: Suppressed, report: Erasure) -> None:
    """Take erased people out of the exports that were named, or that were made from this machine."""
    anyhow = {name: identity for found in columns.values() for name, identity in found.items()}

    def mine(table: str, rows: pa.Table) -> pa.Array | None:
        return _mask(rows, columns.get(table, anyhow), suppressed)

    for folder in dict.fromkeys([*map(Path, named), *export.known(config)]):
        if not folder.is_dir():
            report.unreached.append(f"The export {folder} is not there any more; a copy of it would still hold its rows.")
            continue
        try:
            if gone := export.take_out(folder, mine):
                report.removed.append(Removed("export", str(folder), gone, "its manifest says so"))
        except (PadmError, OSError, pa.ArrowException) as error:
            report.failed.append(f"The export {folder}: {getattr(error, 'message', None) or type(error).__name__}")


def _mask(rows: pa.Table, columns: Columns, suppressed: Suppressed) -> pa.Array | None:
    """Which rows are theirs; None where no row is."""
    if SOURCE not in rows.column_names:
        return None
    mask = pa.array([False] * rows.num_rows)
    for name, identity in columns.items():
        if name in rows.column_names:
            pairs = rows.select([SOURCE, name]).group_by([SOURCE, name]).aggregate([]).to_pylist()
            for pair in pairs:
                if suppressed.has(pair[SOURCE], identity, pair[name]):
                    same = pc.and_(pc.equal(rows[SOURCE], pair[SOURCE]), pc.equal(rows[name], pair[name]))
                    mask = pc.or_(mask, pc.fill_null(same, False))
    return mask if pc.any(mask).as_py() else None

"""Runs written down beside the warehouse, a file a run: what survives a kill, a full disk and a warehouse out of reach.

``_padm.runs`` is what everybody reads. A run that is going on is not in it yet, one that was killed never got to it, and
one that could not reach it neither; their files are how the next run, and ``padm-ibis status``, know of them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from padm_ibis import access, atomic
from padm_ibis.report.history import RunRecord

if TYPE_CHECKING:
    from padm_ibis.config import Config

KEPT = 200
"""Files; older ones stand in ``_padm.runs``."""


class Journal:
    """The runs of one warehouse on this machine; several warehouses of a folder may share the place."""

    def __init__(self, config: Config) -> None:
        self.folder, self.warehouse = config.state / "runs", str(config.warehouse.url)

    def put(self, record: RunRecord) -> None:
        """Write a run down, in one step, in place of what was written of it before.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        access.folder(self.folder)
        text = json.dumps({"warehouse": self.warehouse, **record.as_dict()}, ensure_ascii=False)
        atomic.write(self._path(record.run_id), text, sync=True)
        self._tidy()

    def ids(self) -> list[str]:
        """Return the runs there are files of, oldest first; other warehouses' may be among them."""
        return [path.stem for path in self._paths()]

    def records(self, ids: Collection[str] | None = None) -> Iterator[RunRecord]:
        """Yield this warehouse's runs, or those of the given ids; a file that is damaged or not ours to read tells nothing."""
        for path in self._paths():
            if ids is None or path.stem in ids:
                try:
                    found = json.loads(path.read_text(encoding="utf-8"))
                    if found.pop("warehouse") == self.warehouse:
                        yield RunRecord.from_dict(found)
                except (OSError, ValueError, KeyError, TypeError, AttributeError):
                    continue

    def _paths(self) -> list[Path]:
        try:
            return sorted(self.folder.glob("*.json"))  # a run's name begins with its moment
        except OSError:
            return []

    def _path(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.json"

    def _tidy(self) -> None:
        atomic.tidy(self.folder)
        for path in self._paths()[:-KEPT]:
            path.unlink(missing_ok=True)

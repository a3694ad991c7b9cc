"""Statements kept between runs: writing SQL from expressions takes longer than running it on a small warehouse.

A statement depends on the code, on run parameters and on where tables are; all of that is in its key or in the
file's name, so that one from the file is the one that would be written again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from padm_ibis import atomic


class Statements:
    """SQL by key.

    Parameters
    ----------
    file
        Where they are kept; named after the code. None keeps nothing.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._used: dict[str, str] = {}
        self._new = False

    @cached_property
    def _known(self) -> dict[str, str]:
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError):
                found = json.loads(self._file.read_text(encoding="utf-8"))
                return found if isinstance(found, dict) else {}
        return {}

    def get(self, key: str, write: Callable[[], str]) -> str:
        """Return the statement of ``key``, written now if it is not known."""
        digest = hashlib.sha256(key.encode()).hexdigest()[:24]
        found = self._used.get(digest) or self._known.get(digest)
        if found is None:
            found, self._new = write(), True
        self._used[digest] = found
        return found

    def keep(self) -> None:
        """Keep what this run used, and with it what another date or selection will use again."""
        if self._file is None or not self._new:
            return
        with contextlib.suppress(OSError):
            for old in self._file.parent.glob("statements-*.json"):
                if old != self._file:
                    old.unlink(missing_ok=True)
            kept = {**dict(list(self._known.items())[-_MOST:]), **self._used}
            atomic.write(self._file, json.dumps(kept))


_MOST = 500  # statements of earlier runs; each new date adds those that depend on it

"""Erasures that began, a file each beside the warehouse, which stays until nothing is left to do; so does the certificate."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from padm_ibis import access, atomic

if TYPE_CHECKING:
    from padm_ibis.config import Config

_ENDING = ".unfinished.json"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An erasure that began; it names nobody.

    Attributes
    ----------
    asked_by
        How the people were named: by ``persona``, by ``documento``; ``run`` where a run found some in bronze again.
    people
        The keyed hashes of their numbers as persons.
    rows
        Rows of theirs, by table, when it began.
    tables
        Rows that each table of silver and gold had then.
    exports
        Folders that were named.
    """

    erasure_id: str
    warehouse: str
    asked_by: str
    began_at: str
    people: Sequence[str] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, int] = field(default_factory=dict)
    exports: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def began(self) -> dt.datetime:
        """When it began, UTC."""
        return dt.datetime.fromisoformat(self.began_at)


def certificate(config: Config, erasure_id: str) -> Path:
    """Return where the certificate of an erasure is kept."""
    return config.state / "erasures" / f"{erasure_id}.json"


def folder(config: Config) -> Path:
    """Return the folder of erasures, made where there is none."""
    return access.folder(access.folder(config.state) / "erasures")


def put(config: Config, one: Unfinished) -> None:
    """Write down that an erasure began, so that it survives whatever comes next.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    atomic.write(folder(config) / f"{one.erasure_id}{_ENDING}", json.dumps(asdict(one), indent=1), sync=True)


def found(config: Config) -> list[Unfinished]:
    """Return the erasures of a warehouse that are not finished, oldest first."""
    return list(_read(config))


def _read(config: Config) -> Iterator[Unfinished]:
    for path in sorted((config.state / "erasures").glob(f"*{_ENDING}")):
        one = Unfinished(**json.loads(path.read_text(encoding="utf-8")))
        if one.warehouse == str(config.warehouse.url) or config.warehouse.url.path is not None:
            yield one


def remark(config: Config) -> str | None:
    """Return what whoever looks after the warehouse has to do; None where that is nothing."""
    return "An erasure is not finished: padm-ibis forget goes on with it" if found(config) else None


def done(config: Config, one: Unfinished) -> None:
    """Nothing is left to do."""
    (config.state / "erasures" / f"{one.erasure_id}{_ENDING}").unlink(missing_ok=True)

"""A small school with somebody to tell: a mailbox and a channel, on real servers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from servers import Channel, Mailbox, smtp_server, webhook_server
from small_school import MARKS, write_config, write_school

import padm_ibis as padm
from padm_ibis.config import load_config
from padm_ibis.engine import run as engine
from padm_ibis.engine.state import Request
from padm_ibis.errors import PadmError
from padm_ibis.notify import Watch

AS_OF = dt.date(2024, 12, 31)
BAD = [*MARKS, (13, 1, "2024-08-01", 12)]
MENDED = [*MARKS, (13, 1, "2024-08-01", 10)]


@dataclass
class School:
    """A folder with a school whose runs are told of."""

    folder: Path
    now: dt.datetime = dt.datetime(2025, 3, 1, 2, 0)

    def run(self, **options: Any) -> str:
        """Run as the command does, at ``now``; return how it ended."""
        config = load_config(self.folder / "padm.toml")
        try:
            with Watch(config, lambda: self.now) as watch:
                report = engine.run(config, Request(AS_OF, **options))
                watch.ended(report)
        except PadmError as error:
            return type(error).__name__
        return report.status

    def marks(self, marks: list[Any]) -> None:
        write_school(self.folder / "north.duckdb", marks=marks)

    def names(self) -> list[str]:
        """The runs, newest first."""
        return [run.run_id for run in padm.history(config=self.folder / "padm.toml").runs]


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp_server() as mailbox:
        yield mailbox


@pytest.fixture
def channel() -> Iterator[Channel]:
    with webhook_server() as channel:
        yield channel


@pytest.fixture
def school(tmp_path: Path) -> Callable[..., School]:
    """A school with these sections added to its configuration."""

    def make(*sections: str) -> School:
        write_config(tmp_path, write_school(tmp_path / "north.duckdb"), more="\n".join(sections))
        return School(tmp_path)

    return make

"""What is written beside the warehouse, and logs: the numbers of erased people are hidden in them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from padm_ibis import atomic
from padm_ibis.extract.parts import WINDOWS
from padm_ibis.report.erasure import Removed

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.engine.redactor import Redactor
    from padm_ibis.report.erasure import Erasure


def clear(config: Config, redactor: Redactor, report: Erasure) -> None:
    """Hide the numbers of erased people where a row was named by them; what was read and is in no table yet is removed."""
    waiting = config.state / WINDOWS
    if waiting.is_dir():
        shutil.rmtree(waiting, ignore_errors=True)
        if waiting.is_dir():
            report.failed.append(f"{waiting} cannot be removed.")
        else:
            report.removed.append(Removed("copy", waiting.name, note="read from sources, in no table yet"))
    for path in sorted(_texts(config)):
        try:
            text = path.read_text(encoding="utf-8")
            if (shown := redactor.text(text)) != text:
                atomic.write(path, shown)
                report.removed.append(Removed("text", path.name, note="numbers hidden"))
        except UnicodeDecodeError:
            continue
        except OSError as error:
            report.failed.append(f"{path} cannot be written: {error.strerror}.")


def _texts(config: Config) -> Iterator[Path]:
    for pattern in ("*.json", "*.jsonl", "runs/*.json"):
        yield from config.state.glob(pattern)
    if config.log.file is not None:
        log = config.folder / config.log.file
        yield from log.parent.glob(f"{log.name}*")

"""Who may read a file, as an operator writes it."""

from __future__ import annotations

import re
import stat
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_OWNER = stat.S_IRUSR | stat.S_IWUSR
_NEVER = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH | stat.S_IWGRP | stat.S_IWOTH


def _mode(value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"0?[0-7]{3}", value):
        raise ValueError("should be three octal digits as text, such as '0640'")
    mode = int(value, 8)
    if mode & _OWNER != _OWNER:
        raise ValueError(f"{value!r} keeps its owner out, who reads and writes the file: '0600' at least")
    if mode & _NEVER:
        raise ValueError(f"{value!r} lets others write the file, or run it; they may read it: '0640' the group, '0644' everybody")
    return mode


FileMode = Annotated[int, BeforeValidator(_mode), PlainSerializer(lambda mode: f"{mode:04o}")]
"""The mode of a file that readers open: its owner writes it, nobody else does."""

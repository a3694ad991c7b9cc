"""Where a run touches the world, found by watching one: every statement, every file made, moved or removed.

A boundary is the moment before or after such an effect. Nothing in the package knows of it: the interpreter's own profile
hook sees each call, so a new statement or file is a new boundary by itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import padm_ibis

PACKAGE = str(Path(padm_ibis.__file__).parent) + os.sep
C_EFFECTS = {
    "_duckdb": ("execute", "executemany", "connect", "close"),
    "posix": ("replace", "rename", "unlink", "remove", "mkdir", "rmdir", "chmod", "open", "fsync", "copy_file_range", "close"),
    "fcntl": ("flock",),
    "io": ("open",),
    "_io": ("write",),
}
PSYCOPG_EFFECTS = frozenset(("execute", "executemany", "connect", "copy", "commit", "rollback", "close"))
NEAR = 6
"""Frames between an effect and the line of the package that wanted it: pathlib, shutil, tempfile, a driver's own layers."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """Before or after one effect of a run.

    Attributes
    ----------
    number
        Which of the run's effects it is, from 0.
    where
        File, line and function of the package.
    what
        The effect.
    """

    number: int
    where: str
    what: str
    after: bool

    def __str__(self) -> str:
        return f"{self.where} {'after' if self.after else 'before'} {self.what}"


class Watch:
    """Counts the effects of this process, and does something at one of them.

    Parameters
    ----------
    at
        The effect's number, and whether after it; None only counts.
    act
        What is done there; an exception that it raises is the effect's.
    """

    def __init__(self, at: tuple[int, bool] | None = None, act: Callable[[str, bool], None] | None = None) -> None:
        self.at, self.act = at, act
        self.seen: list[Boundary] = []
        self.count = 0
        self._open: dict[int, int] = {}
        self._written: set[str] = set()

    def start(self) -> None:
        """Watch this thread from here on."""
        sys.setprofile(self._hook)

    def stop(self) -> None:
        """Watch no longer."""
        sys.setprofile(None)

    def _hook(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and (what := _effect(argument)):
            self._begin(frame, what, id(frame))
        elif event in ("c_return", "c_exception") and (what := _effect(argument)):
            self._end(frame, what, id(frame), event == "c_return")
        elif event == "call" and _is_psycopg(frame.f_code):
            self._begin(frame.f_back, f"psycopg.{frame.f_code.co_name}", id(frame.f_code))
        elif event == "return" and _is_psycopg(frame.f_code):
            self._end(frame.f_back, f"psycopg.{frame.f_code.co_name}", id(frame.f_code), True)

    def _begin(self, frame: FrameType | None, what: str, key: int) -> None:
        where = _place(frame)
        if where is None or (what == "_io.write" and where in self._written):  # a stream is written in many pieces
            return
        self._written.add(where)
        self._open[key], number = self.count, self.count
        self.count += 1
        self._reach(Boundary(number, where, what, after=False))

    def _end(self, frame: FrameType | None, what: str, key: int, worked: bool) -> None:
        number = self._open.pop(key, None)
        where = _place(frame)
        if number is not None and where is not None and worked:
            self._reach(Boundary(number, where, what, after=True))

    def _reach(self, boundary: Boundary) -> None:
        self.seen.append(boundary)
        if self.at == (boundary.number, boundary.after) and self.act is not None:
            self.at = None
            print(f"fault at {boundary}", file=sys.stderr, flush=True)
            self.act(boundary.what, boundary.after)


def _effect(function: Any) -> str:
    """The name of what a C function does to the world; empty for all others."""
    name = getattr(function, "__name__", "")
    module = getattr(function, "__module__", None) or type(getattr(function, "__self__", None)).__module__
    return f"{module}.{name}" if name in C_EFFECTS.get(module, ()) else ""


def _is_psycopg(code: CodeType) -> bool:
    return code.co_name in PSYCOPG_EFFECTS and f"{os.sep}psycopg{os.sep}" in code.co_filename and "async" not in code.co_filename


def _place(frame: FrameType | None) -> str | None:
    """The lines of the package that wanted an effect, the last two; None where it was somebody else, an import for one."""
    found: list[str] = []
    for _ in range(NEAR):
        if frame is None or "importlib" in frame.f_code.co_filename:
            break
        if frame.f_code.co_filename.startswith(PACKAGE):
            found.append(f"{frame.f_code.co_filename.removeprefix(PACKAGE)}:{frame.f_lineno} {frame.f_code.co_name}")
            if len(found) == 2:
                break
        frame = frame.f_back
    return " < ".join(found) or None

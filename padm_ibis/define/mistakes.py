"""An exception of an author's line, as one sentence: file, line, what is wrong, the nearest name that exists."""

from __future__ import annotations

import ast
import builtins
import difflib
import pkgutil
import re
import sys
from collections.abc import Iterable
from types import ModuleType

import ibis.expr.types as ir
from ibis.common.exceptions import IntegrityError

from padm_ibis.define.places import annotated_with, innermost, place
from padm_ibis.errors import PadmError, did_you_mean


def in_model(error: Exception, path: str, otherwise: str) -> str:
    """Return ``file:line: what is wrong`` of an exception that a model's function raised.

    Parameters
    ----------
    path
        The model's file: the innermost line of it is the one to change, whatever was called from there.
    otherwise
        The place to name when no line of that file was on the way.
    """
    frame = innermost(error.__traceback__, path) or innermost(error.__traceback__)
    where = place(frame.tb_frame.f_code.co_filename, frame.tb_lineno) if frame else otherwise
    return f"{where}: {sentence(error)}"


def in_module(name: str, error: Exception) -> str:
    """Return ``file:line: what is wrong`` of an exception that importing a user's module raised."""
    if isinstance(error, PadmError):
        return error.message
    if isinstance(error, SyntaxError):
        line = (error.text or "").strip()
        return f"{place(error.filename, error.lineno)}: {type(error).__name__}: {error.msg}{f': {line}' if line else '.'}"
    frame = innermost(error.__traceback__)
    if frame is None:
        return f"the module {name}: {sentence(error)}"
    path = frame.tb_frame.f_code.co_filename
    annotated = annotated_with(path, error.name) if isinstance(error, AttributeError | NameError) and error.name else None
    where = place(path, annotated or frame.tb_lineno)
    return f"{where}: {sentence(error)}"


def sentence(error: Exception) -> str:
    """Return what an exception says, in one line, with the nearest name that exists."""
    for tell in (_missing_module, _missing_import, _unknown_attribute, _unknown_column, _unknown_name):
        if (told := tell(error)) is not None:
            return told
    if isinstance(error, IntegrityError):
        return "a column of another table is used: join that table first, or take the column from the table at hand."
    return f"{type(error).__name__}: {_first_line(error)}"


def _unknown_column(error: Exception) -> str | None:
    """Ibis says which columns there are, in two ways."""
    text = str(error)
    if found := re.match(r"Column '(.+?)' is not found in table\. Existing columns: (.*)\.$", text, re.DOTALL):
        return _no("column", found[1], re.findall(r"'([^']+)'", found[2]))
    if found := re.match(r"Columns (\[.*?\]) are not present in (\(.*\))$", text, re.DOTALL):
        existing = ast.literal_eval(found[2])
        return " ".join(_no("column", name, existing) for name in ast.literal_eval(found[1]))
    return None


def _unknown_attribute(error: Exception) -> str | None:
    if not isinstance(error, AttributeError) or not error.name:
        return None
    existing = [name for name in dir(error.obj) if not name.startswith("_")]
    if isinstance(error.obj, ir.Table):
        columns = list(error.obj.columns)
        near = difflib.get_close_matches(error.name, [*columns, *existing], n=1)
        return _no("column", error.name, existing if near and near[0] not in columns else columns)
    kind = f"module {error.obj.__name__}" if isinstance(error.obj, ModuleType) else type(error.obj).__name__
    return f"{kind} has no {error.name!r}.{_near(error.name, existing)}"


def _unknown_name(error: Exception) -> str | None:
    if not isinstance(error, NameError) or not error.name:
        return None
    frame = innermost(error.__traceback__)
    known = {*frame.tb_frame.f_locals, *frame.tb_frame.f_globals} if frame else set()
    return f"the name {error.name!r} is not defined.{_near(error.name, {*known, *dir(builtins)})}"


def _missing_module(error: Exception) -> str | None:
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    return f"there is no module {error.name!r}.{near_module(error.name)}"


def _missing_import(error: Exception) -> str | None:
    found = re.match(r"cannot import name '(.+?)' from (partially initialized module )?'(.+?)'", str(error))
    if not isinstance(error, ImportError) or found is None:
        return None
    if found[2]:
        return f"{found[3]} is imported while it is itself being imported, in a circle: it has no {found[1]!r} yet."
    return f"{found[3]} has no {found[1]!r}.{_near(found[1], dir(sys.modules.get(found[3])))}"


def near_module(name: str) -> str:
    """Return a hint that names modules like ``name`` that can be imported, or nothing when there is none."""
    parent, _, _ = name.rpartition(".")
    folders = getattr(sys.modules.get(parent), "__path__", None) if parent else None
    existing = (
        [f"{parent}.{m.name}" if parent else m.name for m in pkgutil.iter_modules(folders)] if folders or not parent else []
    )
    return _near(name, existing)


def _no(kind: str, name: str, existing: Iterable[str]) -> str:
    return f"there is no {kind} {name!r}. {did_you_mean(name, existing)}"


def _near(name: str, existing: Iterable[str]) -> str:
    """A hint only where something is near: all names of a module help nobody."""
    near = difflib.get_close_matches(name, sorted(existing), n=3, cutoff=0.6)
    return f" {did_you_mean(name, near)}" if near else ""


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")

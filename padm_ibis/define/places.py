"""Where something is written: file and line of a function, a class or a column, without the machine's folders."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType

LIBRARIES = frozenset({"ibis", "pandera", "pydantic", "sqlglot", "typeguard"})
OURS = ("padm_ibis.define", "padm_ibis.definitions", "padm_ibis.testing")


def place(path: str | None, line: int | None) -> str:
    """Return ``gold/mart_x.py:12``: the last folders of a path, enough to find the file by."""
    return f"{'/'.join(Path(path or '<unknown>').parts[-3:])}:{line or 1}"


def of_class(cls: type, attribute: str | None = None) -> str:
    """Return where a class, or one of the attributes in its body, is written; only its module when that is unknown."""
    path = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if path is None:
        return cls.__module__
    lines = _class_lines(path).get(cls.__qualname__.rpartition(".")[2], {})
    return place(path, lines.get(attribute or "", lines.get("")))


def annotated_with(path: str, word: str) -> int | None:
    """Return the line of a class body that has ``word`` in its annotation: errors in those come without a place."""
    lines = [line for node in _classes(path) for line in node.body if isinstance(line, ast.AnnAssign)]
    return next((line.lineno for line in lines if word in ast.unparse(line.annotation)), None)


def parameter_lines(path: str, function: str) -> Mapping[str, int]:
    """Return the line of each parameter of a function: signatures run over several."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return {a.arg: a.lineno for a in [*node.args.args, *node.args.kwonlyargs]}
    return {}


def innermost(traceback: TracebackType | None, path: str | None = None) -> TracebackType | None:
    """Return the frame in which an author's line went wrong.

    Parameters
    ----------
    path
        The file to look in; by default any that is neither a library's nor this package's machinery.
    """
    found = None
    while traceback is not None:
        code, module = traceback.tb_frame.f_code, str(traceback.tb_frame.f_globals.get("__name__", ""))
        written = not code.co_filename.startswith("<")  # an annotation is read from a text of its own
        if code.co_filename == path or (path is None and written and _is_an_authors(module)):
            found = traceback
        traceback = traceback.tb_next
    return found


def _is_an_authors(module: str) -> bool:
    top = module.partition(".")[0]
    return top not in LIBRARIES and top not in sys.stdlib_module_names and not module.startswith(OURS)


@functools.cache
def _tree(path: str) -> ast.Module:
    try:
        return ast.parse(Path(path).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):  # defined in an interactive session
        return ast.Module([], [])


def _classes(path: str) -> list[ast.ClassDef]:
    return [node for node in ast.walk(_tree(path)) if isinstance(node, ast.ClassDef)]


@functools.cache
def _class_lines(path: str) -> Mapping[str, Mapping[str, int]]:
    """Class → the line of each attribute of its body; that of the class itself under ``""``."""
    found = {}
    for node in _classes(path):
        lines = {"": node.lineno}
        for line in node.body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                lines[line.target.id] = line.lineno
            elif isinstance(line, ast.ClassDef):
                lines[line.name] = line.lineno
        found[node.name] = MappingProxyType(lines)
    return found

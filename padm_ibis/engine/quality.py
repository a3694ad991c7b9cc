"""What no contract can refuse and nobody should overlook: counted in bronze, reported as warnings.

A failed conversion never drops a row (data contract, §2), so somebody has to say how many there were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import ibis.expr.types as ir

from padm_ibis.define import contract as contracts
from padm_ibis.define.model import Model
from padm_ibis.engine.validate import Rule, Run, broken_rows, example, shown_keys, summary
from padm_ibis.report.results import CheckResult, Verdict
from padm_ibis.words import terms

if TYPE_CHECKING:
    from padm_ibis.config import Config, Severity

# Words that installations write where a number is missing on purpose; they are no reading errors.
_WORDS = r"^([a-z][a-z]?$|ausente|aprob|reprob|libre|abandon|promo|equiv|regular|insuf|sin |no |n/c|s/n|-+$)"
_RESULTS = {"historia_academica": "resultado", "academic": "resultado_cursada"}
_MARKS = {"historia_academica": "nota", "academic": "nota_cursada"}
_FLAGS_OF = {"census": "dim_census"}  # bronze table → the silver one whose boolean columns it holds as text
_FLAGS = {"students": ("regular",)}


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing to count in a bronze table; ``kind`` is its key in ``[checks]``."""

    kind: str
    column: str
    text: str
    broken: Callable[[ir.Table], ir.BooleanValue]


def observations(model: Model, models: Mapping[str, Model]) -> Iterator[Observation]:
    """Yield what is counted in a bronze table."""
    columns = {c.name: c for c in contracts.all_columns(model.contract)}
    if "alumno" in columns and columns["alumno"].nullable:
        yield Observation("missing_student", "alumno", "alumno is null: no fact keeps the row", lambda t: t.alumno.isnull())
    if (code := _RESULTS.get(model.name)) in columns:
        yield Observation("unknown_code", code, f"{code} is none of {', '.join(terms.RESULTADOS)}", _unknown_code(code))
    if (mark := _MARKS.get(model.name)) in columns:
        yield Observation("unreadable_value", mark, f"{mark} is no mark from 0 to 10 and became null", _unreadable_mark(mark))
    for flag in _flags(model, models):
        yield Observation("unreadable_value", flag, f"{flag} is neither S nor N and became null", _unreadable_flag(flag))


def observe(run: Run, table: ir.Table, model: Model, models: Mapping[str, Model], config: Config) -> tuple[CheckResult, ...]:
    """Count everything remarkable in a bronze table, in one query."""
    chosen = [(o, s) for o in observations(model, models) if (s := _severity(model, o, config)) != "off"]
    if not chosen:
        return ()
    rules = [Rule(f"{o.column}.{o.kind}", o.column, o.broken, o.kind) for o, _ in chosen]
    key = " ".join(["quality", model.name, *(rule.name for rule in rules)])
    counts = run(key, lambda: summary(table, model.contract, rules))[0][1:]
    keys, results = shown_keys(model.contract), []
    for (observation, severity), rule, count in zip(chosen, rules, counts, strict=True):
        if count:
            found = run("", partial(broken_rows, table, model.contract, rule, 3))
            examples = tuple(example(keys, row) for row in found)
            verdict: Verdict = "error" if severity == "error" else "warn"
            passes: Literal["unlinked"] | None = "unlinked" if observation.kind == "missing_student" else None
            results.append(CheckResult(model.name, observation.text, verdict, int(count), examples, passes))
    return tuple(results)


def _severity(model: Model, observation: Observation, config: Config) -> Severity:
    default: Severity = getattr(config.checks, observation.kind)
    return config.severity(f"{model.name}.{observation.column}.{observation.kind}", default)


def _flags(model: Model, models: Mapping[str, Model]) -> list[str]:
    names = {c.name for c in contracts.all_columns(model.contract)}
    silver = models.get(_FLAGS_OF.get(model.name, ""))
    booleans = [c.name for c in contracts.all_columns(silver.contract) if c.dtype.is_boolean()] if silver else []
    return [name for name in (*_FLAGS.get(model.name, ()), *booleans) if name in names]


def _unknown_code(column: str) -> Callable[[ir.Table], ir.BooleanValue]:
    return lambda t: t[column].notnull() & (t[column].strip() != "") & ~t[column].strip().isin(terms.RESULTADOS)


def _unreadable_mark(column: str) -> Callable[[ir.Table], ir.BooleanValue]:
    def broken(table: ir.Table) -> ir.BooleanValue:
        text = table[column]
        known = (text.strip() == "") | terms.plain(text.strip()).re_search(_WORDS)
        return text.notnull() & ~known & terms.nota_en_centesimos(text).isnull()

    return broken


def _unreadable_flag(column: str) -> Callable[[ir.Table], ir.BooleanValue]:
    def broken(table: ir.Table) -> ir.BooleanValue:
        text = table[column].cast("string")
        return text.notnull() & (text.strip() != "") & terms.si_no(text).isnull()

    return broken

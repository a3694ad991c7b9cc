"""Columns that several gold tables share, declared once, and the word with which a contract takes them in.

A contract that extends `Composed` may hold, between its own columns, blocks of another contract's columns::

    class MartStudentAcademicSummary(Composed):
        source_db: dt.String = column(...)
        academico: Block = block(AcademicBlock)
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import ibis.expr.datatypes as dt

from padm_ibis.checks.silver import DimCensus
from padm_ibis.define.contract import Column, Contract, GoldContract, Role, all_columns, column, columns
from padm_ibis.errors import DefinitionError, UnknownName
from padm_ibis.params import Params

UNKNOWN = "desconocido"


@dataclass(frozen=True, slots=True)
class Block:
    """Columns to be declared where the block stands."""

    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)


class Composed(GoldContract):
    """Base of gold contracts that take in blocks; a block's columns stand in its place, in its order."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        annotations: dict[str, Any] = {}
        for name, kind in inspect.get_annotations(cls).items():
            block = cls.__dict__.get(name)
            if not isinstance(block, Block):
                annotations[name] = kind
                continue
            delattr(cls, name)
            for declared in block:
                field = _field(declared)
                field.__set_name__(cls, declared.name)
                setattr(cls, declared.name, field)
                annotations[declared.name] = type(declared.dtype)
        cls.__annotations__ = annotations
        super().__init_subclass__(**kwargs)

    @classmethod
    def roles(cls, params: Params) -> dict[str, Role]:
        """Return the columns that exist under ``params``, in order, with their roles."""
        return {c.name: c.role for c in columns(cls, params)}


def block(fragment: type[Contract], role: Role | None = None) -> Block:
    """Take all columns of a block declared below, in another role if given."""
    return Block(tuple(replace(c, role=role or c.role) for c in all_columns(fragment)))


def like(contract: type[Contract], *names: str, role: Role | None = None) -> Block:
    """Take the named columns of another table as they are (all, without names), in another role if given.

    A privacy breaker stays behind: it speaks of the expression that makes the column, not of one that passes it on.
    """
    known = {c.name: c for c in all_columns(contract)}
    for name in names:
        if name not in known:
            raise UnknownName("column", name, known, where=contract.__name__)
    taken = tuple(known[name] for name in names or known)
    return Block(tuple(replace(c, role=role or c.role, breaker=None, why="", k=None) for c in taken))


def without(block: Block, *names: str) -> Block:
    """Return the block without some of its columns."""
    return Block(tuple(c for c in block if c.name not in names))


def only(block: Block, *names: str) -> Block:
    """Return the named columns of the block, in the order named."""
    known = {c.name: c for c in block}
    return Block(tuple(known[name] for name in names))


def relative(block: Block) -> Block:
    """Take years as their distance from period_base_year, under ``<column>_relativo``."""
    return Block(
        tuple(
            replace(c, name=f"{c.name}_relativo", checks=(), fk=None, description=f"{c.description} Minus period_base_year.")
            for c in block
        )
    )


def as_real(block: Block, role: Role) -> Block:
    """Take columns as numbers without nulls: the inputs of a model that knows none."""
    return Block(tuple(replace(_zero_for_null(c) if c.nullable else c, role=role) for c in block))


def as_text(block: Block, role: Role) -> Block:
    """Take columns as categories: text without nulls."""
    return Block(tuple(replace(_category(c), role=role) for c in block))


def missing(*blocks: Block) -> Block:
    """Declare ``<column>_faltante`` for every column of the blocks that may be null."""
    return Block(
        tuple(
            replace(
                c,
                name=f"{c.name}_faltante", dtype=dt.int64, nullable=False, checks=tuple(column("", isin=[0, 1]).checks),
                role="observed_real", description=f"1 where there is no {c.name} and its 0 stands for that, else 0.", fk=None,
            )
            for block in blocks for c in block if c.nullable
        )
    )  # fmt: skip


def _zero_for_null(c: Column) -> Column:
    return replace(c, nullable=False, checks=(), description=f"{c.description} 0 stands for none: see {c.name}_faltante.")


def _category(c: Column) -> Column:
    limits = _limits(c)
    values = ["true", "false"] if c.dtype.is_boolean() else [str(v) for v in limits.get("isin") or ()]
    text = f"{c.description} As text, {UNKNOWN} for null." if c.nullable else f"{c.description} As text."
    unknown = [UNKNOWN] if c.nullable else []
    checks = tuple(column("", isin=values + unknown).checks) if values else ()
    return replace(c, dtype=dt.string, nullable=False, checks=checks, description=text, fk=None)


def _field(c: Column) -> Any:
    return column(
        c.description, role=c.role, pii=c.pii, nullable=c.nullable, fk=c.fk, when=c.when, required=c.required,
        breaker=c.breaker, why=c.why, k=c.k, **_limits(c),
    )  # fmt: skip


_LIMITS = {
    "isin": ("isin", "allowed_values"),
    "greater_than_or_equal_to": ("ge", "min_value"),
    "less_than_or_equal_to": ("le", "max_value"),
}


def _limits(c: Column) -> dict[str, Any]:
    """Allowed values and range of a column, in the words of `column`."""
    limits: dict[str, Any] = {}
    for check in c.checks:
        if check.name not in _LIMITS:
            raise DefinitionError(f"The check {check.name} of {c.name} cannot be taken into a block.")
        word, statistic = _LIMITS[check.name]
        limits[word] = check.statistics[statistic]
    return limits


# --- the blocks ----------------------------------------------------------------------------------------------------


def _count(description: str) -> Any:
    return column(f"{description}; 0 when there is none.", role="measure", pii="indirect", ge=0)


def _sum(description: str) -> Any:
    return column(f"{description}, cut to hundredths one by one; 0 when there is none.", role="measure", pii="indirect")


def _grade(description: str) -> Any:
    return column(
        f"{description} (EXAMEN and PROMOCION with a numeric mark), 0 to 10; null without one.",
        role="measure", pii="indirect", nullable=True, ge=0, le=10,
    )  # fmt: skip


def _rate(description: str) -> Any:
    return column(f"{description}; null without one.", role="measure", pii="indirect", nullable=True, ge=0, le=1)


def _difference(description: str) -> Any:
    return column(f"{description}; null when either is.", role="measure", pii="indirect", nullable=True)


class AcademicBlock(GoldContract):
    """What a student achieved in a year."""

    total_evaluaciones: dt.Int64 = _count("Counted evaluations of the year: EXAMEN, PROMOCION or CURSADA with result A, R or U")
    materias_cursadas: dt.Int64 = _count("Distinct subjects of all the year's results, equivalences included")
    cursadas_intentadas: dt.Int64 = _count("Distinct subjects with a CURSADA or PROMOCION, whatever the result")
    examenes_intentados: dt.Int64 = _count("Results of EXAMEN that are A, R or U")
    promedio_notas: dt.Float64 = _grade("Mean mark of the year's graded finals")
    nota_minima: dt.Float64 = _grade("Lowest mark of the year's graded finals")
    nota_maxima: dt.Float64 = _grade("Highest mark of the year's graded finals")
    desviacion_notas: dt.Float64 = column(
        "Sample standard deviation of the marks of the year's graded finals; null below two.",
        role="measure", pii="indirect", nullable=True, ge=0,
    )  # fmt: skip
    mediana_notas: dt.Float64 = _grade("Median mark (mean of the two middle ones) of the year's graded finals")
    materias_aprobadas: dt.Int64 = _count("Distinct subjects passed: result A in EXAMEN, PROMOCION or EQUIVALENCIA")
    materias_regularizadas: dt.Int64 = _count("Distinct subjects whose course was regularised: CURSADA with result A")
    materias_reprobadas: dt.Int64 = _count("Distinct subjects with result R in EXAMEN, PROMOCION or CURSADA")
    materias_ausente: dt.Int64 = _count("Distinct subjects with result U in EXAMEN, PROMOCION or CURSADA")
    tasa_aprobacion: dt.Float64 = _rate("Share of A among the year's counted evaluations")
    tasa_reprobacion: dt.Float64 = _rate("Share of R among the year's counted evaluations")
    tasa_ausentismo: dt.Float64 = _rate("Share of U among the year's counted evaluations")
    creditos_obtenidos: dt.Float64 = _sum("Credits of the year's passes, equivalences included")


class HistoryBlock(GoldContract):
    """What a student achieved in the year and all before it."""

    total_evaluaciones_acum: dt.Int64 = _count("Counted evaluations up to and including the year")
    materias_aprobadas_acum: dt.Int64 = _count("Sum of materias_aprobadas up to and including the year")
    materias_reprobadas_acum: dt.Int64 = _count("Sum of materias_reprobadas up to and including the year")
    creditos_acum: dt.Float64 = _sum("Credits up to and including the year")
    promedio_historico: dt.Float64 = _grade("Mean mark of all graded finals up to and including the year")
    tasa_aprobacion_historica: dt.Float64 = _rate("Share of A among the counted evaluations up to and including the year")


class VariationBlock(GoldContract):
    """How a year differs from the one before; which that is, the table says."""

    variacion_promedio: dt.Float64 = _difference("promedio_notas minus that of the year before")
    variacion_tasa_aprobacion: dt.Float64 = _difference("tasa_aprobacion minus that of the year before")


class EngagementBlock(GoldContract):
    """How present a student was in a year."""

    promedio_asistencia: dt.Float64 = column(
        "Mean percentage of attendance over the year's comisiones that have one; null without one.",
        role="measure", pii="indirect", nullable=True,
    )  # fmt: skip
    total_inasistencias: dt.Float64 = _sum("Absences of the year")
    periodos_cumple_asistencia: dt.Int64 = _count("Comisiones with at least 75 % of attendance")
    periodos_riesgo_asistencia: dt.Int64 = _count("Comisiones with less than 50 % of attendance")
    periodos_con_asistencia: dt.Int64 = _count("Comisiones with a record of attendance, with a percentage or not")
    inscripciones_cursada: dt.Int64 = _count("Enrolments in courses, whatever their state")
    materias_inscriptas: dt.Int64 = _count("Distinct subjects of those enrolments")
    examenes_inscriptos: dt.Int64 = _count("Enrolments in exams, whatever their state")
    materias_examen_inscriptas: dt.Int64 = _count("Distinct subjects of those enrolments")
    tuvo_reinscripcion: dt.Int64 = column(
        "1 when the student re-enrolled for the year, else 0.", role="measure", pii="indirect", isin=[0, 1]
    )
    reinscripciones: dt.Int64 = _count("Re-enrolments of the year")
    primera_reinscripcion: dt.Timestamp = column(
        "First instant of re-enrolment, local time of the source.", pii="indirect", nullable=True
    )
    ultima_reinscripcion: dt.Timestamp = column(
        "Last instant of re-enrolment, local time of the source.", pii="indirect", nullable=True
    )


class AgeBlock(GoldContract):
    """How old a person is."""

    edad_al_anio: dt.Int64 = column(
        "Age in completed years at the year's cutoff; null without a date of birth or with a later one.",
        role="measure", pii="indirect", nullable=True, ge=0,
        breaker="whole_years", why="An age is shared by many, a date of birth by few.",
    )  # fmt: skip


class LabelBlock(GoldContract):
    """What became of a student: to be predicted, never a feature."""

    dropout_flag: dt.Int64 = column(
        "1 when a loss of regularity has this anio_academico (when the student left, not when the control ran), else 0.",
        role="target", pii="indirect", isin=[0, 1],
    )  # fmt: skip
    egreso_flag: dt.Int64 = column(
        "1 when the student graduated in this academic year, else 0.", role="target", pii="indirect", isin=[0, 1]
    )
    fecha_dropout: dt.Date = column(
        "Day of the control that found the first loss of regularity of this anio_academico; null without one.",
        role="target", pii="indirect", nullable=True,
    )  # fmt: skip
    dropout_next_year: dt.Int64 = column(
        "1 when a loss of regularity has the next anio_academico, else 0; null when the student has left by this year, and "
        "until label_delay_days after the next year's cutoff (a 1 that is known early waits for the 0s).",
        role="target", pii="indirect", nullable=True, isin=[0, 1],
    )  # fmt: skip
    inactivo_next_year: dt.Int64 = column(
        "0 when the next year is an active one or that of a graduation, else 1; null as dropout_next_year. For "
        "installations that do not run the yearly control of regularity.",
        role="target", pii="indirect", nullable=True, isin=[0, 1],
    )  # fmt: skip


def census(role: Role | None = None) -> Block:
    """Answers of a survey: the columns of dim_census but its keys and es_ultimo; disabilities when include_sensitive."""
    answers = without(like(DimCensus, role=role), "source_db", "persona_id", "fecha_relevamiento", "es_ultimo")
    sensitive = "include_sensitive"
    return Block(tuple(replace(c, nullable=True, when=sensitive if c.name.startswith("disc_") else None) for c in answers))

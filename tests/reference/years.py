"""The yearly blocks of data-contract §5, one student at a time."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

from tests.reference.facts import Facts, Row

COUNTED, FINALS = ("EXAMEN", "PROMOCION", "CURSADA"), ("EXAMEN", "PROMOCION")
PASSING = ("EXAMEN", "PROMOCION", "EQUIVALENCIA")


def cut(value: float | None) -> int | None:
    """Whole hundredths of a decimal number, by its shortest text."""
    if value is None:
        return None
    units, _, decimals = f"{abs(float(value)):.10f}".partition(".")
    return (-1 if value < 0 else 1) * (int(units) * 100 + int(decimals[:2]))


def passed(r: Row) -> bool:
    return r["resultado"] == "A" and r["tipo_evaluacion"] in PASSING


def is_counted(r: Row) -> bool:
    return r["tipo_evaluacion"] in COUNTED and r["resultado"] in ("A", "R", "U")


def elements(rows: list[Row]) -> int:
    return len({r["elemento_id"] for r in rows if r["elemento_id"] is not None})


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def academic(rows: list[Row]) -> Row:
    """The yearly academic block over one student's rows of one year."""
    counted = [r for r in rows if is_counted(r)]
    marks = sorted(r["marca"] for r in rows if r["tipo_evaluacion"] in FINALS and r["marca"] is not None)
    n, s1, s2 = len(marks), sum(marks), sum(m * m for m in marks)
    with_result = {c: [r for r in counted if r["resultado"] == c] for c in "ARU"}
    return {
        "total_evaluaciones": len(counted),
        "materias_cursadas": elements(rows),
        "cursadas_intentadas": elements([r for r in rows if r["tipo_evaluacion"] in ("CURSADA", "PROMOCION")]),
        "examenes_intentados": len([r for r in counted if r["tipo_evaluacion"] == "EXAMEN"]),
        "promedio_notas": s1 / (100 * n) if n else None,
        "nota_minima": marks[0] / 100 if n else None,
        "nota_maxima": marks[-1] / 100 if n else None,
        "desviacion_notas": math.sqrt((n * s2 - s1 * s1) / (n * (n - 1))) / 100 if n > 1 else None,
        "mediana_notas": (marks[(n - 1) // 2] + marks[n // 2]) / 200 if n else None,
        "materias_aprobadas": elements([r for r in rows if passed(r)]),
        "materias_regularizadas": elements([r for r in rows if r["tipo_evaluacion"] == "CURSADA" and r["resultado"] == "A"]),
        "materias_reprobadas": elements(with_result["R"]),
        "materias_ausente": elements(with_result["U"]),
        "tasa_aprobacion": share(len(with_result["A"]), len(counted)),
        "tasa_reprobacion": share(len(with_result["R"]), len(counted)),
        "tasa_ausentismo": share(len(with_result["U"]), len(counted)),
        "creditos_obtenidos": sum(cut(r["creditos"]) for r in rows if passed(r)) / 100,
        "_suma": s1, "_n": n, "_aprobadas": len(with_result["A"]),
    }  # fmt: skip


def engagement(enrolments: list[Row], exams: list[Row], attendance: list[Row], reinscriptions: list[Row]) -> Row:
    """The yearly engagement block over one student's rows of one year."""
    percentages = [(r["porc_asistencia"], cut(r["porc_asistencia"])) for r in attendance if r["porc_asistencia"] is not None]
    instants = sorted(r["fecha_reinscripcion"] for r in reinscriptions if r["fecha_reinscripcion"] is not None)
    return {
        "promedio_asistencia": sum(c for _, c in percentages) / (100 * len(percentages)) if percentages else None,
        "total_inasistencias": sum(cut(r["total_inasistencias"] or 0) for r in attendance) / 100,
        "periodos_cumple_asistencia": sum(p >= 75 for p, _ in percentages),
        "periodos_riesgo_asistencia": sum(p < 50 for p, _ in percentages),
        "periodos_con_asistencia": len(attendance),
        "inscripciones_cursada": len(enrolments),
        "materias_inscriptas": elements(enrolments),
        "examenes_inscriptos": len(exams),
        "materias_examen_inscriptas": elements(exams),
        "tuvo_reinscripcion": int(bool(reinscriptions)),
        "reinscripciones": len(reinscriptions),
        "primera_reinscripcion": instants[0] if instants else None,
        "ultima_reinscripcion": instants[-1] if instants else None,
    }


def by_student_year(rows: list[Row], year: str) -> dict[tuple[Any, ...], dict[int, list[Row]]]:
    grouped: dict[tuple[Any, ...], dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row[year] is not None:
            grouped[row["source_db"], row["alumno_id"]][row[year]].append(row)
    return grouped


def history(years: dict[int, Row]) -> None:
    """Add the history columns to each year's block, in place."""
    total = passed_subjects = failed = marks = count = approved = 0
    credits = 0
    for year in sorted(years):
        block = years[year]
        total += block["total_evaluaciones"]
        passed_subjects += block["materias_aprobadas"]
        failed += block["materias_reprobadas"]
        credits += round(block["creditos_obtenidos"] * 100)
        marks, count, approved = marks + block["_suma"], count + block["_n"], approved + block["_aprobadas"]
        block.update(
            total_evaluaciones_acum=total, materias_aprobadas_acum=passed_subjects, materias_reprobadas_acum=failed,
            creditos_acum=credits / 100, promedio_historico=marks / (100 * count) if count else None,
            tasa_aprobacion_historica=share(approved, total),
        )  # fmt: skip


def minus(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left - right


def academic_summary(facts: Facts) -> list[Row]:
    out = []
    for (source, student), years in by_student_year(facts.reported_results, "anio_academico").items():
        blocks = {year: academic(rows) for year, rows in years.items()}
        history(blocks)
        previous: Row = {}
        for year in sorted(blocks):
            block = blocks[year]
            out.append(
                dict(block, source_db=source, alumno_id=student, anio_academico=year,
                     variacion_promedio=minus(block["promedio_notas"], previous.get("promedio_notas")),
                     variacion_tasa_aprobacion=minus(block["tasa_aprobacion"], previous.get("tasa_aprobacion")))
            )  # fmt: skip
            previous = block
    return out


def student_engagement(facts: Facts) -> list[Row]:
    parts = [
        by_student_year(rows, "anio_academico")
        for rows in (facts.enrolments, facts.exams, facts.attendance, facts.reinscriptions)
    ]
    keys = {(*student, year) for part in parts for student, years in part.items() for year in years}
    out = []
    for source, student, year in keys:
        block = engagement(*(part[source, student][year] for part in parts))
        score = 0.4 * (block["promedio_asistencia"] or 0) + 20 * block["reinscripciones"] + 5 * block["examenes_inscriptos"]
        out.append(dict(block, source_db=source, alumno_id=student, anio_academico=year, engagement_score=score))
    return out

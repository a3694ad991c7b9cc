"""The dense yearly series of data-contract §5.1, and which of them are open."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.reference.facts import Facts, Row
from tests.reference.years import academic, by_student_year, engagement, history, minus

ANTERIOR = ("promedio_notas", "tasa_aprobacion", "materias_aprobadas", "tuvo_reinscripcion")


def temporal(facts: Facts, students: list[Row]) -> list[Row]:
    """Rows of gold_tft_temporal_features; ``students`` are rows of dim_student."""
    parts = {
        name: by_student_year(rows, "anio_evento")
        for name, rows in {
            "results": facts.results, "enrolments": facts.enrolments, "exams": facts.exams, "attendance": facts.attendance,
            "reinscriptions": facts.reinscriptions, "changes": facts.changes,
        }.items()
    }  # fmt: skip
    exits = defaultdict(list)
    for fact, rows in (("dropout", facts.dropouts), ("graduation", facts.graduations)):
        for row in rows:
            exits[row["source_db"], row["alumno_id"]].append((fact, row))
    out: list[Row] = []
    for student in students:
        who = (student["source_db"], student["alumno_id"])
        out += _series(facts, who, student["anio_ingreso"], {n: p.get(who, {}) for n, p in parts.items()}, exits.get(who, []))
    return out


def _series(facts: Facts, who: tuple[Any, ...], entry: int | None, parts: dict[str, Any], exits: list[Any]) -> list[Row]:
    params, calendar = facts.params, facts.calendar
    active = sorted({y for name, years in parts.items() if name != "changes" for y in years})
    starts = [year for year in (entry, active[0] if active else None) if year is not None]
    if not starts:
        return []
    first = min(starts)

    def is_active_in(after: int, upto: int) -> bool:
        return any(after < year <= upto for year in active)

    def gone_year(row: Row) -> int | None:
        return row["anio_academico"] if row["anio_academico"] is not None else row["anio_evento"]

    def keeps(t: int) -> bool:
        for _, row in exits:
            if row["anio_evento"] is not None and row["anio_evento"] < t and not is_active_in(gone_year(row), t):
                return False
        seen = [year for year in active if year <= t]
        return t - (seen[-1] if seen else first) <= params.max_inactive_years

    def has_left(t: int) -> bool:
        return any(
            row["anio_academico"] is not None and row["anio_academico"] <= t and not is_active_in(row["anio_academico"], t)
            for _, row in exits
        )

    def block(t: int) -> Row:
        values = academic(parts["results"].get(t, []))
        values |= engagement(*(parts[name].get(t, []) for name in ("enrolments", "exams", "attendance", "reinscriptions")))
        return values | {"cambios_estado_anio": len(parts["changes"].get(t, []))}

    known_exits = {row["anio_evento"] for _, row in exits}
    lost = {row["anio_academico"] for name, row in exits if name == "dropout"}
    graduated = {row["anio_academico"] for name, row in exits if name == "graduation"}
    lowest = min(first, *(year for years in parts.values() for year in years), first)
    blocks = {t: block(t) for t in range(lowest, params.last_closed_year + 1)}
    history(blocks)
    rows: list[Row] = []
    episode, changes, previous = 1, 0, None
    for t in range(lowest, params.last_closed_year + 1):
        changes += blocks[t]["cambios_estado_anio"]
        if t < first or not keeps(t):
            continue
        if previous is not None and (previous != t - 1 or previous in known_exits):
            episode += 1
        previous = t
        seen = [year for year in active if year <= t]
        before = blocks[t - 1] if t - 1 >= first else None
        dates = [r["fecha_dropout"] for n, r in exits if n == "dropout" and r["anio_academico"] == t and r["fecha_dropout"]]
        row = dict(
            blocks[t], source_db=who[0], alumno_id=who[1], anio_academico=t, episodio=episode, time_step=t - first,
            anios_desde_ingreso=None if entry is None else t - entry, sin_actividad_flag=int(t not in active),
            anios_inactivo_consecutivos=t - seen[-1] if seen else t - first + 1, cambios_estado_acum=changes,
            dropout_flag=int(t in lost), egreso_flag=int(t in graduated), fecha_dropout=min(dates) if dates else None,
        )  # fmt: skip
        for name in ANTERIOR:
            row[f"{name}_anterior"] = None if before is None else before[name]
        row["variacion_promedio"] = minus(row["promedio_notas"], row["promedio_notas_anterior"])
        row["variacion_tasa_aprobacion"] = minus(row["tasa_aprobacion"], row["tasa_aprobacion_anterior"])
        row["variacion_materias"] = minus(row["materias_cursadas"], None if before is None else before["materias_cursadas"])
        waits = (params.as_of - calendar.cutoff(t + 1)).days < params.label_delay_days
        unlabelled = waits or has_left(t)
        row["dropout_next_year"] = None if unlabelled else int(t + 1 in lost)
        row["inactivo_next_year"] = None if unlabelled else int(not (t + 1 in active or t + 1 in graduated))
        row["_left"] = has_left(t)
        row["_later_exit"] = any(y is not None and y > params.last_closed_year for y in lost | graduated)
        rows.append(row)
    return rows


def open_series(rows: list[Row], facts: Facts) -> list[Row]:
    """Last rows of the students who may still be helped."""
    last = facts.params.last_closed_year
    return [r for r in rows if r["anio_academico"] == last and not r["_left"] and not r["_later_exit"]]

"""What gold_tft_training_dataset adds to the series: survey in force, sequence, partition (§5.2)."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from tests.reference.facts import Calendar, Facts, Row, date_of, years_between
from tests.reference.series import open_series


def surveys(facts: Facts) -> dict[tuple[Any, Any], list[Row]]:
    """Each person's surveys known at as_of, one a day, oldest first."""
    kept: dict[tuple[Any, ...], Row] = {}
    for row in facts.bronze["census"]:
        day = date_of(row["fecha"])
        if day is None or day > facts.params.as_of or row["persona"] is None:
            continue
        key = (row["source_db"], row["persona"], day)
        if key not in kept or row["dato_censal"] > kept[key]["dato_censal"]:
            kept[key] = row
    people = defaultdict(list)
    for (source, person, day), row in sorted(kept.items(), key=lambda item: item[0][2]):
        people[source, person].append(dict(row, fecha_relevamiento=day))
    return people


def training(rows: list[Row], facts: Facts, students: list[Row]) -> list[Row]:
    """Rows of the series with what the training table adds to them."""
    calendar: Calendar = facts.calendar
    by_student = {(s["source_db"], s["alumno_id"]): s for s in students}
    births = {(p["source_db"], p["persona"]): p["fecha_nacimiento"] for p in facts.bronze["personas"]}
    people = surveys(facts)
    lengths, lasts = defaultdict(int), {}
    for row in rows:
        serie = f"{row['source_db']}:{row['alumno_id']}:{row['episodio']}"
        lengths[serie] += 1
        lasts[serie] = max(lasts.get(serie, 0), row["anio_academico"])
    labelled = {r["anio_academico"] for r in rows if r["dropout_next_year"] is not None}
    test = max(labelled, default=None)
    delay = timedelta(days=facts.params.label_delay_days)
    usable = {year for year in labelled if calendar.cutoff(year + 1) + delay <= calendar.cutoff(test)}
    is_open = {id(r) for r in open_series(rows, facts)}

    def part(row: Row) -> str:
        if row["dropout_next_year"] is None:
            return "score" if id(row) in is_open else "sin_etiqueta"
        year = row["anio_academico"]
        if year == test:
            return "test"
        if year not in usable:
            return "embargo"
        return "validation" if year == max(usable) else "train"

    out = []
    for row in rows:
        student = by_student[row["source_db"], row["alumno_id"]]
        person, cutoff = (row["source_db"], student["persona_id"]), calendar.cutoff(row["anio_academico"])
        survey = next((s for s in reversed(people.get(person, [])) if s["fecha_relevamiento"] <= cutoff), None)
        serie = f"{row['source_db']}:{row['alumno_id']}:{row['episodio']}"
        hours = survey and survey["trabajo_hora_sem"]
        age = years_between(births.get(person), cutoff)
        out.append({
            "source_db": row["source_db"], "alumno_id": row["alumno_id"], "anio_academico": row["anio_academico"],
            "serie_id": serie, "time_idx": row["time_step"], "sequence_length": lengths[serie],
            "is_last_observation": int(lasts[serie] == row["anio_academico"]), "particion": part(row),
            **_relative("anio_nacimiento", births.get(person) and births[person].year, facts),
            **_relative("anio_ingreso", student["anio_ingreso"], facts),
            "edad_al_anio": age or 0, "edad_al_anio_faltante": int(age is None),
            "trabajo_hora_sem": hours or 0, "trabajo_hora_sem_faltante": int(hours is None),
            "promedio_notas": row["promedio_notas"] or 0, "promedio_notas_faltante": int(row["promedio_notas"] is None),
            "estado_civil": "desconocido" if survey is None or survey["estado_civil"] is None else str(survey["estado_civil"]),
            "beca": {"S": "true", "true": "true", "N": "false", "false": "false"}.get(((survey and survey["beca"]) or "").strip(), "desconocido"),
            "dropout_next_year": row["dropout_next_year"],
        })  # fmt: skip
    return out


def _relative(name: str, year: int | None, facts: Facts) -> Row:
    """A year as its distance from the base year; a missing one is 0, and said to be missing."""
    return {
        f"{name}_relativo": 0 if year is None else year - facts.params.period_base_year,
        f"{name}_relativo_faltante": int(year is None),
    }

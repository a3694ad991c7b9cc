"""Silver: the conformed star schema. A file is a table; ``SILVER`` is the floor plan."""

from __future__ import annotations

from collections.abc import Callable

import ibis.expr.types as ir

from padm_ibis.silver.bridge_docente_comision import bridge_docente_comision
from padm_ibis.silver.dim_census import dim_census
from padm_ibis.silver.dim_elemento import dim_elemento
from padm_ibis.silver.dim_facultad import dim_facultad
from padm_ibis.silver.dim_fecha import dim_fecha
from padm_ibis.silver.dim_instancia import dim_instancia
from padm_ibis.silver.dim_periodo import dim_periodo
from padm_ibis.silver.dim_persona import dim_persona
from padm_ibis.silver.dim_plan_version import dim_plan_version
from padm_ibis.silver.dim_propuesta import dim_propuesta
from padm_ibis.silver.dim_student import dim_student
from padm_ibis.silver.dim_ubicacion import dim_ubicacion
from padm_ibis.silver.fact_academic_performance import fact_academic_performance
from padm_ibis.silver.fact_attendance import fact_attendance
from padm_ibis.silver.fact_course_enrollment import fact_course_enrollment
from padm_ibis.silver.fact_dropout import fact_dropout
from padm_ibis.silver.fact_egreso import fact_egreso
from padm_ibis.silver.fact_exam_inscription import fact_exam_inscription
from padm_ibis.silver.fact_reinscription import fact_reinscription
from padm_ibis.silver.fact_student_status_history import fact_student_status_history

SILVER: tuple[Callable[..., ir.Table], ...] = (
    dim_fecha,
    dim_periodo,
    dim_propuesta,
    dim_facultad,
    dim_plan_version,
    dim_elemento,
    dim_instancia,
    dim_ubicacion,
    dim_persona,
    dim_census,
    dim_student,
    bridge_docente_comision,
    fact_course_enrollment,
    fact_academic_performance,
    fact_exam_inscription,
    fact_attendance,
    fact_reinscription,
    fact_dropout,
    fact_student_status_history,
    fact_egreso,
)

"""Silver: the conformed star schema. A file is a table; ``SILVER`` is the floor plan, ``LMS`` a learning platform's."""

from __future__ import annotations

from collections.abc import Callable

import ibis.expr.types as ir

from padm_ibis.silver.bridge_docente_comision import bridge_docente_comision
from padm_ibis.silver.bridge_lms_persona import bridge_lms_persona
from padm_ibis.silver.dim_census import dim_census
from padm_ibis.silver.dim_elemento import dim_elemento
from padm_ibis.silver.dim_facultad import dim_facultad
from padm_ibis.silver.dim_fecha import dim_fecha
from padm_ibis.silver.dim_instancia import dim_instancia
from padm_ibis.silver.dim_lms_curso import dim_lms_curso
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
from padm_ibis.silver.fact_lms_actividad import fact_lms_actividad
from padm_ibis.silver.fact_lms_asistencia import fact_lms_asistencia
from padm_ibis.silver.fact_lms_entrega import fact_lms_entrega
from padm_ibis.silver.fact_lms_nota import fact_lms_nota
from padm_ibis.silver.fact_lms_vencimiento import fact_lms_vencimiento
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

LMS: tuple[Callable[..., ir.Table], ...] = (
    bridge_lms_persona,
    dim_lms_curso,
    fact_lms_actividad,
    fact_lms_entrega,
    fact_lms_vencimiento,
    fact_lms_asistencia,
    fact_lms_nota,
)

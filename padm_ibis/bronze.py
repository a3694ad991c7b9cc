"""Bronze: one statement a resource over the source's own tables. ``BRONZE`` is the floor plan.

A resource renames, joins descriptions and casts nothing: values are as the source holds them. Columns named in
``hashes`` leave here in clear and are replaced by a keyed hash before anything is written; the loader adds
``source_db``, ``_extracted_at`` and ``_run_id``.
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.bronze import (
    Academic,
    AlumnosHistCalidad,
    Attendance,
    Census,
    CourseInscriptions,
    DocentesComision,
    Dropout,
    Egresos,
    Elementos,
    ExamInscriptions,
    HistoriaAcademica,
    Instancias,
    Personas,
    Reinscripciones,
    Students,
)
from padm_ibis.define.model import resource
from padm_ibis.words.terms import first, last, one_per

ASPIRACION_ACEPTADA = ("A", "P")
CONTACTO_MAIL_PRINCIPAL = "MP"
RESULTADOS = "resultados"
"""What ``historia_academica`` and ``academic`` both hold: one of the two is enough (data contract, §10.5)."""

# --- joins that never multiply a row -------------------------------------------------------------------


def _look_up(rows: ir.Table, foreign: str, catalogue: ir.Table, key: str, **columns: str) -> ir.Table:
    """Add ``columns`` (new name = the catalogue's) of the one entry that ``foreign`` points to, or nulls.

    An installation may hold a code twice: the entry with the smallest values is taken. The entry's own key stays
    as ``_<first new name>``, so that a series of look-ups is one flat chain of joins.
    """
    own = f"_{next(iter(columns))}"
    entries = one_per(catalogue, [key], [first(catalogue[column]) for column in columns.values()])
    entries = entries.select(entries[key].name(own), *(entries[column].name(name) for name, column in columns.items()))
    return rows.left_join(entries, [(foreign, own)])


def _courses(comisiones: ir.Table, periodos_lectivos: ir.Table, periodos: ir.Table) -> ir.Table:
    """Comisiones with the academic year of their period, one row per comision."""
    periods = _look_up(periodos_lectivos, "periodo", periodos, "periodo", anio_academico="anio_academico")
    return _look_up(comisiones, "periodo_lectivo", periods, "periodo_lectivo", anio_academico="anio_academico")


def _principal_document(rows: ir.Table, personas: ir.Table, documentos: ir.Table, *, name: str) -> ir.Table:
    """Add the number of the principal document of each row's ``persona``."""
    persons = _look_up(personas, "documento_principal", documentos, "documento", nro_documento="nro_documento")
    return _look_up(rows, "persona", persons, "persona", **{name: "nro_documento"})


# --- dimensions ------------------------------------------------------------------------------------


def _entries(aspiraciones: ir.Table, situaciones: ir.Table) -> ir.Table:
    """The aspiration by which a person entered a programme, one row per persona and propuesta."""
    judged = _look_up(aspiraciones, "situacion_asp", situaciones, "situacion_asp", resultado_asp="resultado_asp")
    accepted = judged.filter(judged.resultado_asp.isin(ASPIRACION_ACEPTADA) | judged.resultado_asp.isnull())
    earliest = [first(accepted.anio_academico), first(accepted.propuesta_aspira)]
    return one_per(accepted, ["persona", "propuesta"], earliest).select(
        _persona="persona", _propuesta="propuesta", fecha_ingreso="fecha_inscripcion", tipo_ingreso="tipo_ingreso"
    )


def _places(
    ubicaciones: ir.Table, instituciones: ir.Table, localidades: ir.Table, dptos_partidos: ir.Table, provincias: ir.Table
) -> ir.Table:
    """Locations with their institution and town in words, one row per ubicacion."""
    places = _look_up(
        ubicaciones, "institucion_araucano", instituciones, "institucion_araucano",
        institucion="nombre", institucion_p="institucion_nombre",
    )  # fmt: skip
    places = _look_up(places, "localidad", localidades, "localidad", see_localidad="nombre", dpto_partido="dpto_partido")
    places = _look_up(places, "dpto_partido", dptos_partidos, "dpto_partido", see_dpto="nombre", provincia="provincia")
    return _look_up(places, "provincia", provincias, "provincia", see_provincia="nombre")


# What the university calls constant of a student: programme, plan, campus, mode and entry, and the names of all these.
@resource(
    Students, load="full", since="fecha_ingreso", essential="students",
    constant=(
        "persona", "propuesta", "propuesta_nombre", "propuesta_codigo", "plan_version_id", "plan_version",
        "ubicacion", "see_nombre", "see_calle", "see_numero", "see_codigo_postal", "see_institucion_id", "see_institucion",
        "see_institucion_p", "see_localidad", "see_dpto", "see_provincia", "modalidad",
        "fecha_ingreso", "tipo_ingreso", "tipo_ingreso_desc",
    ),
    now=("legajo", "regular", "calidad"),
)  # fmt: skip
def students(
    sga_alumnos: ir.Table,
    sga_propuestas: ir.Table,
    sga_planes_versiones: ir.Table,
    sga_ubicaciones: ir.Table,
    int_arau_instituciones: ir.Table,
    mug_localidades: ir.Table,
    mug_dptos_partidos: ir.Table,
    mug_provincias: ir.Table,
    sga_propuestas_aspira: ir.Table,
    sga_situacion_aspirante: ir.Table,
    sga_tipos_ingreso: ir.Table,
) -> ir.Table:
    """Student records, one row per alumno, whether or not the aspiration they entered by is found."""
    places = _places(sga_ubicaciones, int_arau_instituciones, mug_localidades, mug_dptos_partidos, mug_provincias)
    entries = _entries(sga_propuestas_aspira, sga_situacion_aspirante)
    rows = sga_alumnos.rename(plan_version_id="plan_version")
    rows = _look_up(rows, "propuesta", sga_propuestas, "propuesta", propuesta_nombre="nombre", propuesta_codigo="codigo")
    rows = _look_up(rows, "plan_version_id", sga_planes_versiones, "plan_version", plan_version="nombre")
    rows = _look_up(
        rows, "ubicacion", places, "ubicacion",
        see_nombre="nombre", see_calle="calle", see_numero="numero", see_codigo_postal="codigo_postal",
        see_institucion_id="institucion_araucano", see_institucion="institucion", see_institucion_p="institucion_p",
        see_localidad="see_localidad", see_dpto="see_dpto", see_provincia="see_provincia",
    )  # fmt: skip
    rows = rows.left_join(entries, [rows.persona == entries["_persona"], rows.propuesta == entries["_propuesta"]])
    rows = _look_up(rows, "tipo_ingreso", sga_tipos_ingreso, "tipo_ingreso", tipo_ingreso_desc="nombre")
    return rows.select(
        "alumno", "persona", "legajo", "propuesta", "propuesta_nombre", "propuesta_codigo", "plan_version_id", "plan_version",
        "ubicacion", "see_nombre", "see_calle", "see_numero", "see_codigo_postal", "see_institucion_id", "see_institucion",
        "see_institucion_p", "see_localidad", "see_dpto", "see_provincia", "modalidad", "regular", "calidad",
        "fecha_ingreso", "tipo_ingreso", "tipo_ingreso_desc",
    )  # fmt: skip


@resource(
    Personas, load="full", essential="personas",
    hashes={"documento_hash": "documento", "usuario_hash": "texto", "email_hash": "texto"},
    constant=(
        "fecha_nacimiento", "sexo", "localidad_nacimiento", "localidad_nacimiento_desc", "nacionalidad", "nacionalidad_desc",
    ),
    now=("documento_hash", "usuario_hash", "email_hash"),
)  # fmt: skip
def personas(
    mdp_personas: ir.Table,
    mdp_personas_documentos: ir.Table,
    mdp_personas_contactos: ir.Table,
    mdp_nacionalidades: ir.Table,
    mug_localidades: ir.Table,
) -> ir.Table:
    """Persons, one row per persona; the principal e-mail address is the lowest of several."""
    mails = mdp_personas_contactos.filter(
        mdp_personas_contactos.contacto_tipo == CONTACTO_MAIL_PRINCIPAL, mdp_personas_contactos.email.strip() != ""
    )
    rows = _look_up(mdp_personas, "documento_principal", mdp_personas_documentos, "documento", documento_hash="nro_documento")
    rows = _look_up(rows, "persona", mails, "persona", email="email")
    rows = _look_up(rows, "localidad_nacimiento", mug_localidades, "localidad", localidad_nacimiento_desc="nombre")
    rows = _look_up(rows, "nacionalidad", mdp_nacionalidades, "nacionalidad", nacionalidad_desc="descripcion")
    rows = rows.mutate(usuario_hash=rows.usuario, email_hash=rows.email.coalesce(rows.email_temporal))
    return rows.select(
        "persona", "fecha_nacimiento", "sexo", "localidad_nacimiento", "localidad_nacimiento_desc",
        "nacionalidad", "nacionalidad_desc", "documento_hash", "usuario_hash", "email_hash",
    )  # fmt: skip


@resource(Elementos, load="full", essential="elementos", constant=("materia_codigo", "materia_nombre"))
def elementos(sga_elementos: ir.Table) -> ir.Table:
    """Subjects, one row per elemento."""
    return sga_elementos.select("elemento", materia_codigo="codigo", materia_nombre="nombre")


@resource(Instancias, load="full", constant=("instancia_nombre",))
def instancias(sga_instancias: ir.Table) -> ir.Table:
    """Instances of examination, one row per instancia."""
    return sga_instancias.select("instancia", instancia_nombre="nombre")


# --- courses ---------------------------------------------------------------------------------------


@resource(Attendance, load="full", known_at="anio_academico")
def attendance(
    sga_clases_asistencia_acum: ir.Table, sga_comisiones: ir.Table, sga_periodos_lectivos: ir.Table, sga_periodos: ir.Table
) -> ir.Table:
    """Attendance so far, one row per alumno and comision."""
    courses = _courses(sga_comisiones, sga_periodos_lectivos, sga_periodos)
    rows = _look_up(
        sga_clases_asistencia_acum, "comision", courses, "comision", elemento="elemento", anio_academico="anio_academico"
    )
    return rows.select("alumno", "comision", "elemento", "anio_academico", "porc_asistencia", "total_inasistencias")


@resource(DocentesComision, load="full", known_at="anio_academico", hashes={"docente_hash": "documento"})
def docentes_comision(
    sga_docentes_comision: ir.Table,
    sga_docentes: ir.Table,
    mdp_personas: ir.Table,
    mdp_personas_documentos: ir.Table,
    sga_comisiones: ir.Table,
    sga_periodos_lectivos: ir.Table,
    sga_periodos: ir.Table,
) -> ir.Table:
    """Teachers of courses, one row per docente and comision, however many spells the source records."""
    courses = _courses(sga_comisiones, sga_periodos_lectivos, sga_periodos)
    rows = sga_docentes_comision.select("docente", "comision").distinct()
    rows = _look_up(rows, "comision", courses, "comision", elemento="elemento", anio_academico="anio_academico")
    rows = _look_up(rows, "docente", sga_docentes, "docente", persona="persona")
    rows = _principal_document(rows, mdp_personas, mdp_personas_documentos, name="docente_hash")
    return rows.select("docente", "comision", "elemento", "anio_academico", "docente_hash")


@resource(
    Academic, load="incremental", cursor="fecha_nota", known_at="fecha_nota", essential=RESULTADOS,
    allow={
        "fan-out sga_comisiones": "an evaluation is of every comisión that has its entidad",
        "fan-out sga_evaluaciones+sga_comisiones": "an enrolment has a row for each evaluation of its comisión",
    },
)  # fmt: skip
def academic(
    sga_insc_cursada: ir.Table,
    sga_comisiones: ir.Table,
    sga_periodos_lectivos: ir.Table,
    sga_periodos: ir.Table,
    sga_evaluaciones: ir.Table,
    sga_eval_detalle_cursadas: ir.Table,
) -> ir.Table:
    """Course marks, one row per alumno, comision and evaluacion: enrolments, marked or not, and marks without an enrolment.

    An evaluation belongs to the comisión that has its entidad; ``entidad`` is not the number of the comisión.
    """
    courses = _courses(sga_comisiones, sga_periodos_lectivos, sga_periodos)
    of_course = sga_evaluaciones.join(sga_comisiones, sga_evaluaciones.entidad == sga_comisiones.entidad)
    of_course = of_course.select("evaluacion", _comision=sga_comisiones.comision)
    latest = [last(sga_insc_cursada.fecha_inscripcion), last(sga_insc_cursada.inscripcion)]
    enrolled = one_per(sga_insc_cursada, ["alumno", "comision"], latest)
    enrolled = enrolled.left_join(of_course, enrolled.comision == of_course["_comision"])
    enrolled = enrolled.select("alumno", "comision", "evaluacion", "plan_version")
    marked = sga_eval_detalle_cursadas.join(of_course, "evaluacion").rename(comision="_comision")
    both = enrolled.outer_join(marked, ["alumno", "comision", "evaluacion"], rname="{name}_nota")
    rows = both.mutate(
        alumno=both.alumno.coalesce(both.alumno_nota),
        comision=both.comision.coalesce(both.comision_nota),
        evaluacion=both.evaluacion.coalesce(both.evaluacion_nota),
        plan_version_id=both.plan_version_nota.coalesce(both.plan_version),
        fecha_nota=both.fecha_regular,
    )
    rows = _look_up(
        rows, "comision", courses, "comision",
        anio_academico="anio_academico", periodo_lectivo="periodo_lectivo", elemento="elemento",
    )  # fmt: skip
    return rows.select(
        "alumno", "comision", "evaluacion", "anio_academico", "periodo_lectivo", "elemento", "plan_version_id",
        "nota_cursada", "resultado_cursada", "fecha_nota",
    )  # fmt: skip


@resource(
    CourseInscriptions,
    load="incremental",
    cursor="fecha_inscripcion",
    known_at="fecha_inscripcion",
    now=("estado_inscripcion",),
)
def course_inscriptions(
    sga_insc_cursada: ir.Table,
    sga_comisiones: ir.Table,
    sga_periodos_lectivos: ir.Table,
    sga_periodos: ir.Table,
    sga_catedras: ir.Table,
    sga_planes_versiones: ir.Table,
) -> ir.Table:
    """Enrolments in courses, one row per inscripcion."""
    courses = _courses(sga_comisiones, sga_periodos_lectivos, sga_periodos)
    rows = sga_insc_cursada.rename(inscripcion_id="inscripcion", plan_version_id="plan_version", estado_inscripcion="estado")
    rows = _look_up(
        rows, "comision", courses, "comision",
        elemento_id="elemento", catedra="catedra", periodo_lectivo="periodo_lectivo", anio_academico="anio_academico",
    )  # fmt: skip
    rows = _look_up(rows, "catedra", sga_catedras, "catedra", catedra_codigo="codigo", catedra_nombre="nombre")
    rows = _look_up(rows, "plan_version_id", sga_planes_versiones, "plan_version", plan_version_desc="nombre")
    return rows.select(
        "alumno", "inscripcion_id", "comision", "elemento_id",
        rows.catedra_codigo.coalesce(rows.catedra.cast("string")).name("catedra_cod"), "catedra_nombre",
        "periodo_lectivo", "anio_academico", "plan_version_id", "plan_version_desc", "fecha_inscripcion", "estado_inscripcion",
    )  # fmt: skip


# --- results ---------------------------------------------------------------------------------------


def _joined(*parts: str | ir.Value) -> ir.StringValue:
    """Parts with colons between them; a null part is empty."""
    texts = (ibis.literal(part) if isinstance(part, str) else part.cast("string").fill_null("") for part in parts)
    return ibis.literal(":").join(list(texts))


@resource(
    HistoriaAcademica,
    load="incremental",
    essential=RESULTADOS,
    cursor="fecha",
    known_at="fecha",
    fallback={"vw_hist_academica": "vw_hist_academica_basica"},
)
def historia_academica(vw_hist_academica: ir.Table) -> ir.Table:
    """Results of exams, promotions and equivalences, one row per registro.

    Rows that share a registro are not thinned out here, where no one would see it: the loader counts and reports them.
    """
    t = vw_hist_academica
    tramite = t.reconocimiento_nro_tramite.strip().nullif("")
    registro = ibis.cases(
        (t.id_acta.notnull(), _joined("acta", t.id_acta, t.alumno)),
        (tramite.notnull(), _joined("tramite", tramite, t.elemento, t.alumno)),
        else_=_joined("fila", t.alumno, t.elemento, t.fecha.strftime("%Y-%m-%d"), t.instancia, t.tipo),
    )
    return t.select(
        registro.name("registro"), "persona", "alumno", "elemento", "elemento_revision",
        t.plan_version.name("plan_version_id"), "anio_academico", "periodo_lectivo", "instancia", "fecha", "fecha_vigencia",
        "nota", "nota_descripcion", "resultado", "resultado_descripcion", "tipo", "origen", "pct_asistencia", "creditos",
        "id_acta", "folio", "renglon", "comision", "evaluacion", "nro_resolucion", "reconocimiento_nro_tramite",
    )  # fmt: skip


@resource(
    ExamInscriptions,
    load="incremental",
    cursor="fecha_inscripcion",
    known_at="fecha_inscripcion",
    now=("estado_inscripcion",),
)
def exam_inscriptions(
    sga_insc_examen: ir.Table,
    sga_llamados_mesa: ir.Table,
    sga_mesas_examen: ir.Table,
    sga_instancias: ir.Table,
    sga_planes_versiones: ir.Table,
) -> ir.Table:
    """Enrolments in exams, one row per inscripcion; the year is the board's, not that of the date."""
    rows = sga_insc_examen.rename(
        inscripcion_id="inscripcion", instancia_id="instancia", plan_version_id="plan_version", estado_inscripcion="estado"
    )
    rows = _look_up(rows, "llamado_mesa", sga_llamados_mesa, "llamado_mesa", fecha_mesa_examen="fecha", mesa_examen="mesa_examen")
    rows = _look_up(rows, "mesa_examen", sga_mesas_examen, "mesa_examen", elemento_id="elemento", anio_academico="anio_academico")
    rows = _look_up(rows, "instancia_id", sga_instancias, "instancia", instancia_desc="nombre")
    rows = _look_up(rows, "plan_version_id", sga_planes_versiones, "plan_version", plan_version_desc="nombre")
    no_chair = ibis.null("string")
    return rows.select(
        "alumno", "inscripcion_id", "elemento_id", no_chair.name("catedra_cod"), no_chair.name("catedra_nombre"),
        "fecha_inscripcion", "fecha_mesa_examen", "anio_academico", "instancia_id", "instancia_desc",
        "plan_version_id", "plan_version_desc", "estado_inscripcion",
    )  # fmt: skip


# --- the student's standing ------------------------------------------------------------------------


@resource(Dropout, load="incremental", cursor="fecha_dropout", known_at="fecha_dropout")
def dropout(sga_perdida_regularidad: ir.Table) -> ir.Table:
    """Losses of regularity, one row per perdida_regularidad."""
    t = sga_perdida_regularidad
    return t.select(
        "perdida_regularidad", "alumno", "anio_academico", t.fecha.name("fecha_dropout"),
        "fecha_control_desde", "fecha_control_hasta",
    )  # fmt: skip


@resource(Reinscripciones, load="incremental", cursor="fecha_reinscripcion", known_at="fecha_reinscripcion")
def reinscripciones(sga_reinscripciones: ir.Table) -> ir.Table:
    """Yearly re-enrolments, one row per alumno, anio_academico and nro_transaccion."""
    return sga_reinscripciones.select("alumno", "anio_academico", "fecha_reinscripcion", "nro_transaccion")


@resource(AlumnosHistCalidad, load="incremental", cursor="fecha", known_at="fecha")
def alumnos_hist_calidad(sga_alumnos_hist_calidad: ir.Table) -> ir.Table:
    """Changes of calidad, one row per alumno, fecha and motivo_calidad."""
    return sga_alumnos_hist_calidad.select("alumno", "fecha", "motivo_calidad", "calidad")


@resource(Egresos, load="incremental", cursor="fecha_egreso", known_at="fecha_egreso")
def egresos(sga_certificados_otorg: ir.Table) -> ir.Table:
    """Graduations that stand, one row per nro_solicitud and alumno."""
    t = sga_certificados_otorg
    standing = t.filter(t.anulado == 0, t.fecha_egreso.notnull())
    return standing.select(
        "nro_solicitud", "persona", "alumno", standing.plan_version.name("plan_version_id"), "fecha_egreso",
        "promedio", "promedio_sin_aplazos",
    )  # fmt: skip


# --- the survey ------------------------------------------------------------------------------------

PERSONALES = (
    "estado_civil", "situacion_padre", "situacion_madre", "cantidad_hijos", "vive_con", "cobertura_salud", "tipo_vivienda",
    "periodo_lectivo_localidad", "periodo_lectivo_codigo_postal", "procedencia_localidad", "procedencia_codigo_postal",
)  # fmt: skip
COSTEOS = ("familiar", "plan_social", "trabajo", "beca", "otro")
ACTIVIDADES = ("tecnologia_int_casa", "tecnologia_pc_casa", "tecnologia_int_movil", "deportes")
DISCAPACIDAD = ("disc_auditiva", "disc_visual", "disc_motora", "disc_otra")


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _answers(
    censales: ir.Table, personales: ir.Table, economicos: ir.Table, actividades: ir.Table, discapacidad: ir.Table
) -> ir.Table:
    """Surveys with the answers of all their parts, one row per dato_censal."""
    rows = censales.rename(fecha="fecha_relevamiento")
    rows = _look_up(rows, "dato_censal", personales, "dato_censal", union_pareja="unido_hecho", **_same(*PERSONALES))
    rows = _look_up(
        rows, "dato_censal", economicos, "dato_censal", **_same("trabajo_existe", "trabajo_hora_sem", "beca"),
        **{f"costeos_estudios_{by}": f"costeo_estudios_{by}" for by in COSTEOS},
    )  # fmt: skip
    rows = _look_up(rows, "dato_censal", actividades, "dato_censal", **_same(*ACTIVIDADES))
    return _look_up(rows, "dato_censal", discapacidad, "dato_censal", **_same(*DISCAPACIDAD))


def _earlier_studies(estudios: ir.Table) -> ir.Table:
    """The highest of a person's earlier studies, one row per persona; of several, that of the lowest key."""
    ties = [first(estudios[name]) for name in ("dato_estudio", "institucion", "colegio")]
    return one_per(estudios, ["persona"], [last(estudios.nivel_estudio), *ties])


# Earlier studies hang from the person, without a date: like what else was before the university, they are constant.
@resource(
    Census, load="incremental", cursor="fecha", known_at="fecha",
    constant=("nivel_estudio", "nivel_estudio_desc", "institucion", "institucion_desc", "colegio", "colegio_desc"),
)  # fmt: skip
def census(
    mdp_datos_censales: ir.Table,
    mdp_datos_personales: ir.Table,
    mdp_datos_economicos: ir.Table,
    mdp_datos_actividades: ir.Table,
    mdp_datos_discapacidad: ir.Table,
    mdp_datos_estudios: ir.Table,
    mdp_estados_civiles: ir.Table,
    mdp_tipo_vivienda: ir.Table,
    mdp_trabajo_existe: ir.Table,
    mdp_nivel_estudio: ir.Table,
    sga_instituciones: ir.Table,
    sga_colegios_secundarios: ir.Table,
    mug_localidades: ir.Table,
    mug_dptos_partidos: ir.Table,
) -> ir.Table:
    """Surveys, one row per persona and dato_censal: all of them, with the person's highest earlier studies."""
    towns = _look_up(mug_localidades, "dpto_partido", mug_dptos_partidos, "dpto_partido", departamento="nombre")
    rows = _answers(mdp_datos_censales, mdp_datos_personales, mdp_datos_economicos, mdp_datos_actividades, mdp_datos_discapacidad)
    for home in ("periodo_lectivo", "procedencia"):
        named = {
            f"{home}_localidad_desc": "nombre",
            f"{home}_departamento": "dpto_partido",
            f"{home}_departamento_desc": "departamento",
        }
        rows = _look_up(rows, f"{home}_localidad", towns, "localidad", **named)
    studies = _earlier_studies(mdp_datos_estudios)
    rows = _look_up(rows, "persona", studies, "persona", **_same("nivel_estudio", "institucion", "colegio"))
    for code, catalogue, words in (
        ("estado_civil", mdp_estados_civiles, "descripcion"),
        ("tipo_vivienda", mdp_tipo_vivienda, "descripcion"),
        ("trabajo_existe", mdp_trabajo_existe, "descripcion"),
        ("nivel_estudio", mdp_nivel_estudio, "descripcion"),
        ("institucion", sga_instituciones, "nombre"),
        ("colegio", sga_colegios_secundarios, "nombre"),
    ):
        rows = _look_up(rows, code, catalogue, code, **{f"{code}_desc": words})
    return rows.select(
        "persona", "dato_censal", "fecha", "estado_civil", "estado_civil_desc", "union_pareja", "situacion_padre",
        "situacion_madre", "cantidad_hijos", "vive_con", "cobertura_salud", "tipo_vivienda", "tipo_vivienda_desc",
        "periodo_lectivo_localidad", "periodo_lectivo_localidad_desc", "periodo_lectivo_departamento",
        "periodo_lectivo_departamento_desc", "periodo_lectivo_codigo_postal", "procedencia_localidad",
        "procedencia_localidad_desc", "procedencia_departamento", "procedencia_departamento_desc",
        "procedencia_codigo_postal", "trabajo_existe", "trabajo_existe_desc", "trabajo_hora_sem", "beca",
        *(f"costeos_estudios_{by}" for by in COSTEOS), *ACTIVIDADES, *DISCAPACIDAD,
        "nivel_estudio", "nivel_estudio_desc", "institucion", "institucion_desc", "colegio", "colegio_desc",
    )  # fmt: skip


BRONZE: tuple[Callable[..., ir.Table], ...] = (
    students,
    personas,
    elementos,
    instancias,
    attendance,
    docentes_comision,
    academic,
    census,
    dropout,
    historia_academica,
    exam_inscriptions,
    course_inscriptions,
    reinscripciones,
    alumnos_hist_calidad,
    egresos,
)

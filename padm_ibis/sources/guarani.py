"""SIU Guaraní 3 (schema ``negocio``): every table and view that bronze reads, and nothing of them that it does not read.

A column is required when it is a key, a date or something silver cannot do without. A table is optional when all that is
taken from it may be null: catalogues of descriptions, the parts of the survey, documents, contacts.
"""

from __future__ import annotations

from dataclasses import replace

import ibis.expr.datatypes as dt

from padm_ibis.define.source_table import Identity, SourceTable

NUMERIC = dt.Decimal(18, 6)


def _table(
    name: str,
    required: str,
    *,
    int64: str = "",
    string: str = "",
    date: str = "",
    timestamp: str = "",
    numeric: str = "",
    optional_table: bool = False,
) -> SourceTable:
    """One source table; column names are separated by blanks, each under the type it is read with."""
    typed = ((int64, dt.int64), (string, dt.string), (date, dt.date), (timestamp, dt.timestamp), (numeric, NUMERIC))
    columns = {column: dtype for names, dtype in typed for column in names.split()}
    keys = frozenset(required.split())
    if unknown := keys - columns.keys():
        raise TypeError(f"{name} requires {', '.join(sorted(unknown))} without giving a type.")
    return SourceTable(name, columns, keys, optional_table)


def _catalogue(name: str, code: str, description: str = "descripcion", *, code_is_text: bool = False) -> SourceTable:
    """A table that only translates a code into words; an installation may do without it."""
    texts = f"{code} {description}" if code_is_text else description
    return _table(name, code, int64="" if code_is_text else code, string=texts, optional_table=True)


_HISTORIA = _table(
    "vw_hist_academica",
    "alumno elemento anio_academico instancia fecha fecha_vigencia nota resultado tipo origen id_acta",
    int64="persona alumno elemento elemento_revision plan_version anio_academico periodo_lectivo instancia"
    " id_acta renglon comision evaluacion",
    string="nota nota_descripcion resultado resultado_descripcion tipo origen folio nro_resolucion reconocimiento_nro_tramite",
    date="fecha fecha_vigencia",
    numeric="pct_asistencia creditos",
)

_ALL = (
    # students, programmes, subjects
    _table(
        "sga_alumnos",
        "alumno persona propuesta plan_version ubicacion",
        int64="alumno persona propuesta plan_version ubicacion",
        string="legajo modalidad regular calidad",
    ),
    _table("sga_propuestas", "propuesta nombre", int64="propuesta", string="nombre codigo"),
    _table("sga_planes_versiones", "plan_version nombre", int64="plan_version", string="nombre"),
    _table("sga_elementos", "elemento nombre", int64="elemento", string="codigo nombre"),
    _table("sga_instancias", "instancia nombre", int64="instancia", string="nombre"),
    _table(
        "sga_propuestas_aspira",
        "propuesta_aspira persona propuesta anio_academico fecha_inscripcion situacion_asp",
        int64="propuesta_aspira persona propuesta anio_academico situacion_asp tipo_ingreso",
        date="fecha_inscripcion",
    ),
    _table("sga_situacion_aspirante", "situacion_asp resultado_asp", int64="situacion_asp", string="resultado_asp"),
    _catalogue("sga_tipos_ingreso", "tipo_ingreso", "nombre"),
    # places
    _table(
        "sga_ubicaciones",
        "ubicacion",
        int64="ubicacion institucion_araucano localidad",
        string="nombre calle numero codigo_postal",
    ),
    _table(
        "int_arau_instituciones",
        "institucion_araucano",
        int64="institucion_araucano",
        string="nombre institucion_nombre",
        optional_table=True,
    ),
    _table("mug_localidades", "localidad", int64="localidad dpto_partido", string="nombre", optional_table=True),
    _table("mug_dptos_partidos", "dpto_partido", int64="dpto_partido provincia", string="nombre", optional_table=True),
    _catalogue("mug_provincias", "provincia", "nombre"),
    # persons
    _table(
        "mdp_personas",
        "persona fecha_nacimiento sexo documento_principal",
        int64="persona localidad_nacimiento nacionalidad documento_principal",
        string="sexo usuario email_temporal",
        date="fecha_nacimiento",
    ),
    _table(
        "mdp_personas_documentos",
        "documento nro_documento",
        int64="documento",
        string="nro_documento",
        optional_table=True,
    ),
    _table(
        "mdp_personas_contactos",
        "persona contacto_tipo",
        int64="persona",
        string="contacto_tipo email",
        optional_table=True,
    ),
    _catalogue("mdp_nacionalidades", "nacionalidad"),
    # the survey
    _table(
        "mdp_datos_censales", "dato_censal persona fecha_relevamiento", int64="dato_censal persona", date="fecha_relevamiento"
    ),
    _table(
        "mdp_datos_personales",
        "dato_censal",
        int64="dato_censal estado_civil cantidad_hijos cobertura_salud tipo_vivienda vive_con procedencia_localidad"
        " periodo_lectivo_localidad",
        string="unido_hecho situacion_padre situacion_madre procedencia_codigo_postal periodo_lectivo_codigo_postal",
        optional_table=True,
    ),
    _table(
        "mdp_datos_economicos",
        "dato_censal",
        int64="dato_censal trabajo_hora_sem",
        string="trabajo_existe beca costeo_estudios_familiar costeo_estudios_plan_social costeo_estudios_trabajo"
        " costeo_estudios_beca costeo_estudios_otro",
        optional_table=True,
    ),
    _table(
        "mdp_datos_actividades",
        "dato_censal",
        int64="dato_censal",
        string="tecnologia_int_casa tecnologia_pc_casa tecnologia_int_movil deportes",
        optional_table=True,
    ),
    _table(
        "mdp_datos_discapacidad",
        "dato_censal",
        int64="dato_censal",
        string="disc_auditiva disc_visual disc_motora disc_otra",
        optional_table=True,
    ),
    _table(
        "mdp_datos_estudios",
        "persona nivel_estudio",
        int64="dato_estudio persona nivel_estudio institucion colegio",
        optional_table=True,
    ),
    _catalogue("mdp_estados_civiles", "estado_civil"),
    _catalogue("mdp_tipo_vivienda", "tipo_vivienda"),
    _catalogue("mdp_trabajo_existe", "trabajo_existe", code_is_text=True),
    _catalogue("mdp_nivel_estudio", "nivel_estudio"),
    _catalogue("sga_instituciones", "institucion", "nombre"),
    _catalogue("sga_colegios_secundarios", "colegio", "nombre"),
    # periods and courses
    _table("sga_periodos", "periodo anio_academico", int64="periodo anio_academico"),
    _table("sga_periodos_lectivos", "periodo_lectivo periodo", int64="periodo_lectivo periodo"),
    _table(
        "sga_comisiones",
        "comision periodo_lectivo elemento entidad",
        int64="comision periodo_lectivo elemento entidad catedra",
    ),
    _table("sga_catedras", "catedra", int64="catedra", string="codigo nombre", optional_table=True),
    _table(
        "sga_insc_cursada",
        "inscripcion alumno comision plan_version fecha_inscripcion",
        int64="inscripcion alumno comision plan_version",
        string="estado",
        timestamp="fecha_inscripcion",
    ),
    _table(
        "sga_clases_asistencia_acum",
        "comision alumno total_inasistencias porc_asistencia",
        int64="comision alumno",
        numeric="total_inasistencias porc_asistencia",
    ),
    _table("sga_docentes", "docente persona", int64="docente persona"),
    _table("sga_docentes_comision", "docente comision", int64="docente comision"),
    # results
    _table("sga_evaluaciones", "evaluacion entidad", int64="evaluacion entidad"),
    _table(
        "sga_eval_detalle_cursadas",
        "evaluacion alumno nota_cursada resultado_cursada fecha_regular",
        int64="evaluacion alumno plan_version",
        string="nota_cursada resultado_cursada",
        date="fecha_regular",
    ),
    _HISTORIA,
    replace(_HISTORIA, name="vw_hist_academica_basica", required=frozenset({"alumno", "anio_academico", "fecha", "resultado"})),
    # exams
    _table(
        "sga_insc_examen",
        "inscripcion alumno llamado_mesa fecha_inscripcion",
        int64="inscripcion alumno llamado_mesa instancia plan_version",
        string="estado",
        timestamp="fecha_inscripcion",
    ),
    _table("sga_llamados_mesa", "llamado_mesa mesa_examen fecha", int64="llamado_mesa mesa_examen", date="fecha"),
    _table(
        "sga_mesas_examen",
        "mesa_examen anio_academico elemento",
        int64="mesa_examen anio_academico elemento",
    ),
    # the student's standing
    _table(
        "sga_perdida_regularidad",
        "perdida_regularidad alumno anio_academico fecha fecha_control_desde fecha_control_hasta",
        int64="perdida_regularidad alumno anio_academico",
        date="fecha fecha_control_desde fecha_control_hasta",
    ),
    _table(
        "sga_reinscripciones",
        "alumno anio_academico fecha_reinscripcion nro_transaccion",
        int64="alumno anio_academico nro_transaccion",
        timestamp="fecha_reinscripcion",
    ),
    _table(
        "sga_alumnos_hist_calidad",
        "alumno fecha motivo_calidad calidad",
        int64="alumno",
        string="motivo_calidad calidad",
        timestamp="fecha",
    ),
    _table(
        "sga_certificados_otorg",
        "nro_solicitud alumno fecha_egreso anulado",
        int64="nro_solicitud persona alumno plan_version anulado",
        date="fecha_egreso",
        numeric="promedio promedio_sin_aplazos",
    ),
)

# Primary keys that hold at every installation: the numbers the system itself hands out.
_KEYS = {
    "sga_alumnos": "alumno",
    "sga_propuestas_aspira": "propuesta_aspira",
    "mdp_personas": "persona",
    "mdp_datos_censales": "dato_censal",
    "sga_comisiones": "comision",
    "sga_insc_cursada": "inscripcion",
    "sga_evaluaciones": "evaluacion",
    "sga_eval_detalle_cursadas": "evaluacion alumno",
    "sga_insc_examen": "inscripcion",
    "sga_perdida_regularidad": "perdida_regularidad",
}

# These names mean the same in every table of the system that has them.
_PEOPLE: dict[str, Identity] = {"persona": "persona", "alumno": "alumno", "docente": "docente", "nro_documento": "documento"}


def _people(table: SourceTable) -> dict[str, Identity]:
    return {column: _PEOPLE[column] for column in table.columns if column in _PEOPLE}


TABLES: dict[str, SourceTable] = {t.name: replace(t, key=tuple(_KEYS.get(t.name, "").split()), people=_people(t)) for t in _ALL}

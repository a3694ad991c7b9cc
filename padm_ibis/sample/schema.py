"""The physical schema of a Guaraní 3 database, as far as the sample has it: types as PostgreSQL has them, keys, views.

The same words declare the tables in DuckDB, which has all of these types (and ignores lengths of text).
"""

from __future__ import annotations

from dataclasses import dataclass

_DDL = """
mug_paises (pais): pais smallint; nombre varchar(100)
mug_provincias (provincia): provincia integer; nombre varchar(100); pais smallint
mug_dptos_partidos (dpto_partido): dpto_partido integer; nombre varchar(100); provincia integer
mug_localidades (localidad): localidad integer; nombre varchar(100); dpto_partido integer
int_arau_instituciones (institucion_araucano):
    institucion_araucano integer; nombre varchar(255); institucion_nombre varchar(255)
sga_ubicaciones (ubicacion):
    ubicacion integer; nombre varchar(100); ubicacion_tipo smallint; localidad integer; calle varchar(100); numero varchar(10);
    codigo_postal varchar(15); institucion_araucano integer; latitud numeric(9,6); longitud numeric(9,6)

mdp_personas (persona):
    persona integer; apellido varchar(60); nombres varchar(60); apellido_elegido varchar(60); nombres_elegido varchar(60);
    sexo character(1); identidad_genero integer; fecha_nacimiento date; localidad_nacimiento integer; nacionalidad smallint;
    pais_origen smallint; documento_principal integer; usuario varchar(60); email_temporal varchar(100)
mdp_personas_documentos (documento):
    documento integer; persona integer; pais_documento smallint; tipo_documento smallint; nro_documento varchar(20)
mdp_personas_contactos (persona, contacto_tipo):
    persona integer; contacto_tipo varchar(5); email varchar(100); telefono varchar(50)
mdp_tipo_documento (tipo_documento): tipo_documento smallint; descripcion varchar(50); desc_abreviada varchar(5)
mdp_nacionalidades (nacionalidad): nacionalidad smallint; descripcion varchar(50)

mdp_datos_censales (dato_censal): dato_censal integer; persona integer; fecha_relevamiento date; fecha_actualizacion date
mdp_datos_personales (dato_censal):
    dato_censal integer; estado_civil smallint; unido_hecho character(1); situacion_padre character(1);
    situacion_madre character(1); cantidad_hijos smallint; cantidad_familia smallint; turno_preferido smallint;
    cobertura_salud smallint; tipo_vivienda smallint; vive_con smallint; es_celiaco character(1);
    procedencia_calle varchar(100); procedencia_numero varchar(10); procedencia_piso varchar(5);
    procedencia_departamento varchar(5); procedencia_localidad integer; procedencia_barrio varchar(50);
    procedencia_codigo_postal varchar(15); periodo_lectivo_calle varchar(100); periodo_lectivo_numero varchar(10);
    periodo_lectivo_piso varchar(5); periodo_lectivo_departamento varchar(5); periodo_lectivo_localidad integer;
    periodo_lectivo_barrio varchar(50); periodo_lectivo_codigo_postal varchar(15)
mdp_datos_economicos (dato_censal):
    dato_censal integer; trabajo_existe varchar(2); trabajo_hora_sem smallint; trabajo_hace smallint; trabajo_carrera smallint;
    beca character(1); beca_fuente_universidad character(1); beca_tipo_economica character(1);
    costeo_estudios_familiar character(1); costeo_estudios_plan_social character(1); costeo_estudios_trabajo character(1);
    costeo_estudios_beca character(1); costeo_estudios_otro character(1); costeo_estudios_descripcion varchar(100)
mdp_datos_actividades (dato_censal):
    dato_censal integer; tecnologia_int_casa character(1); tecnologia_pc_casa character(1); tecnologia_int_movil character(1);
    deportes character(1); nivel_idioma_ingles smallint
mdp_datos_discapacidad (dato_censal):
    dato_censal integer; condicion_discapacidad character(1); disc_auditiva character(1); disc_visual character(1);
    disc_motora character(1); disc_cond_psicosocial character(1); disc_otra character(1); otra_descripcion varchar(100);
    tiene_cud character(1)
mdp_datos_estudios (dato_estudio):
    dato_estudio integer; persona integer; nivel_estudio smallint; institucion integer; institucion_otra varchar(100);
    colegio integer; colegio_otro varchar(100); titulo varchar(255)
mdp_estados_civiles (estado_civil): estado_civil smallint; descripcion varchar(50)
mdp_tipo_vivienda (tipo_vivienda): tipo_vivienda smallint; descripcion varchar(50)
mdp_trabajo_existe (trabajo_existe): trabajo_existe varchar(2); descripcion varchar(50)
mdp_nivel_estudio (nivel_estudio): nivel_estudio smallint; descripcion varchar(50)
sga_instituciones (institucion): institucion integer; nombre varchar(255); nombre_abreviado varchar(50)
sga_colegios_secundarios (colegio): colegio integer; nombre varchar(255)

sga_propuestas_tipos (propuesta_tipo): propuesta_tipo smallint; descripcion varchar(50)
sga_propuestas (propuesta):
    propuesta integer; nombre varchar(255); nombre_abreviado varchar(50); codigo varchar(10); propuesta_tipo smallint;
    estado character(1); publica character(1); entidad integer
sga_planes (plan):
    plan integer; propuesta integer; codigo varchar(20); nombre varchar(255); estado character(1); version_actual integer
sga_planes_versiones (plan_version):
    plan_version integer; plan integer; version smallint; nombre varchar(255); estado character(1)
sga_elementos (elemento):
    elemento integer; codigo varchar(20); nombre varchar(255); nombre_abreviado varchar(50); estado character(1)
sga_elementos_revision (elemento_revision): elemento_revision integer; elemento integer; revision smallint
sga_elementos_plan (elemento_plan):
    elemento_plan integer; plan_version integer; elemento_revision integer; anio_de_cursada smallint;
    periodo_de_cursada smallint; nombre varchar(255); creditos numeric(6,2)
sga_catedras (catedra): catedra integer; codigo varchar(20); nombre varchar(100)

sga_alumnos (alumno):
    alumno integer; legajo varchar(15); persona integer; propuesta integer; plan_version integer; ubicacion integer;
    modalidad character(1); division integer; anio_cursada smallint; cnt_readmisiones smallint; regular character(1);
    calidad character(1); coeficiente numeric(8,4)
sga_alumnos_calidad (calidad): calidad character(1); nombre varchar(30)
sga_modalidad_cursada (modalidad): modalidad character(1); nombre varchar(50); descripcion varchar(255)
sga_propuestas_aspira (propuesta_aspira):
    propuesta_aspira integer; persona integer; propuesta integer; periodo_insc integer; anio_academico numeric(4,0);
    fecha_inscripcion date; fecha_alta date; situacion_asp smallint; tipo_ingreso smallint; ubicacion integer
sga_situacion_aspirante (situacion_asp): situacion_asp smallint; nombre varchar(50); resultado_asp character(1)
sga_tipos_ingreso (tipo_ingreso): tipo_ingreso smallint; nombre varchar(100)
sga_reinscripciones (nro_transaccion):
    alumno integer; anio_academico numeric(4,0); fecha_reinscripcion timestamp; nro_transaccion integer
sga_perdida_regularidad (perdida_regularidad):
    perdida_regularidad integer; alumno integer; anio_academico numeric(4,0); fecha date; fecha_control_desde date;
    fecha_control_hasta date
sga_readmisiones (readmision): readmision integer; alumno integer; anio_academico numeric(4,0); fecha date
sga_alumnos_hist_calidad (alumno, fecha, motivo_calidad):
    alumno integer; fecha timestamptz; motivo_calidad smallint; calidad character(1)
sga_certificados (certificado):
    certificado integer; codigo varchar(10); nombre varchar(255); titulo_nivel varchar(5); estado character(1)
sga_certificados_otorg (nro_solicitud):
    nro_solicitud integer; persona integer; alumno integer; certificado integer; plan_version integer; fecha_inicio_tramite date;
    fecha_egreso date; promedio numeric(5,2); promedio_sin_aplazos numeric(5,2); anulado smallint

sga_anios_academicos (anio_academico): anio_academico numeric(4,0); fecha_inicio date; fecha_fin date
sga_periodos_genericos (periodo_generico): periodo_generico smallint; nombre varchar(100); periodo_generico_tipo smallint
sga_periodos (periodo):
    periodo integer; nombre varchar(100); anio_academico numeric(4,0); periodo_generico smallint; fecha_inicio date;
    fecha_fin date
sga_periodos_lectivos (periodo_lectivo):
    periodo_lectivo integer; periodo integer; fecha_inicio_dictado date; fecha_fin_dictado date; fecha_tope_movimientos date;
    fecha_inactivacion date; estado character(1)
sga_comisiones (comision):
    comision integer; nombre varchar(100); periodo_lectivo integer; elemento integer; turno smallint; entidad integer;
    catedra integer; cupo integer; ubicacion integer; division integer; asistencia_por_horas character(1);
    asistencia_cantidad_inasist smallint; estado character(1); inscripcion_habilitada character(1)
sga_inscripciones_estados (estado): estado character(1); nombre varchar(30); descripcion varchar(100)
sga_insc_cursada (inscripcion):
    inscripcion integer; alumno integer; comision integer; plan_version integer; fecha_inscripcion timestamp; estado character(1);
    estado_preinscripcion character(1); tipo character(1); nro_transaccion integer; fuera_de_termino character(1)
sga_clases_asistencia_acum (comision, alumno):
    comision integer; alumno integer; total_inasistencias numeric(6,2); total_asistencias numeric(6,2); libre character(1);
    tramo_quedo_libre smallint; porc_asistencia numeric(6,3); porc_inasistencia numeric(6,3)
sga_docentes (docente): docente integer; persona integer; legajo varchar(15); estado character(1)
sga_docentes_comision (docente, comision):
    docente integer; comision integer; responsabilidad smallint; fecha_desde date; fecha_hasta date

sga_evaluaciones (evaluacion): evaluacion integer; entidad integer; evaluacion_tipo smallint
sga_eval_detalle_cursadas (evaluacion, alumno):
    evaluacion integer; alumno integer; plan_version integer; nota_cursada varchar(12); resultado_cursada character(1);
    fecha_regular date; ultimo_cambio timestamp
sga_actas (id_acta):
    id_acta integer; nro_acta varchar(20); origen character(1); tipo_acta character(1); evaluacion integer; comision integer;
    llamado_mesa integer; fecha_generacion date; fecha_cierre date; fecha_anulacion date; nua varchar(20); estado character(1)
sga_actas_detalle (id_acta, alumno):
    id_acta integer; alumno integer; instancia smallint; plan_version integer; fecha date; fecha_vigencia date; folio varchar(10);
    renglon smallint; pct_asistencia numeric(5,2); escala_nota smallint; nota varchar(12); resultado character(1);
    cond_regularidad smallint; rectificado character(1); observaciones varchar(255); estado character(1)
sga_escalas_notas_det (escala_nota, nota):
    escala_nota smallint; nota varchar(12); descripcion varchar(50); valor_numerico numeric(5,2)
sga_escalas_notas_resultado (resultado): resultado character(1); descripcion varchar(30)
sga_cond_regularidad (cond_regularidad): cond_regularidad smallint; nombre varchar(30)
sga_instancias (instancia): instancia smallint; nombre varchar(100)

sga_mesas_examen (mesa_examen):
    mesa_examen integer; nombre varchar(100); anio_academico numeric(4,0); elemento integer; ubicacion integer
sga_llamados_turno (llamado): llamado integer; periodo integer; nombre varchar(100)
sga_llamados_mesa (llamado_mesa):
    llamado_mesa integer; mesa_examen integer; llamado integer; fecha date; estado character(1)
sga_insc_examen (inscripcion):
    inscripcion integer; alumno integer; llamado_mesa integer; instancia smallint; plan_version integer;
    fecha_inscripcion timestamp; estado character(1); nro_transaccion integer

sga_equiv_tramite (equivalencia_tramite):
    equivalencia_tramite integer; alumno integer; plan_version integer; fecha date; estado character(1)
sga_equiv_otorgada (equivalencia_tramite, elemento):
    equivalencia_tramite integer; elemento integer; instancia smallint; escala_nota smallint; nota varchar(12);
    resultado character(1); estado character(1)
sga_reconocimiento (nro_tramite):
    nro_tramite integer; alumno integer; plan_version integer; fecha date; estado character(1)
sga_reconocimiento_act (nro_tramite, elemento):
    nro_tramite integer; elemento integer; escala_nota smallint; nota varchar(12); resultado character(1); estado character(1)
sga_movimientos_ha (movimiento):
    movimiento integer; alumno integer; plan_version integer; elemento integer; fecha date; instancia smallint; nota varchar(12);
    resultado character(1); nro_resolucion varchar(50)
"""

_OTHER_TYPES = {
    ("sga_reinscripciones", "fecha_reinscripcion"): "date",
    ("sga_insc_cursada", "fecha_inscripcion"): "timestamptz",
    ("sga_insc_examen", "fecha_inscripcion"): "timestamptz",
    ("sga_alumnos_hist_calidad", "fecha"): "timestamp",
    ("sga_periodos", "anio_academico"): "integer",
    ("sga_perdida_regularidad", "anio_academico"): "smallint",
}
"""What installations of the other kind (`Campus.variant`) have instead; there, flags of these tables are booleans:"""
_BOOLEAN_FLAGS = ("mdp_datos_actividades", "mdp_datos_discapacidad")


@dataclass(frozen=True, slots=True)
class PhysicalTable:
    """One table: its primary key, and type by column."""

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]

    def ddl(self, target: str) -> str:
        """``CREATE TABLE`` under a qualified name; the key comes after loading."""
        return f"CREATE TABLE {target} ({', '.join(f'{name} {kind}' for name, kind in self.columns.items())})"

    def key_ddl(self, target: str) -> str:
        """What makes the key a key."""
        return f"ALTER TABLE {target} ADD PRIMARY KEY ({', '.join(self.key)})"


def physical_tables(variant: bool = False) -> dict[str, PhysicalTable]:
    """Return the tables of an installation of the usual or of the other kind."""
    declarations = " ".join(_DDL.replace("\n    ", " ").split(" ")).strip().splitlines()
    tables = (_declared(line, variant) for line in declarations if line)
    return {table.name: table for table in tables}


def _declared(line: str, variant: bool) -> PhysicalTable:
    head, _, body = line.partition("): ")
    name, _, key = head.partition(" (")
    columns = dict(column.strip().split(" ", 1) for column in body.split(";"))
    if variant:
        columns = {column: _other_type(name, column, kind) for column, kind in columns.items()}
    return PhysicalTable(name, tuple(k.strip() for k in key.split(",")), columns)


def _other_type(table: str, column: str, kind: str) -> str:
    if table in _BOOLEAN_FLAGS and kind == "character(1)":
        return "boolean"
    return _OTHER_TYPES.get((table, column), kind)

"""Given rows of a source → expected rows of bronze, worked out by hand, on DuckDB and on PostgreSQL."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from padm_ibis.bronze import (
    BRONZE,
    academic,
    alumnos_hist_calidad,
    attendance,
    census,
    course_inscriptions,
    docentes_comision,
    dropout,
    egresos,
    elementos,
    exam_inscriptions,
    historia_academica,
    instancias,
    personas,
    reinscripciones,
    students,
)
from padm_ibis.define import contract
from padm_ibis.define.lineage import of_expression
from padm_ibis.define.model import model_of
from padm_ibis.sources.guarani import TABLES
from padm_ibis.testing import run_model

Run = Callable[..., list[dict]]
LOADER = {"source_db", "_extracted_at", "_run_id"}


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def run(request) -> Run:
    """Run a resource on an engine; only the columns named, sorted by the first of them."""
    backend = None if request.param == "duckdb" else request.getfixturevalue("postgres")

    def rows(resource, inputs, *columns):
        found = run_model(resource, inputs, backend=backend).to_pylist()
        chosen = [{name: row[name] for name in columns or row} for row in found]
        return sorted(chosen, key=lambda row: [(value is None, str(value)) for value in row.values()])

    return rows


def date(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def instant(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


# --- the floor plan --------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", BRONZE, ids=lambda f: f.__name__)
def test_a_resource_yields_its_contract_without_what_the_loader_adds(resource):
    record = model_of(resource)
    promised = {name: dtype for name, dtype in contract.schema(record.contract).items() if name not in LOADER}
    built = resource(**{name: TABLES[name].unbound() for name in record.inputs}).schema()
    assert list(built.items()) == list(promised.items())


@pytest.mark.parametrize("resource", BRONZE, ids=lambda f: f.__name__)
def test_a_contract_begins_with_source_db_and_ends_with_the_stamps_of_the_run(resource):
    columns = contract.columns(model_of(resource).contract)
    assert columns[0].name == "source_db"
    assert [(c.name, str(c.dtype)) for c in columns[-2:]] == [("_extracted_at", "timestamp"), ("_run_id", "string")]
    assert contract.key(model_of(resource).contract)[0] == "source_db"


@pytest.mark.parametrize("resource", BRONZE, ids=lambda f: f.__name__)
def test_the_columns_that_a_resource_hashes_and_orders_time_by_are_its_own(resource):
    record = model_of(resource)
    named = {*record.hashes, record.cursor or "", record.known_at or ""} - {""}
    assert named <= set(contract.schema(record.contract)) - LOADER


@pytest.mark.parametrize("resource", BRONZE, ids=lambda f: f.__name__)
def test_what_a_contract_calls_required_a_source_cannot_be_read_without(resource):
    record = model_of(resource)
    made_from = of_expression(resource(**{name: TABLES[name].unbound() for name in record.inputs}))
    promised = {c.name for c in contract.columns(record.contract) if c.required} - LOADER - {"registro"}
    sources = [(TABLES[ref.table], ref.column) for name in promised for ref in made_from[name].values]
    assert [f"{t.name}.{c}" for t, c in sources if t.optional_table or c not in t.required] == []


def test_every_source_table_is_read_by_some_resource():
    read = {name for resource in BRONZE for name in model_of(resource).inputs}
    replaced = {other for resource in BRONZE for other in model_of(resource).fallback.values()}
    assert read | replaced == set(TABLES)


def test_no_name_or_home_address_of_a_person_is_read():
    private = re.compile(r"apellido|nombres|telefono|_calle$|_numero$|_piso$|_barrio$|clave")
    assert {f"{t}.{c}" for t, table in TABLES.items() for c in table.columns if private.search(c)} == set()
    assert "calle" not in TABLES["mdp_datos_personales"].columns


def test_identifiers_of_persons_leave_a_resource_only_under_a_name_that_the_loader_hashes():
    hashed = {f.__name__: dict(model_of(f).hashes) for f in BRONZE if model_of(f).hashes}
    assert hashed == {
        "personas": {"documento_hash": "documento", "usuario_hash": "texto", "email_hash": "texto"},
        "docentes_comision": {"docente_hash": "documento"},
    }


def test_the_history_falls_back_on_the_basic_view_and_asks_less_of_it():
    assert dict(model_of(historia_academica).fallback) == {"vw_hist_academica": "vw_hist_academica_basica"}
    assert TABLES["vw_hist_academica_basica"].columns == TABLES["vw_hist_academica"].columns
    assert TABLES["vw_hist_academica_basica"].required == {"alumno", "anio_academico", "fecha", "resultado"}


# --- students --------------------------------------------------------------------------------------

STUDENT = {"alumno": 1, "persona": 10, "propuesta": 5, "plan_version": 7, "ubicacion": 3}
ACCEPTED = {"sga_situacion_aspirante": [
    {"situacion_asp": 1, "resultado_asp": "P"},
    {"situacion_asp": 2, "resultado_asp": "A"},
    {"situacion_asp": 3, "resultado_asp": "R"},
]}  # fmt: skip


def aspiration(number: int, anio: int | None, fecha: str, situacion: int | None = 2, **other) -> dict:
    return {
        "propuesta_aspira": number, "persona": 10, "propuesta": 5, "anio_academico": anio,
        "fecha_inscripcion": fecha, "situacion_asp": situacion, **other,
    }  # fmt: skip


def entry(run: Run, *aspirations: dict) -> list[dict]:
    inputs = {"sga_alumnos": [STUDENT], "sga_propuestas_aspira": aspirations, **ACCEPTED}
    return run(students, inputs, "alumno", "fecha_ingreso", "tipo_ingreso")


def test_students_of_two_accepted_aspirations_the_one_of_the_lowest_year_is_taken(run):
    found = entry(run, aspiration(90, 2021, "2021-02-01", tipo_ingreso=1), aspiration(91, 2019, "2019-02-05", tipo_ingreso=4))
    assert found == [{"alumno": 1, "fecha_ingreso": date("2019-02-05"), "tipo_ingreso": 4}]


def test_students_of_two_aspirations_of_one_year_the_lowest_number_is_taken(run):
    found = entry(run, aspiration(95, 2019, "2019-01-01", tipo_ingreso=1), aspiration(91, 2019, "2019-02-05", tipo_ingreso=4))
    assert found == [{"alumno": 1, "fecha_ingreso": date("2019-02-05"), "tipo_ingreso": 4}]


def test_students_an_aspiration_without_a_year_comes_after_those_with_one(run):
    found = entry(run, aspiration(80, None, "2001-01-01"), aspiration(91, 2019, "2019-02-05"))
    assert [row["fecha_ingreso"] for row in found] == [date("2019-02-05")]


def test_students_a_rejected_aspiration_is_passed_over_for_a_later_accepted_one(run):
    found = entry(run, aspiration(90, 2018, "2018-02-01", situacion=3), aspiration(91, 2020, "2020-02-05", situacion=1))
    assert [row["fecha_ingreso"] for row in found] == [date("2020-02-05")]


def test_students_an_aspiration_without_a_situation_is_accepted(run):
    found = entry(run, aspiration(90, 2018, "2018-02-01", situacion=None))
    assert [row["fecha_ingreso"] for row in found] == [date("2018-02-01")]


def test_students_without_an_accepted_aspiration_stay_with_nulls(run):
    nothing = [{"alumno": 1, "fecha_ingreso": None, "tipo_ingreso": None}]
    assert entry(run) == nothing
    assert entry(run, aspiration(90, 2018, "2018-02-01", situacion=3)) == nothing


def test_students_aspirations_to_another_programme_or_of_another_person_are_not_theirs(run):
    found = entry(
        run,
        aspiration(90, 2015, "2015-02-01") | {"propuesta": 6},
        aspiration(91, 2016, "2016-02-01") | {"persona": 11},
        aspiration(92, 2020, "2020-02-05"),
    )
    assert [row["fecha_ingreso"] for row in found] == [date("2020-02-05")]


def test_students_are_one_row_per_alumno_however_often_catalogues_repeat_a_code(run):
    twice = [{"nombre": "b"}, {"nombre": "a"}]
    inputs = {
        "sga_alumnos": [STUDENT, STUDENT | {"alumno": 2, "persona": 11}],
        "sga_propuestas_aspira": [aspiration(90, 2019, "2019-02-01", tipo_ingreso=4)],
        "sga_situacion_aspirante": [{"situacion_asp": 2, "resultado_asp": "A"}] * 2,
        "sga_tipos_ingreso": [row | {"tipo_ingreso": 4} for row in twice],
        "sga_propuestas": [row | {"propuesta": 5} for row in twice],
        "sga_planes_versiones": [row | {"plan_version": 7} for row in twice],
        "sga_ubicaciones": [row | {"ubicacion": 3, "localidad": 8, "institucion_araucano": 4} for row in twice],
        "int_arau_instituciones": [row | {"institucion_araucano": 4} for row in twice],
        "mug_localidades": [row | {"localidad": 8, "dpto_partido": 6} for row in twice],
        "mug_dptos_partidos": [row | {"dpto_partido": 6, "provincia": 2} for row in twice],
        "mug_provincias": [row | {"provincia": 2} for row in twice],
    }
    found = run(students, inputs, "alumno", "propuesta_nombre", "see_nombre", "see_provincia", "tipo_ingreso_desc")
    same = {"propuesta_nombre": "a", "see_nombre": "a", "see_provincia": "a"}
    assert found == [{"alumno": 1, **same, "tipo_ingreso_desc": "a"}, {"alumno": 2, **same, "tipo_ingreso_desc": None}]


def test_students_carry_their_programme_plan_place_and_entry_in_words(run):
    inputs = {
        "sga_alumnos": [STUDENT | {"legajo": "L-001", "modalidad": "P", "regular": "S", "calidad": "A"}],
        "sga_propuestas": [{"propuesta": 5, "nombre": "Abogacía", "codigo": "AB"}, {"propuesta": 7, "nombre": "no"}],
        "sga_planes_versiones": [{"plan_version": 7, "nombre": "Plan 2009 v2"}, {"plan_version": 5, "nombre": "no"}],
        "sga_ubicaciones": [{
            "ubicacion": 3, "nombre": "Anexo Este", "calle": "San Martín", "numero": "12 bis", "codigo_postal": "M5570",
            "institucion_araucano": 44, "localidad": 800,
        }],
        "int_arau_instituciones": [{"institucion_araucano": 44, "nombre": "Fac. de Derecho", "institucion_nombre": "UN Cuyo"}],
        "mug_localidades": [{"localidad": 800, "nombre": "San Martín", "dpto_partido": 60}],
        "mug_dptos_partidos": [{"dpto_partido": 60, "nombre": "San Martín (dpto.)", "provincia": 13}],
        "mug_provincias": [{"provincia": 13, "nombre": "Mendoza"}],
        "sga_propuestas_aspira": [aspiration(90, 2019, "2019-02-05", tipo_ingreso=4)],
        "sga_tipos_ingreso": [{"tipo_ingreso": 4, "nombre": "Pase o Convenio"}],
        **ACCEPTED,
    }  # fmt: skip
    assert run(students, inputs) == [{
        "alumno": 1, "persona": 10, "legajo": "L-001", "propuesta": 5, "propuesta_nombre": "Abogacía", "propuesta_codigo": "AB",
        "plan_version_id": 7, "plan_version": "Plan 2009 v2", "ubicacion": 3, "see_nombre": "Anexo Este",
        "see_calle": "San Martín", "see_numero": "12 bis", "see_codigo_postal": "M5570", "see_institucion_id": 44,
        "see_institucion": "Fac. de Derecho", "see_institucion_p": "UN Cuyo", "see_localidad": "San Martín",
        "see_dpto": "San Martín (dpto.)", "see_provincia": "Mendoza", "modalidad": "P", "regular": "S", "calidad": "A",
        "fecha_ingreso": date("2019-02-05"), "tipo_ingreso": 4, "tipo_ingreso_desc": "Pase o Convenio",
    }]  # fmt: skip


def test_students_of_an_installation_without_catalogues_keep_their_codes(run):
    inputs = {
        "sga_alumnos": [STUDENT],
        "sga_ubicaciones": [{"ubicacion": 3, "nombre": "Central", "institucion_araucano": 44, "localidad": 800}],
    }
    found = run(
        students, inputs, "alumno", "propuesta", "propuesta_nombre", "see_nombre", "see_institucion_id", "see_institucion"
    )
    assert found == [{
        "alumno": 1, "propuesta": 5, "propuesta_nombre": None,
        "see_nombre": "Central", "see_institucion_id": 44, "see_institucion": None,
    }]  # fmt: skip


# --- personas --------------------------------------------------------------------------------------


def test_personas_bring_the_principal_document_user_and_mail_and_their_places_in_words(run):
    inputs = {
        "mdp_personas": [{
            "persona": 10, "fecha_nacimiento": "2000-02-29", "sexo": "F", "localidad_nacimiento": 800, "nacionalidad": 1,
            "documento_principal": 501, "usuario": "jperez", "email_temporal": "viejo@x.ar",
        }],
        "mdp_personas_documentos": [{"documento": 500, "nro_documento": "99"}, {"documento": 501, "nro_documento": "30.111.222"}],
        "mdp_personas_contactos": [
            {"persona": 10, "contacto_tipo": "C", "email": "Celular@x.ar"},
            {"persona": 10, "contacto_tipo": "MP", "email": "Maria@x.ar"},
        ],
        "mdp_nacionalidades": [{"nacionalidad": 1, "descripcion": "argentina"}],
        "mug_localidades": [{"localidad": 800, "nombre": "Godoy Cruz"}],
    }  # fmt: skip
    assert run(personas, inputs) == [{
        "persona": 10, "fecha_nacimiento": date("2000-02-29"), "sexo": "F",
        "localidad_nacimiento": 800, "localidad_nacimiento_desc": "Godoy Cruz", "nacionalidad": 1,
        "nacionalidad_desc": "argentina",
        "documento_hash": "30.111.222", "usuario_hash": "jperez", "email_hash": "Maria@x.ar",
    }]  # fmt: skip


def test_personas_are_one_row_each_with_the_lowest_of_several_mails(run):
    inputs = {
        "mdp_personas": [{"persona": 10, "documento_principal": 501}, {"persona": 11}],
        "mdp_personas_documentos": [{"documento": 501, "nro_documento": "1"}, {"documento": 501, "nro_documento": "2"}],
        "mdp_personas_contactos": [
            {"persona": 10, "contacto_tipo": "MP", "email": "b@x.ar"},
            {"persona": 10, "contacto_tipo": "MP", "email": "a@x.ar"},
        ],
    }
    found = run(personas, inputs, "persona", "documento_hash", "email_hash")
    assert found == [
        {"persona": 10, "documento_hash": "1", "email_hash": "a@x.ar"},
        {"persona": 11, "documento_hash": None, "email_hash": None},
    ]


@pytest.mark.parametrize("mail", [None, "", "  "])
def test_personas_without_a_principal_mail_are_known_by_the_temporary_one(run, mail):
    inputs = {
        "mdp_personas": [{"persona": 10, "email_temporal": "t@x.ar"}],
        "mdp_personas_contactos": [{"persona": 10, "contacto_tipo": "MP", "email": mail}],
    }
    assert run(personas, inputs, "email_hash") == [{"email_hash": "t@x.ar"}]


# --- catalogues ------------------------------------------------------------------------------------


def test_elementos_are_the_subjects_with_code_and_name(run):
    given = [{"elemento": 1, "codigo": "A1", "nombre": "Álgebra"}, {"elemento": 2, "nombre": "Historia"}]
    assert run(elementos, {"sga_elementos": given}) == [
        {"elemento": 1, "materia_codigo": "A1", "materia_nombre": "Álgebra"},
        {"elemento": 2, "materia_codigo": None, "materia_nombre": "Historia"},
    ]


def test_instancias_are_the_instances_with_their_name(run):
    given = [{"instancia": 3, "nombre": "Examen regular"}]
    assert run(instancias, {"sga_instancias": given}) == [{"instancia": 3, "instancia_nombre": "Examen regular"}]


# --- courses ---------------------------------------------------------------------------------------

# comisión 100 has entidad 7, comisión 7 has entidad 300: the two numbers are not to be mixed up
COURSES = {
    "sga_comisiones": [
        {"comision": 100, "periodo_lectivo": 20, "elemento": 1, "entidad": 7, "catedra": 9},
        {"comision": 7, "periodo_lectivo": 21, "elemento": 2, "entidad": 300},
    ],
    "sga_periodos_lectivos": [{"periodo_lectivo": 20, "periodo": 200}, {"periodo_lectivo": 21, "periodo": 201}],
    "sga_periodos": [{"periodo": 200, "anio_academico": 2022}, {"periodo": 201, "anio_academico": 2023}],
}  # fmt: skip


def test_attendance_takes_subject_and_year_from_the_comision_and_keeps_what_has_none(run):
    given = [
        {"alumno": 1, "comision": 100, "porc_asistencia": "87.5", "total_inasistencias": "2.25"},
        {"alumno": 1, "comision": 999},
        {"alumno": 2, "comision": 7, "porc_asistencia": 0},
    ]
    assert run(attendance, {"sga_clases_asistencia_acum": given, **COURSES}) == [
        {"alumno": 1, "comision": 100, "elemento": 1, "anio_academico": 2022,
         "porc_asistencia": Decimal("87.5"), "total_inasistencias": Decimal("2.25")},
        {"alumno": 1, "comision": 999, "elemento": None, "anio_academico": None,
         "porc_asistencia": None, "total_inasistencias": None},
        {"alumno": 2, "comision": 7, "elemento": 2, "anio_academico": 2023,
         "porc_asistencia": Decimal(0), "total_inasistencias": None},
    ]  # fmt: skip


def test_docentes_comision_are_one_row_per_teacher_and_comision_with_the_document_of_the_person(run):
    inputs = {
        # the first teacher has two spells in one comisión
        "sga_docentes_comision": [
            {"docente": 1, "comision": 100}, {"docente": 1, "comision": 100}, {"docente": 2, "comision": 100},
            {"docente": 3, "comision": 7},
        ],
        "sga_docentes": [{"docente": 1, "persona": 50}, {"docente": 2, "persona": 51}],
        "mdp_personas": [{"persona": 50, "documento_principal": 501}, {"persona": 51}],
        "mdp_personas_documentos": [{"documento": 501, "nro_documento": "20111222"}],
        **COURSES,
    }  # fmt: skip
    assert run(docentes_comision, inputs) == [
        {"docente": 1, "comision": 100, "elemento": 1, "anio_academico": 2022, "docente_hash": "20111222"},
        {"docente": 2, "comision": 100, "elemento": 1, "anio_academico": 2022, "docente_hash": None},
        {"docente": 3, "comision": 7, "elemento": 2, "anio_academico": 2023, "docente_hash": None},
    ]


ACADEMIC = ("alumno", "comision", "evaluacion", "plan_version_id", "nota_cursada", "resultado_cursada")


def test_academic_an_evaluation_belongs_to_the_comision_of_its_entidad(run):
    inputs = {
        "sga_insc_cursada": [{"inscripcion": 1, "alumno": 1, "comision": 100, "plan_version": 70}],
        # entidad 7 is comisión 100, not comisión 7
        "sga_evaluaciones": [{"evaluacion": 55, "entidad": 7}],
        "sga_eval_detalle_cursadas": [{
            "evaluacion": 55, "alumno": 1, "plan_version": 71, "nota_cursada": "7,5", "resultado_cursada": "A",
            "fecha_regular": "2022-07-01",
        }],
        **COURSES,
    }  # fmt: skip
    assert run(academic, inputs) == [{
        "alumno": 1, "comision": 100, "evaluacion": 55, "anio_academico": 2022, "periodo_lectivo": 20, "elemento": 1,
        "plan_version_id": 71, "nota_cursada": "7,5", "resultado_cursada": "A", "fecha_nota": date("2022-07-01"),
    }]  # fmt: skip


def test_academic_an_enrolment_in_a_comision_without_evaluation_is_a_row_without_one(run):
    inputs = {"sga_insc_cursada": [{"inscripcion": 1, "alumno": 1, "comision": 7, "plan_version": 70}], **COURSES}
    assert run(academic, inputs, *ACADEMIC) == [
        {"alumno": 1, "comision": 7, "evaluacion": None, "plan_version_id": 70, "nota_cursada": None, "resultado_cursada": None}
    ]


def test_academic_an_enrolment_stands_with_every_evaluation_of_its_comision_marked_or_not(run):
    inputs = {
        "sga_insc_cursada": [{"inscripcion": 1, "alumno": 1, "comision": 100, "plan_version": 70}],
        "sga_evaluaciones": [{"evaluacion": 55, "entidad": 7}, {"evaluacion": 56, "entidad": 7}],
        "sga_eval_detalle_cursadas": [{"evaluacion": 55, "alumno": 1, "nota_cursada": "2", "resultado_cursada": "R"}],
        **COURSES,
    }
    assert run(academic, inputs, *ACADEMIC) == [
        {"alumno": 1, "comision": 100, "evaluacion": 55, "plan_version_id": 70, "nota_cursada": "2", "resultado_cursada": "R"},
        {"alumno": 1, "comision": 100, "evaluacion": 56, "plan_version_id": 70, "nota_cursada": None, "resultado_cursada": None},
    ]


def test_academic_a_mark_whose_enrolment_was_deleted_is_kept(run):
    inputs = {
        "sga_evaluaciones": [{"evaluacion": 55, "entidad": 7}],
        "sga_eval_detalle_cursadas": [{"evaluacion": 55, "alumno": 3, "nota_cursada": "9", "resultado_cursada": "A"}],
        **COURSES,
    }
    assert run(academic, inputs, "alumno", "comision", "evaluacion", "elemento", "nota_cursada") == [
        {"alumno": 3, "comision": 100, "evaluacion": 55, "elemento": 1, "nota_cursada": "9"}
    ]


def test_academic_two_enrolments_in_one_comision_are_one_course_under_the_plan_of_the_latest(run):
    inputs = {
        "sga_insc_cursada": [
            {"inscripcion": 9, "alumno": 1, "comision": 100, "plan_version": 70, "fecha_inscripcion": "2022-03-01T10:00:00"},
            {"inscripcion": 8, "alumno": 1, "comision": 100, "plan_version": 72, "fecha_inscripcion": "2022-03-04T10:00:00"},
        ],
        "sga_evaluaciones": [{"evaluacion": 55, "entidad": 7}],
        **COURSES,
    }  # fmt: skip
    found = run(academic, inputs, "alumno", "comision", "evaluacion", "plan_version_id")
    assert found == [{"alumno": 1, "comision": 100, "evaluacion": 55, "plan_version_id": 72}]


def test_course_inscriptions_bring_subject_chair_period_and_plan_of_every_enrolment(run):
    inputs = {
        "sga_insc_cursada": [
            {"inscripcion": 1, "alumno": 1, "comision": 100, "plan_version": 70, "estado": "A",
             "fecha_inscripcion": "2022-03-01T23:30:00"},
            {"inscripcion": 2, "alumno": 1, "comision": 999, "plan_version": 71, "estado": "R"},
        ],
        "sga_catedras": [{"catedra": 9, "codigo": "C-9", "nombre": "Cátedra Ruiz"}],
        "sga_planes_versiones": [{"plan_version": 70, "nombre": "Plan 2009"}],
        **COURSES,
    }  # fmt: skip
    assert run(course_inscriptions, inputs) == [
        {"alumno": 1, "inscripcion_id": 1, "comision": 100, "elemento_id": 1, "catedra_cod": "C-9",
         "catedra_nombre": "Cátedra Ruiz", "periodo_lectivo": 20, "anio_academico": 2022, "plan_version_id": 70,
         "plan_version_desc": "Plan 2009", "fecha_inscripcion": instant("2022-03-01T23:30:00"), "estado_inscripcion": "A"},
        {"alumno": 1, "inscripcion_id": 2, "comision": 999, "elemento_id": None, "catedra_cod": None,
         "catedra_nombre": None, "periodo_lectivo": None, "anio_academico": None, "plan_version_id": 71,
         "plan_version_desc": None, "fecha_inscripcion": None, "estado_inscripcion": "R"},
    ]  # fmt: skip


def test_course_inscriptions_a_chair_without_a_code_is_known_by_its_number_and_a_comision_without_chair_has_none(run):
    inputs = {
        "sga_insc_cursada": [{"inscripcion": 1, "alumno": 1, "comision": 100}, {"inscripcion": 2, "alumno": 1, "comision": 7}],
        **COURSES,
    }
    found = run(course_inscriptions, inputs, "inscripcion_id", "catedra_cod", "catedra_nombre")
    assert found == [
        {"inscripcion_id": 1, "catedra_cod": "9", "catedra_nombre": None},
        {"inscripcion_id": 2, "catedra_cod": None, "catedra_nombre": None},
    ]


# --- results ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "registro"),
    [
        ({"id_acta": 30, "reconocimiento_nro_tramite": "T9"}, "acta:30:1"),
        ({"id_acta": 30, "alumno": None}, "acta:30:"),
        ({"reconocimiento_nro_tramite": "T9"}, "tramite:T9:4:1"),
        ({"reconocimiento_nro_tramite": "T9", "elemento": None}, "tramite:T9::1"),
        ({"reconocimiento_nro_tramite": " "}, "fila:1:4:2021-07-05:10:Equivalencia"),
        ({}, "fila:1:4:2021-07-05:10:Equivalencia"),
        ({"elemento": None, "fecha": None, "instancia": None, "tipo": None}, "fila:1::::"),
    ],
)
def test_historia_academica_registro_names_the_acta_else_the_tramite_else_the_row(run, given, registro):
    row = {"alumno": 1, "elemento": 4, "fecha": "2021-07-05", "instancia": 10, "tipo": "Equivalencia"} | given
    assert run(historia_academica, {"vw_hist_academica": [row]}, "registro") == [{"registro": registro}]


def test_historia_academica_a_corrected_mark_keeps_its_registro(run):
    row = {"alumno": 1, "elemento": 4, "fecha": "2021-07-05", "instancia": 3, "tipo": "Examen", "id_acta": 30}
    before = run(historia_academica, {"vw_hist_academica": [row | {"nota": "2", "resultado": "R"}]}, "registro")
    after = run(historia_academica, {"vw_hist_academica": [row | {"nota": "4", "resultado": "A"}]}, "registro")
    assert before == after == [{"registro": "acta:30:1"}]


def test_historia_academica_rows_that_share_a_registro_are_left_for_the_loader_to_report(run):
    row = {"alumno": 1, "elemento": 4, "fecha": "2021-07-05", "instancia": 3, "tipo": "Examen"}
    given = [row | {"nota": "2"}, row | {"nota": "7"}]
    found = run(historia_academica, {"vw_hist_academica": given}, "registro", "nota")
    assert found == [{"registro": "fila:1:4:2021-07-05:3:Examen", "nota": nota} for nota in ("2", "7")]


def test_historia_academica_values_are_as_the_source_holds_them(run):
    given = {
        "persona": 10, "alumno": 1, "elemento": 4, "elemento_revision": 41, "plan_version": 70, "anio_academico": 2021,
        "periodo_lectivo": 20, "instancia": 3, "fecha": "2021-07-05", "fecha_vigencia": "2023-07-05", "nota": " 7,50 ",
        "nota_descripcion": "Siete c/50", "resultado": "Z", "resultado_descripcion": "?", "tipo": "Examen", "origen": "E",
        "pct_asistencia": "80.5", "creditos": "4", "id_acta": 30, "folio": "F 2", "renglon": 3, "comision": 100,
        "evaluacion": 55, "nro_resolucion": "R-1/21", "reconocimiento_nro_tramite": "T9",
    }  # fmt: skip
    (found,) = run(historia_academica, {"vw_hist_academica": [given]})
    renamed = {"plan_version_id" if name == "plan_version" else name: value for name, value in given.items()}
    expected = renamed | {
        "registro": "acta:30:1", "fecha": date("2021-07-05"), "fecha_vigencia": date("2023-07-05"),
        "pct_asistencia": Decimal("80.5"), "creditos": Decimal(4),
    }  # fmt: skip
    assert found == expected


def test_exam_inscriptions_take_date_from_the_call_and_subject_and_year_from_the_board(run):
    inputs = {
        "sga_insc_examen": [
            {"inscripcion": 1, "alumno": 1, "llamado_mesa": 80, "instancia": 3, "plan_version": 70, "estado": "A",
             "fecha_inscripcion": "2024-02-10T09:15:00"},
            {"inscripcion": 2, "alumno": 1, "llamado_mesa": 999},
        ],
        # an exam of February 2024 belongs to the board's academic year, 2023
        "sga_llamados_mesa": [{"llamado_mesa": 80, "mesa_examen": 90, "fecha": "2024-02-20"}],
        "sga_mesas_examen": [{"mesa_examen": 90, "anio_academico": 2023, "elemento": 4}],
        "sga_instancias": [{"instancia": 3, "nombre": "Regular"}],
        "sga_planes_versiones": [{"plan_version": 70, "nombre": "Plan 2009"}],
    }  # fmt: skip
    assert run(exam_inscriptions, inputs) == [
        {"alumno": 1, "inscripcion_id": 1, "elemento_id": 4, "catedra_cod": None, "catedra_nombre": None,
         "fecha_inscripcion": instant("2024-02-10T09:15:00"), "fecha_mesa_examen": date("2024-02-20"),
         "anio_academico": 2023, "instancia_id": 3, "instancia_desc": "Regular", "plan_version_id": 70,
         "plan_version_desc": "Plan 2009", "estado_inscripcion": "A"},
        {"alumno": 1, "inscripcion_id": 2, "elemento_id": None, "catedra_cod": None, "catedra_nombre": None,
         "fecha_inscripcion": None, "fecha_mesa_examen": None, "anio_academico": None, "instancia_id": None,
         "instancia_desc": None, "plan_version_id": None, "plan_version_desc": None, "estado_inscripcion": None},
    ]  # fmt: skip


# --- the student's standing ------------------------------------------------------------------------


def test_dropout_keeps_every_loss_of_regularity_those_without_a_student_included(run):
    given = [
        {"perdida_regularidad": 1, "alumno": 1, "anio_academico": 2020, "fecha": "2021-05-10",
         "fecha_control_desde": "2020-03-01", "fecha_control_hasta": "2021-02-28"},
        {"perdida_regularidad": 2, "fecha": "2021-05-10"},
    ]  # fmt: skip
    assert run(dropout, {"sga_perdida_regularidad": given}) == [
        {"perdida_regularidad": 1, "alumno": 1, "anio_academico": 2020, "fecha_dropout": date("2021-05-10"),
         "fecha_control_desde": date("2020-03-01"), "fecha_control_hasta": date("2021-02-28")},
        {"perdida_regularidad": 2, "alumno": None, "anio_academico": None, "fecha_dropout": date("2021-05-10"),
         "fecha_control_desde": None, "fecha_control_hasta": None},
    ]  # fmt: skip


def test_reinscripciones_keep_rows_whose_key_is_incomplete(run):
    given = [
        {"alumno": 1, "anio_academico": 2020, "fecha_reinscripcion": "2020-03-02T08:00:00", "nro_transaccion": 77},
        {"alumno": 1, "fecha_reinscripcion": "2021-03-02T08:00:00"},
    ]
    assert run(reinscripciones, {"sga_reinscripciones": given}) == [
        {"alumno": 1, "anio_academico": 2020, "fecha_reinscripcion": instant("2020-03-02T08:00:00"), "nro_transaccion": 77},
        {"alumno": 1, "anio_academico": None, "fecha_reinscripcion": instant("2021-03-02T08:00:00"), "nro_transaccion": None},
    ]


def test_alumnos_hist_calidad_keep_instant_and_reason_as_text_and_rows_without_either(run):
    given = [
        {"alumno": 1, "fecha": "2020-03-02T08:00:00", "motivo_calidad": "2", "calidad": "P"},
        {"alumno": 1, "calidad": "A"},
    ]
    assert run(alumnos_hist_calidad, {"sga_alumnos_hist_calidad": given}) == [
        {"alumno": 1, "fecha": instant("2020-03-02T08:00:00"), "motivo_calidad": "2", "calidad": "P"},
        {"alumno": 1, "fecha": None, "motivo_calidad": None, "calidad": "A"},
    ]


def test_egresos_are_the_certificates_that_were_not_annulled_and_have_a_date(run):
    kept = {"nro_solicitud": 1, "persona": 10, "alumno": 1, "plan_version": 70, "fecha_egreso": "2023-12-20",
            "promedio": "7.123456", "promedio_sin_aplazos": "8", "anulado": 0}  # fmt: skip
    given = [
        kept,
        kept | {"nro_solicitud": 2, "anulado": 1},
        kept | {"nro_solicitud": 3, "fecha_egreso": None},
        kept | {"nro_solicitud": 4, "anulado": None},
        kept | {"nro_solicitud": None, "alumno": None},
    ]
    row = {"nro_solicitud": 1, "persona": 10, "alumno": 1, "plan_version_id": 70, "fecha_egreso": date("2023-12-20"),
           "promedio": Decimal("7.123456"), "promedio_sin_aplazos": Decimal(8)}  # fmt: skip
    assert run(egresos, {"sga_certificados_otorg": given}) == [row, row | {"nro_solicitud": None, "alumno": None}]


# --- the survey ------------------------------------------------------------------------------------


def test_census_keeps_all_surveys_of_a_person(run):
    given = [
        {"dato_censal": 1, "persona": 10, "fecha_relevamiento": "2019-03-01"},
        {"dato_censal": 2, "persona": 10, "fecha_relevamiento": "2021-03-01"},
        {"dato_censal": 3, "persona": 10},
    ]
    assert run(census, {"mdp_datos_censales": given}, "dato_censal", "persona", "fecha", "nivel_estudio") == [
        {"dato_censal": 1, "persona": 10, "fecha": date("2019-03-01"), "nivel_estudio": None},
        {"dato_censal": 2, "persona": 10, "fecha": date("2021-03-01"), "nivel_estudio": None},
        {"dato_censal": 3, "persona": 10, "fecha": None, "nivel_estudio": None},
    ]


def test_census_of_many_studies_the_highest_level_then_the_lowest_key_is_taken(run):
    inputs = {
        "mdp_datos_censales": [{"dato_censal": 1, "persona": 10}, {"dato_censal": 2, "persona": 11}],
        "mdp_datos_estudios": [
            {"dato_estudio": 1, "persona": 10, "nivel_estudio": 3, "colegio": 31},
            {"dato_estudio": 8, "persona": 10, "nivel_estudio": 5, "colegio": 30},
            {"dato_estudio": 6, "persona": 10, "nivel_estudio": 5, "colegio": 36},
            {"dato_estudio": 2, "persona": 10, "colegio": 32},
            {"dato_estudio": 3, "persona": 11, "nivel_estudio": 10, "colegio": 33},
            {"dato_estudio": 4, "persona": 11, "nivel_estudio": 9, "colegio": 34},
        ],
    }
    assert run(census, inputs, "dato_censal", "nivel_estudio", "colegio") == [
        {"dato_censal": 1, "nivel_estudio": 5, "colegio": 36},
        {"dato_censal": 2, "nivel_estudio": 10, "colegio": 33},
    ]


def test_census_never_fans_out_however_often_parts_and_catalogues_repeat_a_key(run):
    inputs = {
        "mdp_datos_censales": [{"dato_censal": 1, "persona": 10}],
        "mdp_datos_personales": [{"dato_censal": 1, "estado_civil": 2, "procedencia_localidad": 800}] * 2,
        "mdp_datos_economicos": [{"dato_censal": 1, "trabajo_existe": "S"}] * 2,
        "mdp_datos_actividades": [{"dato_censal": 1, "deportes": "S"}] * 2,
        "mdp_datos_discapacidad": [{"dato_censal": 1, "disc_motora": "N"}] * 2,
        "mdp_datos_estudios": [{"persona": 10, "nivel_estudio": 5}] * 2,
        "mdp_estados_civiles": [{"estado_civil": 2, "descripcion": d} for d in ("casado", "Casado/a")],
        "mdp_trabajo_existe": [{"trabajo_existe": "S", "descripcion": "Sí"}] * 2,
        "mdp_nivel_estudio": [{"nivel_estudio": 5, "descripcion": "Grado"}] * 2,
        "mug_localidades": [{"localidad": 800, "nombre": "Godoy Cruz", "dpto_partido": 60}] * 2,
        "mug_dptos_partidos": [{"dpto_partido": 60, "nombre": "Godoy Cruz (dpto.)"}] * 2,
    }
    found = run(census, inputs, "dato_censal", "estado_civil_desc", "procedencia_departamento_desc", "nivel_estudio_desc")
    assert found == [{
        "dato_censal": 1, "estado_civil_desc": "Casado/a", "procedencia_departamento_desc": "Godoy Cruz (dpto.)",
        "nivel_estudio_desc": "Grado",
    }]  # fmt: skip


def test_census_brings_the_answers_of_all_parts_under_their_names_with_the_codes_in_words(run):
    inputs = {
        "mdp_datos_censales": [{"dato_censal": 1, "persona": 10, "fecha_relevamiento": "2019-03-01"}],
        "mdp_datos_personales": [{
            "dato_censal": 1, "estado_civil": 2, "unido_hecho": "N", "situacion_padre": "V", "situacion_madre": "D",
            "cantidad_hijos": 3, "vive_con": 4, "cobertura_salud": 5, "tipo_vivienda": 6,
            "periodo_lectivo_localidad": 800, "periodo_lectivo_codigo_postal": "M5500",
            "procedencia_localidad": 900, "procedencia_codigo_postal": "5700",
        }],
        "mdp_datos_economicos": [{
            "dato_censal": 1, "trabajo_existe": "2", "trabajo_hora_sem": 36, "beca": "true",
            "costeo_estudios_familiar": "S", "costeo_estudios_plan_social": "N", "costeo_estudios_trabajo": "false",
            "costeo_estudios_beca": "x", "costeo_estudios_otro": "s",
        }],
        "mdp_datos_actividades": [{
            "dato_censal": 1, "tecnologia_int_casa": "S", "tecnologia_pc_casa": "N", "tecnologia_int_movil": "1", "deportes": "S",
        }],
        "mdp_datos_discapacidad": [{
            "dato_censal": 1, "disc_auditiva": "N", "disc_visual": "S", "disc_motora": "no", "disc_otra": "",
        }],
        "mdp_datos_estudios": [{"dato_estudio": 1, "persona": 10, "nivel_estudio": 5, "institucion": 70, "colegio": 36}],
        "mdp_estados_civiles": [{"estado_civil": 2, "descripcion": "Casado"}],
        "mdp_tipo_vivienda": [{"tipo_vivienda": 6, "descripcion": "Departamento"}],
        "mdp_trabajo_existe": [{"trabajo_existe": "2", "descripcion": "Trabaja"}],
        "mdp_nivel_estudio": [{"nivel_estudio": 5, "descripcion": "Grado"}],
        "sga_instituciones": [{"institucion": 70, "nombre": "UN de Cuyo"}],
        "sga_colegios_secundarios": [{"colegio": 36, "nombre": "Colegio Nacional"}],
        "mug_localidades": [
            {"localidad": 800, "nombre": "Godoy Cruz", "dpto_partido": 60},
            {"localidad": 900, "nombre": "San Luis", "dpto_partido": 61},
        ],
        "mug_dptos_partidos": [
            {"dpto_partido": 60, "nombre": "Godoy Cruz (dpto.)"},
            {"dpto_partido": 61, "nombre": "Pueyrredón"},
        ],
    }  # fmt: skip
    assert run(census, inputs) == [{
        "persona": 10, "dato_censal": 1, "fecha": date("2019-03-01"), "estado_civil": 2, "estado_civil_desc": "Casado",
        "union_pareja": "N", "situacion_padre": "V", "situacion_madre": "D", "cantidad_hijos": 3, "vive_con": 4,
        "cobertura_salud": 5, "tipo_vivienda": 6, "tipo_vivienda_desc": "Departamento",
        "periodo_lectivo_localidad": 800, "periodo_lectivo_localidad_desc": "Godoy Cruz",
        "periodo_lectivo_departamento": 60, "periodo_lectivo_departamento_desc": "Godoy Cruz (dpto.)",
        "periodo_lectivo_codigo_postal": "M5500",
        "procedencia_localidad": 900, "procedencia_localidad_desc": "San Luis",
        "procedencia_departamento": 61, "procedencia_departamento_desc": "Pueyrredón", "procedencia_codigo_postal": "5700",
        "trabajo_existe": "2", "trabajo_existe_desc": "Trabaja", "trabajo_hora_sem": 36, "beca": "true",
        "costeos_estudios_familiar": "S", "costeos_estudios_plan_social": "N", "costeos_estudios_trabajo": "false",
        "costeos_estudios_beca": "x", "costeos_estudios_otro": "s",
        "tecnologia_int_casa": "S", "tecnologia_pc_casa": "N", "tecnologia_int_movil": "1", "deportes": "S",
        "disc_auditiva": "N", "disc_visual": "S", "disc_motora": "no", "disc_otra": "",
        "nivel_estudio": 5, "nivel_estudio_desc": "Grado", "institucion": 70, "institucion_desc": "UN de Cuyo",
        "colegio": 36, "colegio_desc": "Colegio Nacional",
    }]  # fmt: skip

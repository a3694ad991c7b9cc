-- What the default sample must contain: a name, then what to select from; {s} is the first campus, {t} the second.

-- a loss found years later
{s}.sga_perdida_regularidad WHERE fecha > fecha_control_hasta + 300

-- a loss found months after its year
{s}.sga_perdida_regularidad WHERE year(fecha) = anio_academico + 1 AND month(fecha) >= 6

-- a student lost twice
(FROM {s}.sga_perdida_regularidad SELECT alumno GROUP BY alumno HAVING count(*) > 1)

-- a loss followed by courses
{s}.sga_perdida_regularidad l SEMI JOIN {s}.vw_hist_academica h ON h.alumno = l.alumno AND h.anio_academico >
l.anio_academico

-- a readmission
{s}.sga_readmisiones

-- a readmitted student's counter
{s}.sga_alumnos WHERE cnt_readmisiones > 0

-- a gap year
(SELECT anio_academico - lag(anio_academico) OVER (PARTITION BY alumno ORDER BY anio_academico) AS step FROM (SELECT
DISTINCT alumno, anio_academico FROM {s}.vw_hist_academica)) WHERE step = 2

-- a return after four silent years
(SELECT anio_academico - lag(anio_academico) OVER (PARTITION BY alumno ORDER BY anio_academico) AS step FROM (SELECT
DISTINCT alumno, anio_academico FROM {s}.vw_hist_academica)) WHERE step > 4

-- a graduate
{s}.sga_certificados_otorg WHERE anulado = 0 AND fecha_egreso IS NOT NULL

-- an annulled title
{s}.sga_certificados_otorg WHERE anulado = 1

-- a title in process
{s}.sga_certificados_otorg WHERE fecha_egreso IS NULL

-- a February exam of the academic year before
{s}.sga_llamados_mesa l JOIN {s}.sga_mesas_examen m USING (mesa_examen) WHERE month(l.fecha) = 2 AND year(l.fecha) =
m.anio_academico + 1

-- a March exam of the academic year before
{s}.sga_llamados_mesa l JOIN {s}.sga_mesas_examen m USING (mesa_examen) WHERE month(l.fecha) = 3 AND year(l.fecha) =
m.anio_academico + 1

-- an exam still to come
{s}.sga_llamados_mesa WHERE fecha > DATE '2026-03-01' AND year(fecha) < 2200

-- an acta written the academic year after
{s}.vw_hist_academica WHERE origen = 'R' AND fecha >= make_date(anio_academico + 1, 3, 1)

-- a promotion with its regularity
{s}.vw_hist_academica p SEMI JOIN {s}.vw_hist_academica r ON r.origen = 'R' AND r.alumno = p.alumno AND r.comision =
p.comision WHERE p.origen = 'P'

-- an equivalence without acta
{s}.vw_hist_academica WHERE id_acta IS NULL AND reconocimiento_nro_tramite IS NOT NULL AND origen = 'B'

-- a recognition known by its words alone
{s}.vw_hist_academica WHERE id_acta IS NULL AND origen IS NULL AND tipo = 'Reconocimiento'

-- a subject granted by resolution, without acta or request
{s}.vw_hist_academica WHERE id_acta IS NULL AND reconocimiento_nro_tramite IS NULL AND nro_resolucion IS NOT NULL

-- an equivalence refused
{s}.sga_equiv_otorgada WHERE resultado = 'R'

-- a course mark and none in the history view
{t}.sga_eval_detalle_cursadas WHERE NOT EXISTS (FROM {t}.vw_hist_academica WHERE origen = 'R')

-- a mark in each of three outcomes
(SELECT DISTINCT resultado FROM {s}.vw_hist_academica) HAVING count(*) = 3

-- no mark
{s}.vw_hist_academica WHERE nota IS NULL

-- a mark with blanks
{s}.vw_hist_academica WHERE nota <> trim(nota)

-- a rectified line
{s}.sga_actas_detalle WHERE rectificado = 'S'

-- a correcting acta
{s}.sga_actas WHERE tipo_acta = 'R'

-- an annulled acta
{s}.sga_actas WHERE estado = 'B'

-- an acta still open
{s}.sga_actas WHERE estado = 'A'

-- an enrolment without any result row
{s}.sga_insc_cursada i JOIN {s}.sga_comisiones USING (comision) JOIN {s}.sga_evaluaciones USING (entidad) ANTI JOIN
{s}.sga_eval_detalle_cursadas d ON d.alumno = i.alumno AND d.evaluacion = sga_evaluaciones.evaluacion WHERE i.estado =
'A'

-- a result row without mark and result
{s}.sga_eval_detalle_cursadas WHERE nota_cursada IS NULL AND resultado_cursada IS NULL

-- a result row with a blank mark
{s}.sga_eval_detalle_cursadas WHERE nota_cursada = '' AND resultado_cursada IS NULL

-- an enrolment pending
{s}.sga_insc_cursada WHERE estado = 'P'

-- an enrolment refused
{s}.sga_insc_cursada WHERE estado = 'R'

-- an enrolment before its academic year
{s}.sga_insc_cursada JOIN {s}.sga_comisiones USING (comision) JOIN {s}.sga_periodos_lectivos USING (periodo_lectivo)
JOIN {s}.sga_periodos p USING (periodo) WHERE fecha_inscripcion < make_date(p.anio_academico::int, 1, 1) AND
year(fecha_inscripcion) > 1900

-- an exam enrolment without result
{s}.sga_insc_examen i ANTI JOIN (FROM {s}.sga_actas_detalle JOIN {s}.sga_actas USING (id_acta)) d ON d.alumno = i.alumno
AND d.llamado_mesa = i.llamado_mesa WHERE i.alumno IS NOT NULL

-- a person surveyed twice
(SELECT persona FROM {s}.mdp_datos_censales GROUP BY persona HAVING count(*) > 1)

-- a person surveyed twice on one day
(SELECT persona FROM {s}.mdp_datos_censales GROUP BY persona, fecha_relevamiento HAVING count(*) > 1)

-- a survey without its economic part
{s}.mdp_datos_censales ANTI JOIN {s}.mdp_datos_economicos USING (dato_censal)

-- a survey without its activities
{s}.mdp_datos_censales ANTI JOIN {s}.mdp_datos_actividades USING (dato_censal)

-- several earlier studies of a person
(SELECT persona FROM {s}.mdp_datos_estudios GROUP BY persona HAVING count(*) > 2)

-- someone asked twice for a programme
(SELECT persona FROM {s}.sga_propuestas_aspira GROUP BY persona, propuesta HAVING count(*) > 1)

-- a refusal before the acceptance
{s}.sga_propuestas_aspira r JOIN {s}.sga_propuestas_aspira a USING (persona, propuesta) WHERE r.situacion_asp > 2 AND
a.situacion_asp = 2 AND r.anio_academico < a.anio_academico

-- two acceptances of one year
(SELECT persona FROM {s}.sga_propuestas_aspira WHERE situacion_asp <= 2 GROUP BY persona, propuesta, anio_academico
HAVING count(*) > 1)

-- an aspirant without situation
{s}.sga_propuestas_aspira WHERE situacion_asp IS NULL

-- an aspirant who never studied
{s}.sga_propuestas_aspira ANTI JOIN {s}.sga_alumnos USING (persona)

-- a student who never asked
{s}.sga_alumnos ANTI JOIN {s}.sga_propuestas_aspira USING (persona, propuesta)

-- a person with two careers
(SELECT persona FROM {s}.sga_alumnos GROUP BY persona HAVING count(*) > 1)

-- a plan with two versions in use
(SELECT propuesta FROM {s}.sga_alumnos GROUP BY propuesta HAVING count(DISTINCT plan_version) > 1)

-- a subject of several programmes
(SELECT c.elemento FROM {s}.sga_insc_cursada i JOIN {s}.sga_comisiones c USING (comision) JOIN {s}.sga_alumnos a USING
(alumno) GROUP BY c.elemento HAVING count(DISTINCT propuesta) > 1)

-- a year mistyped in a loss
{s}.sga_perdida_regularidad WHERE anio_academico = 202

-- a year mistyped in a re-enrolment
{s}.sga_reinscripciones WHERE anio_academico = 202

-- an enrolment of 1900
{s}.sga_insc_cursada WHERE fecha_inscripcion::date = DATE '1900-01-01'

-- an enrolment of 2202
{s}.sga_insc_cursada WHERE year(fecha_inscripcion) = 2202

-- a result of 1900
{s}.vw_hist_academica WHERE fecha = DATE '1900-01-01'

-- a result of 2202
{s}.vw_hist_academica WHERE year(fecha) = 2202

-- a birth of 1900
{s}.mdp_personas WHERE fecha_nacimiento = DATE '1900-01-01'

-- an aspiration of 1900
{s}.sga_propuestas_aspira WHERE fecha_inscripcion = DATE '1900-01-01'

-- a loss without date
{s}.sga_perdida_regularidad WHERE fecha IS NULL

-- a course enrolment without date
{s}.sga_insc_cursada WHERE fecha_inscripcion IS NULL

-- an exam enrolment without date
{s}.sga_insc_examen WHERE fecha_inscripcion IS NULL

-- a result without date
{s}.vw_hist_academica WHERE fecha IS NULL

-- a re-enrolment without date
{s}.sga_reinscripciones WHERE fecha_reinscripcion IS NULL

-- a call without date
{s}.sga_llamados_mesa WHERE fecha IS NULL

-- a person without birth
{s}.mdp_personas WHERE fecha_nacimiento IS NULL

-- a loss of nobody
{s}.sga_perdida_regularidad WHERE alumno IS NULL

-- a course enrolment of nobody
{s}.sga_insc_cursada WHERE alumno IS NULL

-- an exam enrolment of nobody
{s}.sga_insc_examen WHERE alumno IS NULL

-- an entidad that is another comisión's number
{s}.sga_comisiones a JOIN {s}.sga_comisiones b ON a.entidad = b.comision WHERE a.comision <> b.comision

-- a partial test
{s}.sga_evaluaciones WHERE evaluacion_tipo = 1

-- a comisión of two teachers
(SELECT comision FROM {s}.sga_docentes_comision JOIN {s}.sga_docentes USING (docente) GROUP BY comision HAVING
count(DISTINCT persona) > 1)

-- one teacher twice in a comisión
(SELECT comision FROM {s}.sga_docentes_comision JOIN {s}.sga_docentes USING (docente) GROUP BY comision, persona HAVING
count(*) > 1)

-- a comisión without teacher
{s}.sga_comisiones ANTI JOIN {s}.sga_docentes_comision USING (comision)

-- a comisión without cátedra
{s}.sga_comisiones WHERE catedra IS NULL

-- a programme whose subjects load no attendance
{s}.sga_elementos e ANTI JOIN (SELECT DISTINCT elemento FROM {s}.sga_clases_asistencia_acum JOIN {s}.sga_comisiones
USING (comision)) USING (elemento) WHERE codigo LIKE 'ABO%' HAVING count(*) > 15

-- attendance without percentage
{s}.sga_clases_asistencia_acum WHERE porc_asistencia IS NULL

-- half an absence
{s}.sga_clases_asistencia_acum WHERE total_inasistencias <> floor(total_inasistencias)

-- a re-enrolment for the year to come
{s}.sga_reinscripciones WHERE anio_academico = 2026

-- a re-enrolment in December for the next year
{s}.sga_reinscripciones WHERE month(fecha_reinscripcion) = 12

-- two re-enrolments of a year
(SELECT alumno FROM {s}.sga_reinscripciones GROUP BY alumno, anio_academico HAVING count(*) > 1)

-- three changes of calidad
(SELECT alumno FROM {s}.sga_alumnos_hist_calidad GROUP BY alumno HAVING count(*) > 2)

-- sexo X
{s}.mdp_personas WHERE sexo = 'X'

-- sexo P
{s}.mdp_personas WHERE sexo = 'P'

-- a birth on 29 February
{s}.mdp_personas JOIN {s}.sga_alumnos USING (persona) WHERE month(fecha_nacimiento) = 2 AND day(fecha_nacimiento) = 29

-- a passport
{s}.mdp_personas_documentos WHERE tipo_documento = 90

-- a document with dots
{s}.mdp_personas_documentos WHERE nro_documento LIKE '%.%.%'

-- a document with a leading zero
{s}.mdp_personas_documentos WHERE nro_documento LIKE '0%'

-- an address in capitals
{s}.mdp_personas_contactos WHERE email LIKE 'PERSONA%'

-- a person without user name
{s}.mdp_personas WHERE usuario IS NULL

-- an unknown nationality
{s}.mdp_personas ANTI JOIN {s}.mdp_nacionalidades USING (nacionalidad)

-- an unknown kind of entry
{s}.sga_propuestas_aspira ANTI JOIN {s}.sga_tipos_ingreso USING (tipo_ingreso) WHERE tipo_ingreso IS NOT NULL

-- an unknown marital state
{s}.mdp_datos_personales ANTI JOIN {s}.mdp_estados_civiles USING (estado_civil) WHERE estado_civil IS NOT NULL

-- an unknown dwelling
{s}.mdp_datos_personales ANTI JOIN {s}.mdp_tipo_vivienda USING (tipo_vivienda) WHERE tipo_vivienda IS NOT NULL

-- an unknown town
{s}.mdp_datos_personales d ANTI JOIN {s}.mug_localidades l ON l.localidad = d.procedencia_localidad WHERE
procedencia_localidad IS NOT NULL

-- a site of no institution
{s}.sga_alumnos JOIN {s}.sga_ubicaciones USING (ubicacion) WHERE institucion_araucano IS NULL

-- two sites of one institution
(SELECT institucion_araucano FROM {s}.sga_alumnos JOIN {s}.sga_ubicaciones USING (ubicacion) GROUP BY ALL HAVING
count(DISTINCT ubicacion) > 1 AND institucion_araucano IS NOT NULL)

-- a delegation with its accent
{s}.sga_ubicaciones WHERE nombre LIKE 'Delegación%'

-- a regular flag that is missing
{s}.sga_alumnos WHERE regular IS NULL

-- an entry before its academic year began
{s}.sga_propuestas_aspira WHERE year(fecha_inscripcion) < anio_academico AND year(fecha_inscripcion) > 1900

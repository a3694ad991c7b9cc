"""Guaraní's own views over actas, equivalences and recognitions, in SQL that both databases take."""

from __future__ import annotations

_ACADEMIC_YEAR = "CAST(EXTRACT(YEAR FROM {f}) AS integer) - CASE WHEN EXTRACT(MONTH FROM {f}) < 3 THEN 1 ELSE 0 END"

_ACTAS = """
SELECT al.persona, d.alumno, d.plan_version, e.elemento, r.elemento_revision,
    e.codigo AS actividad_codigo, e.nombre AS actividad_nombre,
    CAST(COALESCE(p.anio_academico, m.anio_academico) AS integer) AS anio_academico,
    c.periodo_lectivo, tp.nombre AS turno_examen_nombre, d.instancia, d.fecha, d.fecha_vigencia,
    d.nota, n.descripcion AS nota_descripcion, d.resultado, rs.descripcion AS resultado_descripcion,
    CAST(CASE a.origen WHEN 'E' THEN 'Examen' WHEN 'P' THEN 'Promoción' ELSE 'Regularidad' END AS varchar(30)) AS tipo,
    a.origen, d.pct_asistencia, ep.creditos, a.id_acta, d.folio, d.renglon, a.evaluacion, a.comision,
    CAST(NULL AS varchar(50)) AS nro_resolucion, CAST(NULL AS integer) AS reconocimiento_nro_tramite, a.nua
FROM {s}.sga_actas_detalle d
JOIN {s}.sga_actas a ON a.id_acta = d.id_acta
JOIN {s}.sga_alumnos al ON al.alumno = d.alumno
LEFT JOIN {s}.sga_comisiones c ON c.comision = a.comision
LEFT JOIN {s}.sga_periodos_lectivos pl ON pl.periodo_lectivo = c.periodo_lectivo
LEFT JOIN {s}.sga_periodos p ON p.periodo = pl.periodo
LEFT JOIN {s}.sga_llamados_mesa l ON l.llamado_mesa = a.llamado_mesa
LEFT JOIN {s}.sga_mesas_examen m ON m.mesa_examen = l.mesa_examen
LEFT JOIN {s}.sga_llamados_turno lt ON lt.llamado = l.llamado
LEFT JOIN {s}.sga_periodos tp ON tp.periodo = lt.periodo
JOIN {s}.sga_elementos e ON e.elemento = COALESCE(c.elemento, m.elemento)
LEFT JOIN {s}.sga_elementos_revision r ON r.elemento = e.elemento
LEFT JOIN {s}.sga_elementos_plan ep ON ep.plan_version = d.plan_version AND ep.elemento_revision = r.elemento_revision
LEFT JOIN {s}.sga_escalas_notas_det n ON n.escala_nota = d.escala_nota AND n.nota = d.nota
LEFT JOIN {s}.sga_escalas_notas_resultado rs ON rs.resultado = d.resultado
WHERE a.estado = 'C' AND a.origen IN ({origins}) AND d.rectificado = 'N' AND d.estado = 'A'
"""

_GRANTED = """
SELECT al.persona, g.alumno, g.plan_version, e.elemento, r.elemento_revision,
    e.codigo AS actividad_codigo, e.nombre AS actividad_nombre,
    {year} AS anio_academico, NULL AS periodo_lectivo, NULL AS turno_examen_nombre,
    CAST(g.instancia AS smallint) AS instancia, g.fecha, g.fecha AS fecha_vigencia,
    g.nota, n.descripcion AS nota_descripcion, g.resultado, rs.descripcion AS resultado_descripcion,
    CAST('{tipo}' AS varchar(30)) AS tipo, CAST({origen} AS character(1)) AS origen,
    NULL AS pct_asistencia, ep.creditos, NULL AS id_acta, NULL AS folio, NULL AS renglon, NULL AS evaluacion, NULL AS comision,
    CAST(g.nro_resolucion AS varchar(50)) AS nro_resolucion, g.tramite AS reconocimiento_nro_tramite, NULL AS nua
FROM ({granted}) g
JOIN {s}.sga_alumnos al ON al.alumno = g.alumno
JOIN {s}.sga_elementos e ON e.elemento = g.elemento
LEFT JOIN {s}.sga_elementos_revision r ON r.elemento = e.elemento
LEFT JOIN {s}.sga_elementos_plan ep ON ep.plan_version = g.plan_version AND ep.elemento_revision = r.elemento_revision
LEFT JOIN {s}.sga_escalas_notas_det n ON n.escala_nota = g.escala_nota AND n.nota = g.nota
LEFT JOIN {s}.sga_escalas_notas_resultado rs ON rs.resultado = g.resultado
"""

_EQUIVALENCES = """
    SELECT t.alumno, t.plan_version, t.fecha, o.elemento, o.instancia, o.escala_nota, o.nota, o.resultado,
        t.equivalencia_tramite AS tramite, NULL AS nro_resolucion
    FROM {s}.sga_equiv_otorgada o JOIN {s}.sga_equiv_tramite t ON t.equivalencia_tramite = o.equivalencia_tramite
    WHERE t.estado <> 'B' AND o.estado = 'A'
"""
_RECOGNITIONS = """
    SELECT t.alumno, t.plan_version, t.fecha, o.elemento, 10 AS instancia, o.escala_nota, o.nota, o.resultado,
        t.nro_tramite AS tramite, NULL AS nro_resolucion
    FROM {s}.sga_reconocimiento_act o JOIN {s}.sga_reconocimiento t ON t.nro_tramite = o.nro_tramite
    WHERE t.estado <> 'B' AND o.estado = 'A'
"""
_RESOLUTIONS = """
    SELECT alumno, plan_version, fecha, elemento, instancia, CAST(NULL AS smallint) AS escala_nota, nota, resultado,
        CAST(NULL AS integer) AS tramite, nro_resolucion
    FROM {s}.sga_movimientos_ha
"""

_REGULARITIES = """
SELECT d.alumno, e.elemento, r.elemento_revision, d.plan_version, e.codigo AS actividad_codigo, e.nombre AS actividad_nombre,
    CAST(p.anio_academico AS integer) AS anio_academico, a.origen, d.resultado, d.estado, d.fecha, d.fecha_vigencia,
    CASE WHEN d.fecha_vigencia >= DATE '{today}' THEN 1 ELSE 0 END AS es_vigente
FROM {s}.sga_actas_detalle d
JOIN {s}.sga_actas a ON a.id_acta = d.id_acta
JOIN {s}.sga_comisiones c ON c.comision = a.comision
JOIN {s}.sga_periodos_lectivos pl ON pl.periodo_lectivo = c.periodo_lectivo
JOIN {s}.sga_periodos p ON p.periodo = pl.periodo
JOIN {s}.sga_elementos e ON e.elemento = c.elemento
LEFT JOIN {s}.sga_elementos_revision r ON r.elemento = e.elemento
WHERE a.origen = 'R' AND a.estado = 'C' AND d.rectificado = 'N' AND d.estado = 'A'
"""

_BASIC = """
SELECT persona, alumno, plan_version, elemento, anio_academico, fecha, nota, resultado, tipo, origen, instancia, id_acta,
    reconocimiento_nro_tramite
FROM {s}.vw_hist_academica
"""


def views(schema: str, *, with_regularities: bool, today: str) -> dict[str, str]:
    """Name → select of each view, in an order in which they can be created.

    Parameters
    ----------
    schema
        Qualified name of the schema that holds the tables.
    with_regularities
        Whether the history shows regularised courses too; installations differ.
    today
        ISO date on which a regularity is looked at: views of the real system ask the clock, the sample never does.
    """
    origins = "'E', 'P', 'R'" if with_regularities else "'E', 'P'"
    parts = [_ACTAS.format(s=schema, origins=origins)]
    granted = (
        (_EQUIVALENCES, "Equivalencia", "'B'"),
        (_RECOGNITIONS, "Reconocimiento", "NULL"),
        (_RESOLUTIONS, "Equivalencia por resolución", "NULL"),
    )
    year = _ACADEMIC_YEAR.format(f="g.fecha")
    parts += [
        _GRANTED.format(s=schema, granted=inner.format(s=schema), tipo=tipo, origen=origen, year=year)
        for inner, tipo, origen in granted
    ]
    return {
        "vw_hist_academica": "UNION ALL".join(parts),
        "vw_hist_academica_basica": _BASIC.format(s=schema),
        "vw_regularidades": _REGULARITIES.format(s=schema, today=today),
    }

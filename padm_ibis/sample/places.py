"""Provinces, towns, sites and faculties: invented, the same on every campus, as catalogues are."""

from __future__ import annotations

import numpy as np

from padm_ibis.sample.columns import Tables, numbered, repeated, rows

PROVINCIAS = ("Provincia Andina", "Provincia del Ensayo", "Provincia del Sur Inventado", "Provincia Mesopotámica")
DEPARTAMENTOS = 12
LOCALIDADES = 48
UNIVERSIDAD = "Universidad Nacional del Ejemplo"
FACULTADES = ("Facultad de Ingeniería de Muestra", "Facultad de Ciencias Sociales de Muestra", "Instituto de Salud de Muestra")
SITE_SHARES = (0.62, 0.2, 0.12, 0.06)


def places() -> Tables:
    """Countries down to towns, then the sites and the institutions they belong to."""
    towns, districts = np.arange(LOCALIDADES), np.arange(DEPARTAMENTOS)
    return {
        "mug_paises": rows("pais nombre", (54, "País del Ejemplo"), (99, "Extranjero")),
        "mug_provincias": {
            "provincia": np.arange(len(PROVINCIAS)) + 1,
            "nombre": list(PROVINCIAS),
            "pais": repeated(54, PROVINCIAS),
        },
        "mug_dptos_partidos": {
            "dpto_partido": districts + 1,
            "nombre": numbered("Departamento Ñandú ", districts + 1),
            "provincia": districts % len(PROVINCIAS) + 1,
        },
        "mug_localidades": {
            "localidad": towns + 1,
            "nombre": numbered("Villa Ejemplo ", towns + 1),
            "dpto_partido": towns % DEPARTAMENTOS + 1,
        },
        "int_arau_instituciones": rows(
            "institucion_araucano nombre institucion_nombre",
            *((900 + i, name, UNIVERSIDAD) for i, name in enumerate(FACULTADES, 1)),
        ),
        "sga_ubicaciones": _sites(),
    }


def _sites() -> dict[str, list[object]]:
    """Four sites: two of one institution, a delegation written with its accent, one that belongs to none."""
    return rows(
        "ubicacion nombre ubicacion_tipo localidad calle numero codigo_postal institucion_araucano latitud longitud",
        (1, "Sede Central", 1, 1, "Av. de los Ensayos", "1200", "X5000", 901, -31.4, -64.18),
        (2, "Delegación Valle", 2, 14, "Calle Falsa", "123", "X5010", 902, -31.9, -64.3),
        (3, "Anexo Norte", 1, 1, "Pasaje de la Prueba", "S/N", "X5000", 901, -31.38, -64.2),
        (4, "Extensión Áulica Sur", 3, 27, None, None, None, None, None, None),
    )

"""The calendar a forecast may look ahead at."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.checks.tft import GoldTftKnownFuture
from padm_ibis.define.model import model
from padm_ibis.words import terms

FIRST_YEAR_AFTER_ISOLATION = 2020


@model(GoldTftKnownFuture)
def gold_tft_known_future(dim_periodo: ir.Table) -> ir.Table:
    """Academic years with what is known of them beforehand, one row per anio_academico."""
    t = dim_periodo
    return t.select(
        "anio_academico",
        "fecha_inicio",
        "fecha_fin",
        "periodo_label",
        "anio_relativo",
        time_index=t.anio_relativo,
        mes_inicio=t.fecha_inicio.month().cast("int64"),
        trimestre_inicio=t.fecha_inicio.quarter().cast("int64"),
        post_pandemia=terms.flag(t.anio_academico >= FIRST_YEAR_AFTER_ISOLATION),
    )

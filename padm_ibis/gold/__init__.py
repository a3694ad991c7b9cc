"""Gold: business marts and the feature store. A file is a table; ``GOLD`` is the floor plan."""

from __future__ import annotations

from collections.abc import Callable

import ibis.expr.types as ir

from padm_ibis.gold.mart_cohort_analysis import mart_cohort_analysis
from padm_ibis.gold.mart_kpi_materia import mart_kpi_materia
from padm_ibis.gold.mart_ranking_docentes import mart_ranking_docentes

GOLD: tuple[Callable[..., ir.Table], ...] = (
    mart_cohort_analysis,
    mart_kpi_materia,
    mart_ranking_docentes,
)

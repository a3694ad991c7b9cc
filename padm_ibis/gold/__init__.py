"""Gold: business marts and the feature store. A file is a table; ``GOLD`` is the floor plan."""

from __future__ import annotations

from collections.abc import Callable

import ibis.expr.types as ir

from padm_ibis.gold.gold_tft_known_future import gold_tft_known_future
from padm_ibis.gold.gold_tft_static_features import gold_tft_static_features
from padm_ibis.gold.gold_tft_temporal_features import gold_tft_temporal_features
from padm_ibis.gold.gold_tft_training_dataset import gold_tft_training_dataset
from padm_ibis.gold.mart_alumnos_en_riesgo import mart_alumnos_en_riesgo
from padm_ibis.gold.mart_cohort_analysis import mart_cohort_analysis
from padm_ibis.gold.mart_kpi_materia import mart_kpi_materia
from padm_ibis.gold.mart_ranking_docentes import mart_ranking_docentes
from padm_ibis.gold.mart_student_academic_summary import mart_student_academic_summary
from padm_ibis.gold.mart_student_engagement import mart_student_engagement
from padm_ibis.gold.mart_student_risk_features import mart_student_risk_features

GOLD: tuple[Callable[..., ir.Table], ...] = (
    gold_tft_known_future,
    gold_tft_static_features,
    gold_tft_temporal_features,
    gold_tft_training_dataset,
    mart_student_academic_summary,
    mart_student_engagement,
    mart_student_risk_features,
    mart_cohort_analysis,
    mart_kpi_materia,
    mart_ranking_docentes,
    mart_alumnos_en_riesgo,
)

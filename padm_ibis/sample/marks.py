"""How marks are written: plain, with a point, with a comma, in words, or not at all."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from padm_ibis.sample.careers import COMMA, CONCEPT, POINT, WHOLE
from padm_ibis.sample.columns import Array, Columns, choose, rows, some, texts
from padm_ibis.sample.lives import ABSENT, FAILED, PROMOTED

RESULTS = ("U", "R", "A", "A")
"""``resultado`` of each outcome."""
HALVES = 21
PLAIN = tuple(str(n) for n in range(11))
POINTED = tuple(f"{h / 2:.2f}" for h in range(HALVES))
WITH_COMMA = tuple(f"{h / 2:.1f}".replace(".", ",") for h in range(HALVES))
GOOD, BAD, NONE = ("A", "S", "B", "Aprobado"), ("Insuficiente", "R", "I", "NA"), ("Ausente", "", "A")
ODD = (" 8 ",)
WORDS = (*PLAIN, *POINTED, *WITH_COMMA, *GOOD, *BAD, *NONE, *ODD)
FIRST_POINTED, FIRST_COMMA = len(PLAIN), len(PLAIN) + HALVES
FIRST_GOOD = FIRST_COMMA + HALVES
FIRST_BAD = FIRST_GOOD + len(GOOD)
FIRST_NONE = FIRST_BAD + len(BAD)
EIGHT_WITH_BLANKS = FIRST_NONE + len(NONE)
CENTRE = (0.0, 2.6, 6.0, 7.4)
SLOPE = (0.0, 0.8, 1.3, 0.9)
LEAST, MOST = (0.0, 1.0, 4.0, 7.0), (0.0, 3.5, 10.0, 10.0)
CONCEPTS = {"A": 6, "S": 9, "B": 7, "Aprobado": 6, "Insuficiente": 2, "R": 2, "I": 2, "NA": 1, "Ausente": None}


def halves(outcome: Array, quality: Array) -> Array:
    """The mark in half points, 0 to 20."""
    centre, slope, least, most = (np.array(t)[outcome] for t in (CENTRE, SLOPE, LEAST, MOST))
    return np.rint(2 * np.clip(centre + slope * quality, least, most)).astype(np.int32)


def codes(rng: np.random.Generator, outcome: Array, quality: Array, scale: Array) -> Array:
    """How each mark is written, as codes for `written`: absence is a word, an empty text or nothing."""
    size = len(outcome)
    half = halves(outcome, quality)
    word = np.where(outcome == FAILED, FIRST_BAD + choose(rng, size, (5, 3, 1, 1)), FIRST_GOOD + choose(rng, size, (6, 2, 1, 1)))
    code = np.select(
        [scale == POINT, scale == COMMA, scale == CONCEPT], [FIRST_POINTED + half, FIRST_COMMA + half, word], (half + 1) // 2
    )
    nothing = np.array((FIRST_NONE, FIRST_NONE + 1, FIRST_NONE + 2, -1))[choose(rng, size, (60, 20, 4, 16))]
    code = np.where(outcome == ABSENT, nothing, code)
    passed = np.flatnonzero((outcome == PROMOTED) & (scale == WHOLE))
    code[passed[some(rng, len(passed), 0.001)]] = EIGHT_WITH_BLANKS
    return code


def written(code: Array) -> pa.Array:
    """``nota``: the text of each code."""
    return texts(code, WORDS)


def scales() -> Columns:
    """``sga_escalas_notas_det``: what each scale may write and what it is worth."""
    entries: list[tuple[int, str, str, float | None]] = []
    entries += [(WHOLE + 1, n, n, float(n)) for n in PLAIN]
    entries += [(POINT + 1, n, n, float(n)) for n in POINTED]
    entries += [(COMMA + 1, n, n, float(n.replace(",", "."))) for n in WITH_COMMA]
    entries += [(CONCEPT + 1, n, f"Concepto {n}", None if v is None else float(v)) for n, v in CONCEPTS.items()]
    entries += [(scale + 1, "Ausente", "Ausente", None) for scale in (WHOLE, POINT, COMMA)]
    return rows("escala_nota nota descripcion valor_numerico", *entries)

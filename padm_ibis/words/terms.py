"""The domain's shared words as column expressions: each rule has its one home here.

Sources: ``docs/glossary.md`` and, for result codes, flags and grades, SIU Guaraní 3 as real
installations use it (``resultado`` A/R/U, ``origen`` E/P/R/A/B, ``calidad`` A/P).

Idioms that hold on DuckDB, PostgreSQL and Spark alike are kept here too, so that a model never needs
to know that an engine truncates integer division or counts years by their boundaries.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from padm_ibis.params import Params

APROBADO, REPROBADO, AUSENTE = "A", "R", "U"
RESULTADOS = (APROBADO, REPROBADO, AUSENTE)
EXAMEN, PROMOCION, CURSADA, EQUIVALENCIA = "EXAMEN", "PROMOCION", "CURSADA", "EQUIVALENCIA"
TIPOS_EVALUACION = (EXAMEN, PROMOCION, CURSADA, EQUIVALENCIA)
EVALUACIONES_CONTADAS = (EXAMEN, PROMOCION, CURSADA)
FINALES = (EXAMEN, PROMOCION)
TIPOS_QUE_APRUEBAN = (EXAMEN, PROMOCION, EQUIVALENCIA)
SEXOS = ("F", "M", "X")
DELEGACION, SEDE_CENTRAL = "Delegación", "Sede Central"
TIPOS_SEDE = (DELEGACION, SEDE_CENTRAL)
FIRST_PLAUSIBLE_YEAR = 1950

# --- portable idioms -------------------------------------------------------------------------------


def flag(condition: ir.BooleanValue) -> ir.IntegerColumn:
    """1 where ``condition`` holds, 0 where it does not or is null."""
    return condition.fill_null(False).ifelse(1, 0).cast("int64")


def ratio(numerator: ir.NumericValue, denominator: ir.NumericValue) -> ir.FloatingColumn:
    """Quotient in float64; null where the denominator is 0 or either is null."""
    return numerator.cast("float64") / denominator.nullif(0).cast("float64")


def larger(left: ir.Value, right: ir.Value) -> ir.Value:
    """The larger of two, or the one that is not null."""
    return ibis.greatest(left.coalesce(right), right.coalesce(left))


def smaller(left: ir.Value, right: ir.Value) -> ir.Value:
    """The smaller of two, or the one that is not null."""
    return ibis.least(left.coalesce(right), right.coalesce(left))


def one_per(table: ir.Table, keys: Sequence[str], order_by: Sequence[ir.Value]) -> ir.Table:
    """Keep the first row of each key; ``order_by`` must leave no tie that matters."""
    window = ibis.window(group_by=list(keys), order_by=list(order_by))
    return table.mutate(_puesto=ibis.row_number().over(window)).filter(lambda t: t._puesto == 0).drop("_puesto")


def first(value: ir.Value) -> ir.Value:
    """Order by ``value`` ascending, nulls last."""
    return value.asc(nulls_first=False)


def last(value: ir.Value) -> ir.Value:
    """Order by ``value`` descending, nulls last."""
    return value.desc(nulls_first=False)


# --- calendar --------------------------------------------------------------------------------------


def academic_year(date: ir.DateValue, params: Params) -> ir.IntegerColumn:
    """The academic year in which a date or instant lies."""
    belongs_to_previous = (date.month() < params.academic_year_start_month).ifelse(1, 0)
    return (date.year() - belongs_to_previous).cast("int64")


def start_of(anio: ir.IntegerValue, params: Params) -> ir.DateColumn:
    """First day of academic year ``anio``, a mistyped one beyond the calendar clamped to its ends."""
    # least() and greatest() skip nulls: a null year would become year 1.
    within = ibis.cases((anio < 1, 1), (anio > 9999, 9999), else_=anio)
    return ibis.date(within, ibis.literal(params.academic_year_start_month), ibis.literal(1))


def cutoff(anio: ir.IntegerValue, params: Params) -> ir.DateColumn:
    """Last day of academic year ``anio``: the moment from which the next year is predicted."""
    return (start_of(anio + 1, params) - ibis.interval(days=1)).cast("date")


def whole_years(since: ir.DateValue, until: ir.DateValue) -> ir.IntegerColumn:
    """Completed anniversaries from ``since`` to ``until``; null when ``since`` is later.

    Someone born on 29 February completes a year on 1 March of a common year.
    """
    before_anniversary = (until.month() * 100 + until.day() < since.month() * 100 + since.day()).ifelse(1, 0)
    years = (until.year() - since.year() - before_anniversary).cast("int64")
    return (since <= until).ifelse(years, ibis.null("int64"))


def plausible_year(anio: ir.IntegerValue) -> ir.IntegerColumn:
    """The year, or null before 1950: a typing error."""
    return (anio >= FIRST_PLAUSIBLE_YEAR).ifelse(anio.cast("int64"), ibis.null("int64"))


def plausible_date(date: ir.DateValue, params: Params) -> ir.DateColumn:
    """The date, or null when its academic year is before 1950: a typing error."""
    return (academic_year(date, params) >= FIRST_PLAUSIBLE_YEAR).ifelse(date, ibis.null(date.type()))


# --- knowledge time --------------------------------------------------------------------------------


def anio_evento(anio_academico: ir.IntegerValue, fecha_conocida: ir.DateValue, params: Params) -> ir.IntegerColumn:
    """The year in which a fact enters a student's history: that it is about, or became known, if later."""
    return larger(anio_academico, academic_year(fecha_conocida, params))


def known(facts: ir.Table, params: Params) -> ir.Table:
    """Rows with an ``alumno_id`` that were known at ``as_of``, with their ``anio_evento``.

    Expects ``anio_academico`` and ``fecha_conocida`` already cleaned by `plausible_year` and `plausible_date`.
    """
    in_time = facts.fecha_conocida.isnull() | (facts.fecha_conocida <= ibis.literal(params.as_of))
    return facts.filter(facts.alumno_id.notnull(), in_time).mutate(
        anio_evento=lambda t: anio_evento(t.anio_academico, t.fecha_conocida, params)
    )


# --- texts and codes -------------------------------------------------------------------------------

_ACCENTED, _LETTERS = "áàäâãéèëêíìïîóòöôõúùüûñç", "aaaaaeeeeiiiiooooouuuunc"
_COMBINING = "\u0300\u0301\u0302\u0303\u0308\u0327"


def plain(text: ir.StringValue) -> ir.StringColumn:
    """Lower case without Spanish accents, for matching."""
    # Both cases are translated: lower() leaves accented capitals alone under PostgreSQL's C collation. What has no letter
    # to become is deleted: accents that a text keeps as characters of their own.
    return text.translate(_ACCENTED + _ACCENTED.upper() + _COMBINING, _LETTERS * 2).lower()


def blank_as_null(text: ir.StringValue) -> ir.StringColumn:
    """The text, or null when it holds nothing but white space."""
    return (text.strip() == "").ifelse(ibis.null("string"), text)


def si_no(value: ir.Value) -> ir.BooleanColumn:
    """``S``/``true`` → true, ``N``/``false`` → false, anything else → null."""
    code = value.cast("string").strip()
    return ibis.cases((code.isin(["S", "true"]), True), (code.isin(["N", "false"]), False), else_=ibis.null("boolean"))


def tipo_sede(sede: ir.StringValue, institucion: ir.StringValue, params: Params) -> ir.StringColumn:
    """``Delegación`` when either name says so, null without a name, else ``Sede Central``."""
    says_so = [plain(name).contains(params.sede_delegacion).fill_null(False) for name in (sede, institucion)]
    return ibis.cases(
        (says_so[0] | says_so[1], DELEGACION),
        (sede.isnull() & institucion.isnull(), ibis.null("string")),
        else_=SEDE_CENTRAL,
    )


def tipo_evaluacion(origen: ir.StringValue, tipo: ir.StringValue) -> ir.StringColumn:
    """EXAMEN, PROMOCION, CURSADA or EQUIVALENCIA from ``origen``, else from the words of ``tipo``, else null."""
    code, words = origen.strip(), plain(tipo)
    return ibis.cases(
        (code == "E", EXAMEN),
        (code == "P", PROMOCION),
        (code == "R", CURSADA),
        (code.isin(["A", "B"]), EQUIVALENCIA),
        (words.contains("equivalen") | words.contains("reconocimiento"), EQUIVALENCIA),
        (words.contains("promocion"), PROMOCION),
        (words.contains("regular") | words.contains("cursada"), CURSADA),
        (words.contains("examen"), EXAMEN),
        else_=ibis.null("string"),
    )


# --- exact numbers ---------------------------------------------------------------------------------


def hundredths(value: ir.NumericValue) -> ir.IntegerColumn:
    """The value cut (not rounded) to whole hundredths, as an integer.

    0.29 is 28.999999999999996 hundredths in floats; the nearest integer is taken, and stepped back
    by one only when its own hundredth lies above the value. NaN and infinities are null.
    """
    number = value.cast("float64")
    finite = (number > -1e15) & (number < 1e15)
    size = finite.ifelse(number, ibis.null("float64")).abs()
    nearest = (size * 100.0 + 0.5).floor().cast("int64")
    cut = nearest - (nearest.cast("float64") / 100.0 > size).ifelse(1, 0)
    return ((number < 0).ifelse(-1, 1) * cut).cast("int64")


def from_hundredths(total: ir.IntegerValue) -> ir.FloatingColumn:
    """Whole hundredths as a float64."""
    return total.cast("float64") / 100.0


def nota_en_centesimos(nota: ir.StringValue) -> ir.IntegerColumn:
    """The mark in whole hundredths (0 to 1000), or null for words, rubbish and values above 10.

    ``'7'``, ``'7.50'`` and ``' 7,5 '`` are marks. Digits are cut as text, so no float is involved and
    no conversion can fail; the range is tested before cutting: ``'10.001'`` is none.
    """
    text = nota.strip().replace(",", ".")
    mark = text.re_search(r"^0*([0-9]([.][0-9]+)?|10([.]0+)?)$").ifelse(text, ibis.null("string"))
    point = mark.find(".")
    units = (point < 0).ifelse(mark.length(), point)
    return (mark.replace(".", "") + "00").left(units + 2).cast("int64")


def nota_numerica(nota: ir.StringValue) -> ir.FloatingColumn:
    """The mark as a number from 0 to 10, cut to the hundredth; see `nota_en_centesimos`."""
    return from_hundredths(nota_en_centesimos(nota))


# --- the grade sets --------------------------------------------------------------------------------


def is_counted(performance: ir.Table) -> ir.BooleanColumn:
    """Counted evaluations: an exam, promotion or course with a known result; never null."""
    known = performance.tipo_evaluacion.isin(EVALUACIONES_CONTADAS) & performance.resultado.isin(RESULTADOS)
    return known.fill_null(False)


def final_en_centesimos(performance: ir.Table) -> ir.IntegerColumn:
    """The mark of a graded final (an exam or promotion with a numeric mark) in whole hundredths, else null."""
    return performance.tipo_evaluacion.isin(FINALES).ifelse(hundredths(performance.nota_numerica), ibis.null("int64"))

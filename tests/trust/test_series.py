"""The statements of a cut that are filled in are, to the letter, those that would be written."""

from __future__ import annotations

import datetime as dt

import ibis
import pytest

import padm_ibis as padm
from padm_ibis.audit.leakage import _Audit
from padm_ibis.audit.series import Moment, Series, law_of
from padm_ibis.testing.run_model import DEFAULT_PARAMS

YEARS = (2013, 2014, 2015, 2016, 2019, 2023)
CUTS = tuple(Moment(year, DEFAULT_PARAMS.cutoff(year)) for year in YEARS)
TABLE = ibis.table({"a": "int64", "d": "date"}, name="t")


def test_every_table_at_a_cut_between(config, graph):
    with padm.connect(config) as warehouse:
        past = _Audit(warehouse, graph, (), 20).past
        past.by_year()
        at, alone = past.removed(YEARS), past.removed([2016])
        assert [s.query for s in at(2016)] == [s.query for s in alone(2016)]


def literals(*values):
    return [ibis.literal(value, "date" if isinstance(value, dt.date) else "int64").op() for value in values]


@pytest.mark.parametrize(
    ("values", "at_2016"),
    [
        ((7, 7), 7),
        ((2013, 2023), 2016),
        ((2015, 2025), 2018),
        ((dt.date(2014, 2, 28), dt.date(2024, 2, 29)), dt.date(2017, 2, 28)),
        ((dt.date(2014, 2, 27), dt.date(2024, 2, 28)), dt.date(2017, 2, 27)),
        ((2013, 2020), None),  # it stops at some year
        ((dt.date(2014, 3, 1), dt.date(2024, 3, 1)), dt.date(2017, 3, 1)),
        ((dt.date(2014, 2, 28), dt.date(2024, 2, 28)), None),  # the day before the last one of a leap year
    ],
)
def test_how_a_literal_goes_with_the_cut(values, at_2016):
    ends = (CUTS[0], CUTS[-1])  # until 2014-02-28 and 2024-02-29
    law = law_of(literals(*values), ends)
    assert (law and law(CUTS[3]).value) == at_2016


@pytest.fixture
def scratch(config):
    from padm_ibis.audit.scratch import Scratch

    with padm.connect(config) as warehouse:
        yield Scratch(warehouse)


@pytest.mark.parametrize(
    ("make", "written"),
    [
        (lambda cut: TABLE.filter((TABLE.a > cut.year + 1) & (TABLE.d < cut.as_of)), 2),
        (lambda cut: TABLE.filter(TABLE.a > min(cut.year, 2020)), 6),  # goes with the year up to some point only
        (lambda cut: TABLE.filter(TABLE.a > cut.year) if cut.year < 2020 else TABLE.filter(TABLE.a >= cut.year), 6),
    ],
)
def test_only_what_goes_with_the_cut_is_filled_in(scratch, make, written):
    made = []

    def write(cut):
        made.append(cut)
        return scratch.write("t", make(cut), TABLE.schema())

    series = Series(scratch, CUTS, write)
    queries = [series.at(cut).query for cut in CUTS]
    assert len(made) == written
    assert queries == [scratch.write("t", make(cut), TABLE.schema()).query for cut in CUTS]

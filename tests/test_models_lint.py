"""Every model of the warehouse keeps the definition-time rules, or says where and why it does not."""

from __future__ import annotations

import datetime

import pytest

from padm_ibis.define.lint import lint_graph
from padm_ibis.definitions import collect
from padm_ibis.params import Params


@pytest.mark.parametrize("month", [1, 3])
@pytest.mark.parametrize("include_sensitive", [False, True])
def test_every_model_keeps_the_definition_time_rules(month, include_sensitive):
    params = Params(as_of=datetime.date(2025, 2, 28), academic_year_start_month=month, include_sensitive=include_sensitive)
    assert [str(finding) for finding in lint_graph(collect(kinds=("guarani", "moodle")), params)] == []

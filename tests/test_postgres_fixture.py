from __future__ import annotations

import psycopg
import pytest

pytestmark = pytest.mark.postgres


def test_a_module_gets_an_empty_database_of_its_own(postgres):
    assert postgres.list_tables() == []


def test_the_database_speaks_utf8_and_compares_texts_by_code_point(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        answer = connection.execute("SELECT current_setting('server_encoding'), 'Z' < 'a', lower('ÁÑ')").fetchone()
    assert answer == ("UTF8", True, "áñ")

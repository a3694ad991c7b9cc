"""Addresses of servers are read as libpq reads them, whichever driver they are for."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from padm_ibis.config import Url
from padm_ibis.config.servers import address_of, parts_of

PIECE = st.one_of(st.sampled_from(("%40", "%2F", "%25", "%C3%A9", "+", "~", "é")), st.text("abz:/?,[]=&+'\"\\.1", max_size=3))
HEADS = ("", "u:p@h:5432/d", "h/d?", "u@a:1,b:2/d?", "u:p%40@[::1]:5/d?a=")


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(HEADS), st.lists(PIECE, min_size=1, max_size=6))
def test_what_is_taken_is_read_as_libpq_reads_it(head: str, pieces: list[str]) -> None:
    address = f"postgresql://{head}{''.join(pieces)}"
    try:
        ours = parts_of(address)
        theirs = conninfo_to_dict(address)
    except (ValueError, psycopg.Error):  # refused, or with parameters that this libpq does not know
        reject()
    assert {k: v for k, v in ours.items() if v} == {k: str(v) for k, v in theirs.items() if v != ""}
    assert conninfo_to_dict(address_of(ours)) == ours


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        (
            "postgres://u:p@a:5432,b:5433/db?target_session_attrs=read-write",
            {
                "user": "u",
                "password": "p",
                "host": "a,b",
                "port": "5432,5433",
                "dbname": "db",
                "target_session_attrs": "read-write",
            },
        ),
        ("postgres://u@/db?host=/var/run/postgresql", {"user": "u", "host": "/var/run/postgresql", "dbname": "db"}),
        ("postgres://u@%2Fvar%2Frun/db", {"user": "u", "host": "/var/run", "dbname": "db"}),
        ("postgres://?service=guarani", {"service": "guarani"}),
        ("postgres://u:a+b%40c%2Fd%25e@h/db", {"user": "u", "password": "a+b@c/d%e", "host": "h", "dbname": "db"}),
        ("postgres://h/db?password=a+b&passfile=%2Fp", {"host": "h", "dbname": "db", "password": "a+b", "passfile": "/p"}),
        (
            "postgres://u@[::1]:5432/db?ssl=true",
            {"user": "u", "host": "::1", "port": "5432", "dbname": "db", "sslmode": "require"},
        ),
    ],
)
def test_every_form_of_address_by_example(address: str, parts: dict[str, str]) -> None:
    assert parts_of(address) == parts
    assert {k: str(v) for k, v in conninfo_to_dict(address).items()} == parts


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgres://u:p@h:54x2/db", "a port that is no number"),
        ("postgres://u:p@a:1,b:99999/db", "a port that is no number"),
        ("postgres://u:5%zz@h/db", "a '%' that no two hexadecimal digits follow"),
        ("postgres://u:%e9t%e9@h/db", "no UTF-8"),
        ("postgres://u:a%00b@h/db", "%00"),
        ("postgres://h/db?sslmode", "a parameter without a value"),
        ("postgres://h/db?options=-c%20a=b", "a second '='"),
        ("postgres://u:p@h", "names no database"),
        ("postgres://u:p@/db", "names no host"),
        ("postgres://", "names no host"),
    ],
)
def test_what_would_be_read_otherwise_than_it_is_meant_is_refused(address: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Url.parse(address, ("postgres",))
    assert said in str(caught.value)


def test_what_is_given_wins_over_what_is_usual_and_yields_to_what_must_be() -> None:
    url = Url.parse("postgres://u:p@h/db?connect_timeout=3&application_name=mine", ("postgres",))
    parts = conninfo_to_dict(url.libpq({"connect_timeout": "10", "keepalives": "1"}, application_name="padm-ibis"))
    assert (parts["connect_timeout"], parts["keepalives"], parts["application_name"]) == ("3", "1", "padm-ibis")
    assert str(url) == "postgres://u:***@h/db?connect_timeout=3&application_name=mine"

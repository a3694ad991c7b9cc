"""Given users and persons with their hashes → who is who, by strategies in order, one-to-one or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from padm_ibis.params import Lms
from padm_ibis.silver import bridge_lms_persona

Row = dict[str, Any]
BY = {"i": "idnumber:documento", "d": "username:documento", "u": "username:usuario", "e": "email:email"}


def user(number: int, **hashes: str) -> Row:
    return {"source_db": "campus", "usuario": number, **{f"{name}_hash": value for name, value in hashes.items()}}


def person(number: int, source: str = "sede1", **hashes: str) -> Row:
    return {"source_db": source, "persona_id": number, **{f"{name}_hash": value for name, value in hashes.items()}}


def links(run, users: list[Row], persons: list[Row], *platforms: Lms) -> list[tuple[Any, ...]]:
    given = {"lms_usuarios": users, "dim_persona": persons}
    rows = run(bridge_lms_persona, given, lms=platforms or (Lms("campus", ("sede1",)),))
    return [(r["source_db"], r["persona_id"], r["lms_db"], r["usuario_id"], r["enlace"]) for r in rows]


def test_strategies_link_in_their_order(run):
    users = [
        user(10, idnumber_documento="a", username_documento="b", email="z"),  # by idnumber, whatever else agrees
        user(11, username_documento="b"),  # person 2 by the user name
        user(12, username_usuario="c", email="y"),
        user(13, email="w"),
        user(14, email="v"),  # nobody's
        user(15),
    ]
    persons = [
        person(1, documento="a"), person(2, documento="b", email="z"), person(3, usuario="c"), person(4, email="w"),
        person(5, email="y"), person(6),
    ]  # fmt: skip
    assert links(run, users, persons) == [
        ("sede1", 1, "campus", 10, BY["i"]), ("sede1", 2, "campus", 11, BY["d"]), ("sede1", 3, "campus", 12, BY["u"]),
        ("sede1", 4, "campus", 13, BY["e"]),
    ]  # fmt: skip


def test_what_several_hold_links_nobody_but_another_strategy_may(run):
    users = [user(10, idnumber_documento="a", email="x"), user(11, idnumber_documento="a"), user(12, idnumber_documento="b")]
    persons = [person(1, documento="a", email="x"), person(2, documento="b"), person(3, documento="b")]
    assert links(run, users, persons) == [("sede1", 1, "campus", 10, BY["e"])]


def test_who_is_linked_leaves_the_others_alone_with_a_value(run):
    """Two users have one e-mail address; the one that its document links leaves it to the other."""
    users = [user(10, idnumber_documento="a", email="x"), user(11, email="x")]
    persons = [person(1, documento="a"), person(2, email="x")]
    assert links(run, users, persons) == [("sede1", 1, "campus", 10, BY["i"]), ("sede1", 2, "campus", 11, BY["e"])]


def test_each_campus_is_linked_for_itself_and_each_platform(run):
    users = [user(10, email="x"), {**user(10, email="y"), "source_db": "otro"}]
    persons = [person(1, email="x"), person(7, "sede2", email="x"), person(8, "sede2", email="x"), person(9, "sede3", email="y")]
    platforms = (Lms("campus", ("sede1", "sede2")), Lms("otro", ("sede3",)))
    assert links(run, users, persons, *platforms) == [
        ("sede1", 1, "campus", 10, BY["e"]), ("sede3", 9, "otro", 10, BY["e"]),
    ]  # fmt: skip


def test_only_the_sources_served_and_only_the_configured_strategies(run):
    users, persons = (
        [user(10, email="x", idnumber_documento="a")],
        [person(1, email="x", documento="b"), person(2, "sede2", email="x")],
    )
    assert links(run, users, persons, Lms("campus", ("sede2",))) == [("sede2", 2, "campus", 10, BY["e"])]
    assert links(run, users, persons, Lms("campus", ("sede1", "sede2"), links=(BY["i"],))) == []
    assert links(run, users, persons, Lms("campus", ())) == []


@pytest.mark.parametrize("run", ["duckdb"], indirect=True)
def test_a_value_that_everybody_has_costs_no_product(run):
    """Ten thousand users and as many persons with one e-mail address are not a hundred million pairs."""
    users = [user(n, email="none@uni") for n in range(10_000)]
    persons = [person(n, email="none@uni") for n in range(10_000)]
    assert links(run, users, persons) == []

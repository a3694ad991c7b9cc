"""Which users of a learning platform are which persons."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver_lms import BridgeLmsPersona
from padm_ibis.define.model import model
from padm_ibis.params import Lms, Params
from padm_ibis.words import terms


@model(BridgeLmsPersona)
def bridge_lms_persona(lms_usuarios: ir.Table, dim_persona: ir.Table, params: Params) -> ir.Table:
    """Links of persons to users, one row per persona_id of a source and lms_db, by the first strategy that is sure."""
    pairs = [(lms, source) for lms in params.lms for source in lms.serves]
    links = [link for lms, source in pairs for link in _links(lms_usuarios, dim_persona, lms, source)]
    nobody = dim_persona.filter(ibis.literal(False)).select(
        "source_db", "persona_id", lms_db="source_db", usuario_id="persona_id", enlace="source_db"
    )
    all_of_them = functools.reduce(lambda one, other: one.union(other), links, nobody)
    # no pair comes twice: that is said here for whoever reads the expression alone
    return terms.one_per(
        all_of_them, ["source_db", "persona_id", "lms_db"], [terms.first(all_of_them.usuario_id), terms.first(all_of_them.enlace)]
    )


def _links(users: ir.Table, persons: ir.Table, lms: Lms, source: str) -> Iterator[ir.Table]:
    """The links of each strategy between a platform and a source, among those that none before has linked."""
    users, persons = users.filter(users.source_db == lms.name), persons.filter(persons.source_db == source)
    for link in lms.links:
        of_user, of_person = link.split(":")
        user_hash = "email_hash" if of_user == "email" else f"{of_user}_{of_person}_hash"
        found = _single(users, user_hash, "usuario").join(_single(persons, f"{of_person}_hash", "persona_id"), "hash")
        found = found.select(
            source_db=ibis.literal(source), persona_id="persona_id", lms_db=ibis.literal(lms.name), usuario_id="usuario",
            enlace=ibis.literal(link),
        )  # fmt: skip
        yield found
        users = users.anti_join(found.select(usuario="usuario_id"), "usuario")
        persons = persons.anti_join(found.select("persona_id"), "persona_id")


def _single(rows: ir.Table, column: str, number: str) -> ir.Table:
    """Hashes that exactly one row has, and whose they are, one row per hash."""
    held = rows.filter(rows[column].notnull()).group_by(hash=rows[column])
    counted = held.agg(holders=lambda t: t.count(), **{number: lambda t: t[number].min()})
    return counted.filter(counted.holders == 1).select("hash", number)

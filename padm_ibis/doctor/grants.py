"""The statements that the administrators of the databases must run, no right more than is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb

from padm_ibis.errors import PadmError
from padm_ibis.extract.resolve import tables_of
from padm_ibis.sources.connect import open_source
from padm_ibis.sources.relations import Relation, relations
from padm_ibis.sources.spec import KindSpec, ResourceSpec, kind_of
from padm_ibis.sources.values import quote

if TYPE_CHECKING:
    from padm_ibis.config import Config, SourceConfig
    from padm_ibis.config.urls import Url

_NOTHING = "-- Nothing to grant: no source, no warehouse and no target of `publish` is a PostgreSQL server."


def grants(config: Config) -> str:
    """Return SQL that lets the configured roles do what is asked of them, and nothing else.

    What a source has is looked up there, where it can be reached: then only tables that exist are named. The role needs
    no right but to log in for that.

    Raises
    ------
    UnknownName
        If a kind or a resource of the configuration does not exist.
    """
    lines: list[str] = []
    for source in config.sources.values():
        if source.url.scheme == "postgres":
            lines += [*_of_source(config, source), ""]
    targets = {"warehouse": config.warehouse.url, "target of publish": config.publish.to}
    for what, url in targets.items():
        if url is not None and url.scheme == "postgres":
            lines += [*_of_target(what, url), ""]
    return config.mask("\n".join(lines).rstrip() or _NOTHING)


def _of_source(config: Config, settings: SourceConfig) -> Iterator[str]:
    kind = kind_of(settings, config.state if config.state.is_dir() else None)
    specs = kind.choose(settings.resources)
    yield f"-- Source {settings.name}: as the owner of the tables, or a superuser, in the database {_database(settings.url)}"
    with duckdb.connect() as con:
        source = open_source(settings.model_copy(update={"connect_retries": 0}), con)
        try:
            source.attach()
            there = {item.name: item for item in relations(source, tables_of(kind, specs)) if item.schema == settings.schema}
            user = source.rows("SELECT current_user::text AS u")[0][0]
        except PadmError as error:
            yield f"-- It cannot be reached now, so tables it may do without are named, too: {error.message}"
            there, user = None, _user(settings.url)
        finally:
            source.detach()
    role = _role(user)
    yield f"GRANT CONNECT ON DATABASE {quote(_database(settings.url))} TO {role};"
    yield f"GRANT USAGE ON SCHEMA {quote(settings.schema)} TO {role};"
    yield from _of_tables(settings, kind, specs, there, role)


def _of_tables(
    settings: SourceConfig, kind: KindSpec, specs: list[ResourceSpec], there: dict[str, Relation] | None, role: str
) -> Iterator[str]:
    readers: dict[str, list[str]] = {}
    for spec in specs:
        for name in spec.inputs:
            actual = spec.fallback.get(name, name) if there is not None and name not in there else name
            readers.setdefault(actual, []).append(spec.name)
    for name, resources in sorted(readers.items()):
        grant = f"GRANT SELECT ON {quote(settings.schema)}.{quote(name)} TO {role};"
        if there is not None and name not in there:
            may = "which may lack it" if kind.tables[name].optional else "which need it"
            yield f"-- {settings.schema}.{name} is not there; it is read by {', '.join(resources)}, {may}"
        else:
            yield f"{grant}  -- {', '.join(resources)}"
    veiled = [name for name in sorted(readers) if there is not None and name in there and there[name].veiled]
    if veiled and not settings.row_security:
        yield f"-- A policy hides rows of {', '.join(veiled)} (a superuser's statement):"
        yield f"ALTER ROLE {role} BYPASSRLS;"


def _of_target(what: str, url: Url) -> Iterator[str]:
    yield f"-- The {what}: as the owner of the database {_database(url)}, or a superuser"
    yield f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {quote(_database(url))} TO {_role(_user(url))};"


def _database(url: Url) -> str:
    return url.parts.get("dbname", "")


def _user(url: Url) -> str | None:
    return url.parts.get("user")


def _role(user: str | None) -> str:
    return quote(user) if user else "CURRENT_USER"

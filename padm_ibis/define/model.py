"""What makes a function a model: its name, its contract and its signature.

``@model`` attaches a frozen record and checks it; it registers nothing. A layer's tuple
(``BRONZE``, ``SILVER``, ``GOLD``) is the floor plan.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, ParamSpec, TypeVar

import ibis.expr.types as ir

from padm_ibis.define.contract import Contract, Layer, key, layer
from padm_ibis.errors import DefinitionError

P = ParamSpec("P")
R = TypeVar("R", bound=ir.Table)
PARAMS = "params"
Hash = Literal["documento", "texto"]


@dataclass(frozen=True, slots=True)
class Model:
    """One table: where it is defined, what it yields, what it reads.

    Attributes
    ----------
    inputs
        Names of the tables it reads, in the order of the signature.
    takes_params
        Whether the signature has the reserved name ``params``.
    point_in_time
        Whether a row of year *a* depends only on what was known by ``cutoff(a)``.
    allow
        Definition-time rule, or rule and subject → the reason why this model may break it; see `padm_ibis.define.lint`.
    """

    name: str
    layer: Layer
    contract: type[Contract]
    function: Callable[..., ir.Table]
    inputs: tuple[str, ...]
    takes_params: bool
    point_in_time: bool
    path: str
    line: int
    allow: Mapping[str, str] = field(default_factory=dict, hash=False, kw_only=True)

    @property
    def grain(self) -> tuple[str, ...]:
        """Columns that identify a row."""
        return key(self.contract)

    @property
    def where(self) -> str:
        """``file:line`` of the definition, without the machine's folders."""
        return f"{'/'.join(Path(self.path).parts[-3:])}:{self.line}"


@dataclass(frozen=True, slots=True)
class Resource(Model):
    """A bronze table: one statement at a source, and how its rows arrive.

    Attributes
    ----------
    load
        ``full`` replaces a source's rows; ``incremental`` upserts by key what the cursor lets through.
    cursor
        Column whose greatest value is the watermark.
    known_at
        Column that says when a row became known (a date, an instant or an academic year);
        None for attributes that are taken as constant.
    hashes
        Columns that the loader replaces by a keyed hash before anything is written, and how each is normalised.
    fallback
        Source table that may be missing → the one read instead.
    """

    load: Literal["full", "incremental"] = "full"
    cursor: str | None = None
    known_at: str | None = None
    hashes: Mapping[str, Hash] = field(default_factory=dict)
    fallback: Mapping[str, str] = field(default_factory=dict)


def model(
    contract: type[Contract], *, point_in_time: bool = False, allow: Mapping[str, str] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a pure function as the model of the table it is named after.

    Parameters
    ----------
    contract
        Class in ``checks`` named as the function, in CamelCase.
    point_in_time
        Declares that no row depends on a fact known after its year's cutoff; ``audit leakage`` proves it.
    allow
        Exceptions to the definition-time rules, each with its reason: ``{"fan-out dim_census": "narrowed to one by …"}``.

    Raises
    ------
    DefinitionError
        If name, contract or signature do not fit each other.
    """

    def attach(function: Callable[P, R]) -> Callable[P, R]:
        _attach(function, Model(**_facts(function, contract), point_in_time=point_in_time, allow=_reasons(function, allow)))
        return function

    return attach


def resource(
    contract: type[Contract],
    *,
    load: Literal["full", "incremental"],
    cursor: str | None = None,
    known_at: str | None = None,
    hashes: Mapping[str, Hash] | None = None,
    fallback: Mapping[str, str] | None = None,
    allow: Mapping[str, str] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a pure function over source tables as the bronze table it is named after; see `Resource`."""

    def attach(function: Callable[P, R]) -> Callable[P, R]:
        if (load == "incremental") != (cursor is not None):
            raise DefinitionError(
                f"{function.__name__}: a cursor goes with load='incremental', and only with it.",
                hint="Give cursor='<date column>' or load='full'.",
            )
        record = Resource(
            **_facts(function, contract),
            point_in_time=False,
            load=load,
            cursor=cursor,
            known_at=known_at,
            hashes=MappingProxyType(dict(hashes or {})),
            fallback=MappingProxyType(dict(fallback or {})),
            allow=_reasons(function, allow),
        )
        _attach(function, record)
        return function

    return attach


def model_of(function: Callable[..., ir.Table]) -> Model:
    """Return the record that ``@model`` or ``@resource`` attached.

    Raises
    ------
    DefinitionError
        If the function was never marked.
    """
    record: Model | None = getattr(function, "__padm_model__", None)
    if record is None:
        name = getattr(function, "__name__", repr(function))
        raise DefinitionError(f"{name} is not a model.", hint="Decorate it with @model(<its contract>).")
    return record


def camel(name: str) -> str:
    """``dim_student`` → ``DimStudent``."""
    return "".join(part.capitalize() for part in name.split("_"))


def _reasons(function: Callable[..., ir.Table], allow: Mapping[str, str] | None) -> Mapping[str, str]:
    for rule, reason in (allow or {}).items():
        if not reason.strip():
            raise DefinitionError(f"{function.__name__}: the exception {rule!r} has no reason.", hint="Say why it is right here.")
    return MappingProxyType(dict(allow or {}))


def _attach(function: Callable[..., ir.Table], record: Model) -> None:
    function.__padm_model__ = record  # type: ignore[attr-defined]


def _facts(function: Callable[..., ir.Table], contract: type[Contract]) -> dict[str, Any]:
    name = function.__name__
    if contract.__name__ != camel(name):
        raise DefinitionError(
            f"The model {name} has the contract {contract.__name__}.", hint=f"A contract is named after its model: {camel(name)}."
        )
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) or p.default is not p.empty for p in parameters):
        raise DefinitionError(
            f"{name}: a model's parameters are plain names of tables, and {PARAMS!r}.", hint="Drop *args, **kwargs and defaults."
        )
    names = [p.name for p in parameters]
    return {
        "name": name,
        "layer": layer(contract),
        "contract": contract,
        "function": function,
        "inputs": tuple(n for n in names if n != PARAMS),
        "takes_params": PARAMS in names,
        "path": function.__code__.co_filename,
        "line": function.__code__.co_firstlineno,
    }

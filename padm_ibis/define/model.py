"""What makes a function a model: its name, its contract and its signature.

``@model`` attaches a frozen record and checks it; it registers nothing. A layer's tuple
(``BRONZE``, ``SILVER``, ``GOLD``) is the floor plan.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, ParamSpec, TypeVar

import ibis.expr.types as ir

from padm_ibis.define.contract import BronzeContract, Contract, GoldContract, Layer, SilverContract, key, layer
from padm_ibis.define.kept import Kept
from padm_ibis.define.layers import VOLATILE
from padm_ibis.define.places import place
from padm_ibis.errors import DefinitionError

P = ParamSpec("P")
R = TypeVar("R", bound=ir.Table)
F = TypeVar("F", bound=Callable[..., Any])
PARAMS = "params"
MARK = "__padm_model__"
Hash = Literal["documento", "texto"]
Time = Literal["constant", "dated", "now"]
"""What a column of bronze speaks of: what always was, what was known when its row was, or how things stand today."""


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
        return place(self.path, self.line)


@dataclass(frozen=True, slots=True)
class Windows:
    """How a bronze table is read whose source table is too large for one statement: window by window of a growing number.

    Attributes
    ----------
    table, by, at
        The source table, its number that grows from row to row, and the column that says when.
    part
        Over the resource's source tables: what one window of them yields, to be put together with the others. Its rows with
        a ``reason`` are left out, and ``count`` says of how many each speaks.
    whole
        Over the parts of all windows, in DuckDB: the resource's rows.
    """

    table: str
    by: str
    at: str
    part: Callable[..., ir.Table]
    whole: Callable[[ir.Table], ir.Table]
    reason: str
    count: str


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
        Column that says when a row became known (a date, an instant or an academic year). None where the source keeps no
        dates and overwrites rows in place: every column is then either ``constant`` or *now*.
    constant
        Columns that may be overwritten and are taken as constant all the same: what they say today, they always said.
    now
        Columns that say how things stand today, whatever the date of the row; without ``known_at``, all that are not
        ``constant`` do. No point-in-time table may depend on one: ``audit leakage`` proves it.
    since
        Without ``known_at``: the column, a constant one, that says from when a row is there.
    essential
        What a source cannot do without, by a word of the kind's own: at least one resource of each such word must be
        given. None is optional: empty where a source does not give it. A kind without any such word needs all it has.
    hashes
        Columns that the loader replaces by a keyed hash before anything is written, and how each is normalised.
    fallback
        Source table that may be missing → the one read instead.
    kept
        How it remembers what its source forgets; None where it is what the source has.
    lookback
        Days that are read again before the watermark where nobody configured another number.
    left_out
        Words → the rows of its source tables that its statement leaves out on purpose: a run says how many there are.
    windows
        How it is read in parts, which together make what its statement alone would; None where one statement reads it.
    """

    load: Literal["full", "incremental"] = "full"
    cursor: str | None = None
    known_at: str | None = None
    hashes: Mapping[str, Hash] = field(default_factory=dict)
    fallback: Mapping[str, str] = field(default_factory=dict)
    constant: frozenset[str] = frozenset()
    now: frozenset[str] = frozenset()
    since: str | None = None
    essential: str | None = None
    kept: Kept | None = None
    lookback: int | None = None
    left_out: Mapping[str, Callable[..., ir.Table]] = field(default_factory=dict, hash=False)
    windows: Windows | None = None

    def time_of(self, column: str) -> Time:
        """What a column speaks of; those of the key say which row it is, and always did."""
        if column in self.constant or (column in self.grain and column not in self.now):
            return "constant"
        if column in self.now or column in VOLATILE or self.known_at is None:
            return "now"
        return "dated"


@dataclass(frozen=True, slots=True)
class Refused:
    """A function that was marked and cannot be a model: kept, so that the mistakes of all are told at once."""

    name: str
    mistakes: tuple[str, ...]


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

    Notes
    -----
    What does not fit (name, contract, signature) is kept with the function and raised by `model_of` and `graph.build`,
    together with the mistakes of all other models.
    """

    def attach(function: Callable[P, R]) -> Callable[P, R]:
        if wrong := [*_mistakes(function, contract), *_unreasoned(function, allow)]:
            return _refused(function, wrong)
        return _attach(function, Model(**_facts(function, contract), point_in_time=point_in_time, allow=_frozen(allow)))

    if inspect.isfunction(contract):  # @model, without parentheses: what stands below it would vanish from the graph
        return _refused(contract, [f"@model is given no contract. Write @model({camel(contract.__name__)})."])
    return attach


def resource(
    contract: type[Contract],
    *,
    load: Literal["full", "incremental"],
    cursor: str | None = None,
    known_at: str | None = None,
    hashes: Mapping[str, Hash] | None = None,
    fallback: Mapping[str, str] | None = None,
    constant: Iterable[str] = (),
    now: Iterable[str] = (),
    since: str | None = None,
    essential: str | None = None,
    kept: Kept | None = None,
    lookback: int | None = None,
    left_out: Mapping[str, Callable[..., ir.Table]] | None = None,
    windows: Windows | None = None,
    allow: Mapping[str, str] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a pure function over source tables as the bronze table it is named after; see `Resource`."""

    def attach(function: Callable[P, R]) -> Callable[P, R]:
        wrong = [*_mistakes(function, contract), *_unreasoned(function, allow)]
        if (load == "incremental") != (cursor is not None):
            wrong.append("a cursor goes with load='incremental', and only with it. Give cursor='<date column>' or load='full'.")
        if wrong:
            return _refused(function, wrong)
        record = Resource(
            **_facts(function, contract),
            point_in_time=False,
            load=load,
            cursor=cursor,
            known_at=known_at,
            hashes=MappingProxyType(dict(hashes or {})),
            fallback=MappingProxyType(dict(fallback or {})),
            constant=frozenset(constant),
            now=frozenset(now),
            since=since,
            essential=essential,
            kept=kept,
            lookback=lookback,
            left_out=MappingProxyType(dict(left_out or {})),
            windows=windows,
            allow=_frozen(allow),
        )
        return _attach(function, record)

    return attach


def model_of(function: Callable[..., ir.Table]) -> Model:
    """Return the record that ``@model`` or ``@resource`` attached.

    Raises
    ------
    DefinitionError
        If the function was never marked, or cannot be a model: every reason is listed, with file and line.
    """
    record: Model | Refused | None = getattr(function, MARK, None)
    if record is None:
        name = getattr(function, "__name__", repr(function))
        raise DefinitionError(f"{name} is not a model.", hint="Decorate it with @model(<its contract>).")
    if isinstance(record, Refused):
        raise DefinitionError("\n".join(record.mistakes))
    return record


def camel(name: str) -> str:
    """``dim_student`` → ``DimStudent``."""
    return "".join(part.capitalize() for part in name.split("_"))


def _unreasoned(function: Callable[..., ir.Table], allow: Mapping[str, str] | None) -> Iterator[str]:
    for rule, reason in (allow or {}).items():
        if not reason.strip():
            yield f"the exception {rule!r} has no reason. Say why it is right here."


def _frozen(allow: Mapping[str, str] | None) -> Mapping[str, str]:
    return MappingProxyType(dict(allow or {}))


def _attach(function: F, record: Model | Refused) -> F:
    setattr(function, MARK, record)
    return function


def _refused(function: F, wrong: Iterable[str]) -> F:
    where = place(function.__code__.co_filename, function.__code__.co_firstlineno)
    own = (f"{where}: {function.__name__}: {mistake}" for mistake in wrong)
    return _attach(function, Refused(function.__name__, tuple(own)))


def _mistakes(function: Callable[..., ir.Table], contract: type[Contract]) -> Iterator[str]:
    """What keeps a function and its contract from being a table; what the contract says itself is looked at later."""
    name = function.__name__
    if not (inspect.isclass(contract) and issubclass(contract, Contract)):
        yield f"its contract is {contract!r}, which is no class of a contract. Write @model({camel(name)})."
    elif contract.__name__ != camel(name):
        yield f"its contract is {contract.__name__}; a contract is named after its model: {camel(name)}."
    elif not issubclass(contract, BronzeContract | SilverContract | GoldContract):
        yield f"{contract.__name__} says no layer. Extend BronzeContract, SilverContract or GoldContract."
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) or p.default is not p.empty for p in parameters):
        yield f"a model's parameters are plain names of tables, and {PARAMS!r}. Drop *args, **kwargs and defaults."


def _facts(function: Callable[..., ir.Table], contract: type[Contract]) -> dict[str, Any]:
    names = list(inspect.signature(function).parameters)
    return {
        "name": function.__name__,
        "layer": layer(contract),
        "contract": contract,
        "function": function,
        "inputs": tuple(n for n in names if n != PARAMS),
        "takes_params": PARAMS in names,
        "path": function.__code__.co_filename,
        "line": function.__code__.co_firstlineno,
    }

"""What audits of leakage proved, in a file beside the warehouse: nothing that readers have open is written for it.

A proof is of a definition: the expression and contract of a table and of everything that it is made from, what the columns of
bronze speak of, the parameters, and the code that proved it. If any of it is another one, the table was never proved.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pydantic.dataclasses

from padm_ibis import access, atomic
from padm_ibis.define import code, fingerprint
from padm_ibis.define.graph import Graph
from padm_ibis.define.model import Model, Resource
from padm_ibis.params import Params
from padm_ibis.version import __version__

if TYPE_CHECKING:
    from padm_ibis.config import Config

FILE = "proofs.json"


@pydantic.dataclasses.dataclass
class Proof:
    """That no column of a table saw the future, at any closed year.

    Attributes
    ----------
    at
        When it was proved, UTC.
    run_id, as_of
        The version of the warehouse on which it was, and the date that it speaks for.
    persons
        On how many; None: on everybody.
    definition, code
        Fingerprints of what was proved, and of what proved it.
    """

    table: str
    at: dt.datetime
    run_id: str | None
    as_of: str
    modes: tuple[str, ...]
    persons: int | None
    definition: str
    code: str


class Proofs:
    """The proofs of one warehouse; several warehouses of a folder may share the file."""

    def __init__(self, config: Config) -> None:
        self.path = config.state / FILE
        self.warehouse = str(config.warehouse.url)

    def of(self, table: str, definition: str | None, modes: Sequence[str], persons: int | None) -> Proof | None:
        """Return the proof of a table, if it is of this very definition and code, in these modes and on no fewer people."""
        try:
            proof = Proof(**self._all()[self.warehouse][table])
        except (KeyError, TypeError, ValueError):
            return None
        enough = proof.persons is None or (persons is not None and proof.persons >= persons)
        same = definition is not None and (proof.definition, proof.code) == (definition, prover())
        return proof if same and enough and set(modes) <= set(proof.modes) else None

    def keep(self, proofs: Iterable[Proof], refuted: Iterable[str]) -> None:
        """Remember proofs, and forget those of tables that turned out to leak.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        known = self._all()
        mine = dict(known.get(self.warehouse, {}))
        mine |= {proof.table: {**asdict(proof), "at": proof.at.isoformat()} for proof in proofs}
        mine = {table: proof for table, proof in mine.items() if table not in set(refuted)}
        if mine == known.get(self.warehouse, {}):
            return
        access.folder(self.path.parent)
        atomic.write(self.path, json.dumps({**known, self.warehouse: mine}, indent=2))

    def _all(self) -> dict[str, Any]:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def prover() -> str:
    """The version and code of this library, all of it, and of the engines that it runs on."""
    return f"{__version__} {code.everything()}"


def definitions(graph: Graph, names: Iterable[str], params: Params) -> Mapping[str, str | None]:
    """Return, for each table, the fingerprint of all that a proof of it is about; None where code nobody knows is in it."""
    wanted = {name: graph.dag.upstream([name]) for name in names}
    made = {m.name: fingerprint.of_model(graph, m, params) for m in graph if any(m.name in up for up in wanted.values())}
    general = [*_settings(params), *(line for m in graph if isinstance(m, Resource) for line in _times(m))]
    found: dict[str, str | None] = {}
    for name, upstream in wanted.items():
        own = sorted(f"{table} {made[table]}" for table in upstream)
        unknown = any(rule.split()[0] == "udf" for table in upstream for rule in graph[table].allow)
        found[name] = None if unknown else hashlib.sha256("\n".join([*own, *general]).encode()).hexdigest()[:32]
    return found


def _settings(params: Params) -> Iterator[str]:
    return (f"{name} {value!r}" for name, value in sorted(params.plain().items()) if name != "as_of")


def _times(model: Model) -> Iterator[str]:
    """What a bronze table's columns speak of; any one may name rows of a table that is audited."""
    assert isinstance(model, Resource)
    yield f"{model.name} {model.known_at} {model.since} {sorted(model.constant)} {sorted(model.now)} {model.grain}"

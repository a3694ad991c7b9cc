"""What stops a run before any data is read: a wrong name, a wrong definition, an input that was never built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from padm_ibis.engine import queries
from padm_ibis.errors import ConfigError, UnknownName, UsageError

if TYPE_CHECKING:
    from padm_ibis.backends.base import Work
    from padm_ibis.config import Config
    from padm_ibis.define.dag import Node
    from padm_ibis.definitions import Definitions
    from padm_ibis.engine.state import Request, RunState


def check_names(config: Config, request: Request, nodes: Sequence[Node], definitions: Definitions) -> None:
    """Refuse what was asked for where it names nothing, or would read from nowhere."""
    bronze = [node.name for node in definitions.dag if node.layer == "bronze"]
    for name in request.full_refresh or ():
        if name.removeprefix("bronze.") not in bronze:
            raise UnknownName("bronze table", name, bronze, where="--full-refresh")
    for name in request.accept_drop:
        named = {*bronze, *(f"{source}.{table}" for source in config.sources for table in bronze)}
        if name.removeprefix("bronze.") not in named:
            raise UnknownName("bronze table", name, bronze, where="--accept-drop")
    if not nodes:
        raise UsageError("Nothing to build: no selected table is in that layer.", hint="Leave out --only, or name another layer.")
    wants_bronze = any(node.layer == "bronze" for node in nodes)
    if request.full_refresh is not None and not wants_bronze:
        raise UsageError("--full-refresh reads the sources again, but this run leaves bronze out.", hint="Leave out --only.")
    if wants_bronze and not config.sources:
        raise ConfigError(
            f"{config.described}: there is no [sources.<name>] to read from.",
            hint="Add one, or build from what is there: --only --layer gold.",
        )


def check_definitions(run: RunState, names: Iterable[str]) -> None:
    """Build expressions, compare them with their contracts and hold them to the rules: before any data is read."""
    from padm_ibis.define.lint import lint_graph, refuse

    names = list(names)
    graph = run.definitions.graph
    params = run.definitions.params(run.request.as_of)
    parameters: dict[str, set[str]] = {}
    run.expressions.update(graph.check_schemas([graph.models[name] for name in names], params, parameters))
    for name, read in parameters.items():
        queries.keep_parameters(run, name, read)
    refuse(lint_graph(graph, params, names, run.expressions))


def check_inputs_exist(work: Work, run: RunState) -> None:
    """With ``only``, what is read but not built must be there from an earlier run."""
    existing, chosen = work.tables(), {node.name for node in run.nodes}
    nodes = run.definitions.dag.nodes
    for node in run.of("silver", "gold"):
        for name in node.inputs:
            if name not in chosen and name not in existing[nodes[name].layer]:
                raise UsageError(
                    f"{node.name} reads {nodes[name].qualified}, which was never built.",
                    hint=f"Leave out --only, or select {name} too.",
                )

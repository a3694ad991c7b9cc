"""Publishing after a run: what passed its checks, to every target of the configuration; the others keep what they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from padm_ibis.engine.state import now
from padm_ibis.engine.status import status_of
from padm_ibis.errors import PadmError
from padm_ibis.publish.run import Tell, new_report, remember, replicate
from padm_ibis.publish.spec import TableSpec, chosen
from padm_ibis.publish.star import load_star
from padm_ibis.report.publication import PublishReport, TableDetail

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.publish.destination import Destination


def publish_passed(config: Config, goals: Sequence[Destination], tell: Tell, wait: float) -> list[PublishReport]:
    """Publish to each target whose tables passed; what becomes of one does not stop the others.

    A table failed where it, or anything it is made of, has an error of the last run or of the last `check` of what is
    published.

    Returns
    -------
    list[PublishReport]
        One for each target, in their order; with its ``error`` where nothing was published.
    """
    failed = {check.table.rpartition(".")[2] for check in status_of(config, now(), None).failed_checks}
    return [_publish(config, goal, failed, tell, wait) for goal in goals]


def publish_nothing(config: Config, goals: Sequence[Destination], why: str, tell: Tell) -> list[PublishReport]:
    """Leave every target as it is, and say why."""
    return [_withheld(config, new_report(config, goal), why, tell) for goal in goals]


def _publish(config: Config, goal: Destination, failed: set[str], tell: Tell, wait: float) -> PublishReport:
    report = new_report(config, goal)
    try:
        specs = chosen(config, goal.tables)
        if bad := _made_of(config, specs, failed):
            report.tables_detail = [TableDetail(spec.qualified) for spec in specs]
            return _withheld(config, report, f"checks of {', '.join(bad)} failed: padm-ibis check", tell)
        if config.star is not None:
            load_star(config, tell=tell)
        replicate(config, goal, report, tell=tell, wait=wait)
    except PadmError as error:  # told in the report, which ends the command with its exit code
        report.error, report.code = config.mask(error.message), error.exit_code
        tell(f"Not published to {report.target}: {report.error}")
    return report


def _made_of(config: Config, specs: Sequence[TableSpec], failed: set[str]) -> list[str]:
    """Return the tables that failed among those that ``specs`` are made of, in building order."""
    if not failed or config.star is not None:
        return []
    from padm_ibis.definitions import Definitions

    dag = Definitions(config).dag
    read = dag.upstream(spec.name for spec in specs)
    return [node.name for node in dag if node.name in read & failed]


def _withheld(config: Config, report: PublishReport, why: str, tell: Tell) -> PublishReport:
    report.error = f"not published: {why}"
    report.close(0.0)
    remember(config, report)
    tell(f"Not published to {report.target}: {why}")
    return report

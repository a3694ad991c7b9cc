"""What of a report needs somebody's attention: the same thing said once, worst first, each with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from padm_ibis.report.passed import changes
from padm_ibis.report.publication import PublishReport
from padm_ibis.report.restated import restatements
from padm_ibis.report.results import CheckResult
from padm_ibis.report.run import RunReport, beyond
from padm_ibis.report.text import rows

Kind = Literal["error", "warning", "note"]
_ADVICE = (
    ("duplicate_key", "one row of each key is kept; the others stand in _padm.rejected_rows. Make the key unique at the source"),
    ("duplicate_row", "nothing is lost; look at the source for rows that are entered twice"),
    ("before_start", "padm-ibis run --full-refresh NAME reads them"),
    ("unreadable_value", "correct the values at the source"),
    ("became null", "correct the values at the source"),
    ("is none of", "correct the codes at the source, or silence it under [checks]"),
    ("no fact keeps the row", "give the rows their student at the source"),
    ("is not in", "these rows stay, without what they point to; add the missing rows at the source"),
    ("not_given", "padm-ibis doctor says what that costs, column by column"),
    ("freshness", "look whether the source is still fed; freshness_hours of its [sources] table says when it is late"),
    ("rows of the source", "padm-ibis run --full-refresh NAME reads them again"),
)

_RESTATED = "padm-ibis show NAME --restated lists them; with --since RUN: how much of what that run published"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to look at.

    Attributes
    ----------
    advice
        What to do about it; empty where the text says so itself.
    """

    kind: Kind
    text: str
    advice: str = ""


def of_run(report: RunReport) -> list[Item]:
    """Return what a run found: sources that failed, errors, warnings, notes."""
    failures = [Item("error", f"source {f.source_db}: {f.message}", f.hint or "") for f in report.failures]
    return [*failures, *of_publications(report), *of_checks(report.checks), *_notes(report)]


def _notes(report: RunReport) -> Iterator[Item]:
    if text := beyond(report):
        yield Item("note", text)
    yield from (Item("note", f"restated: {text}", _RESTATED) for text in restatements(report.restated))
    yield from (Item("note", text) for text in (*changes(report.passed_over), *report.notes))


def of_publications(report: RunReport) -> list[Item]:
    """Return the targets that nothing was published to, each with why."""
    return [Item("error", f"publication to {p.target}: {p.error or _differs(p)}", _again(p)) for p in report.withheld]


def _differs(publication: PublishReport) -> str:
    return "; ".join(f"{t.table}: {t.differences[0]}" for t in publication.tables_detail if t.differences)


def _again(publication: PublishReport) -> str:
    return "it holds what it held before; when that is mended: padm-ibis run --publish"


def of_checks(checks: Iterable[CheckResult]) -> list[Item]:
    """Return errors, then warnings; of each, one for all tables that share the rule, the most rows first."""
    found = sorted((c for c in checks if c.verdict != "ok"), key=lambda c: (c.verdict, c.rule, -c.failed, c.table))
    items = []
    for (verdict, rule), group in groupby(found, key=lambda c: (c.verdict, c.rule)):
        same = list(group)
        items.append(
            (
                verdict,
                -sum(c.failed for c in same),
                Item("error" if verdict == "error" else "warning", _text(rule, same), _advice(rule)),
            )
        )
    return [item for *_, item in sorted(items, key=lambda entry: (entry[0], entry[1], entry[2].text))]


def _text(rule: str, same: Sequence[CheckResult]) -> str:
    if len(same) == 1:
        (one,) = same
        return f"{one.table}: {rule}: {', '.join(_found(one))}"
    if not any(check.failed for check in same):  # no rows are to blame: each says for itself
        return f"{rule}: {'; '.join(text for check in same for text in check.rows[:1])}"
    listed = "; ".join(f"{c.table} ({rows(c.failed)})" for c in same)
    example = next((f", such as {c.table} {c.rows[0]}" for c in same if c.rows), "")
    return f"{rule} in {len(same)} tables: {listed}{example}"


def _found(check: CheckResult) -> Iterator[str]:
    if check.failed:
        yield rows(check.failed)
    if check.rows:
        yield ("such as " if check.failed else "") + "; ".join(check.rows[:2])


def _advice(rule: str) -> str:
    return next((advice for words, advice in _ADVICE if words in rule), "")


def screenful(items: Sequence[Item], most: int = 10) -> tuple[list[Item], str]:
    """Return what fits on a screen, and a line that counts the rest; empty where there is none."""
    shown, rest = list(items[:most]), items[most:]
    if not rest:
        return shown, ""
    counts = [(kind, sum(item.kind == kind for item in rest)) for kind in ("error", "warning", "note")]
    listed = ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in counts if count)
    return shown, f"and {listed} more: --json FILE writes all, _padm.check_results keeps those of tables"

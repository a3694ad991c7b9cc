"""An erasure that is killed, wherever: from the list on nobody sees her again in a new version, and the next run finishes."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from conftest_erasure import NUMBER, School

import padm_ibis as padm

KILLED = 9
BEFORE = {
    "the erasure is written down": "engine.unfinished:put",
    "the list stands in the warehouse": "engine.listed:keep",
    "the rest of bronze is cleared": "engine.erased:redactor_of",
    "the version is shown": "backends.duckdb.work:DuckDBWork.publish",
    "the files are rewritten": "backends.duckdb.work:DuckDBWork.rewrite",
    "the readers' file is rewritten": "backends.duckdb.work:DuckDBWork._connect",
    "the exports are cleared": "erasure.exports:clear",
    "an export is put in place": "export:_rows_of",
    "the mirrors are cleared": "erasure.mirrors:Cleaner.clear",
    "a mirror is rewritten": "erasure.mirrors:rewrite",
    "the certificate is written": "erasure.erase:_certified",
}

SMALL = ("the erasure is written down", "the version is shown", "the files are rewritten", "an export is put in place")
"""What CI tries."""


def killed_before(what: str, after: Callable[[], Any] | None = None) -> Callable[..., None]:
    """Let a process end when it gets somewhere."""
    module, _, path = BEFORE[what].partition(":")
    *owners, name = path.split(".")
    place: Any = import_module(f"padm_ibis.{module}")
    for owner in owners:
        place = getattr(place, owner)

    def end(*_: Any, **__: Any) -> None:
        os._exit(KILLED)

    setattr(place, name, end)
    return end


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "what" in metafunc.fixturenames:
        metafunc.parametrize("what", BEFORE if metafunc.config.getoption("--campaign") else SMALL)


def test_killed_before(what: str, a_school: School, forked: Callable[[Callable[[], Any]], int]) -> None:
    def erase() -> None:
        if what == "the readers' file is rewritten":  # the second time: the first opens the private copy
            from padm_ibis.backends.duckdb.work import DuckDBWork

            rewrite = DuckDBWork.rewrite

            def then(self: DuckDBWork, also: Any = ()) -> list[str]:
                killed_before(what)
                return rewrite(self, also)

            DuckDBWork.rewrite = then  # type: ignore[method-assign]
        else:
            killed_before(what)
        a_school.forget()

    assert forked(erase) == KILLED
    seen = a_school.pupils()
    assert seen in ([1, 2], [1, 2, NUMBER]), "one version as a whole"
    report = a_school.run(publish=True)
    assert report.exit_code == 0
    assert a_school.pupils() == [1, 2]
    assert a_school.traces() == []
    assert not list((a_school.folder / ".w.duckdb.padm" / "erasures").glob("*.unfinished.json"))
    assert len(list((a_school.folder / ".w.duckdb.padm" / "erasures").glob("*-*.json"))) == 1


def test_the_next_forget_finishes_too(a_school: School, forked: Callable[[Callable[[], Any]], int]) -> None:
    def erase() -> None:
        killed_before("the files are rewritten")
        a_school.forget()

    assert forked(erase) == KILLED
    assert a_school.pupils() == [1, 2]
    assert a_school.traces() != []
    assert padm.forget(config=a_school.config).exit_code == 0
    assert a_school.traces() == []

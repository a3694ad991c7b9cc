"""A repository of two commits that do what they are written to do: what became slower is found, what did not is not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import compare
import pytest
from _machine import Cost, Spread, Timing

# Stands for the command: it takes so many seconds of a processor, more of them where the warehouse is new.
COMMAND = """
import json, pathlib, time
first = not pathlib.Path("warehouse").exists()
end = time.process_time() + ({first} if first else {again})
while time.process_time() < end:
    pass
pathlib.Path("warehouse").touch()
pathlib.Path("report.json").write_text(json.dumps({{"result": {{"phases": {{"prepare": {first} / 2}}}}}}))
"""
SMALL = ["--students", "4", "--rounds", "5", "--calibration", "200000"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    package = root / "padm_ibis"
    package.mkdir()
    (package / "__init__.py").touch()
    git(root, "init", "--quiet", "--initial-branch=main")
    for name, again in (("before", 0.03), ("slower", 0.2)):
        (package / "cli.py").write_text(COMMAND.format(first=0.05, again=again), encoding="utf-8")
        git(root, "add", ".")
        git(root, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", name)
        git(root, "tag", name)
    return root


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True)


def worse(printed: str) -> list[str]:
    """The measures that are marked, of the lines of the table."""
    return [line[:26].strip() for line in printed.splitlines() if line.endswith("← worse")]


def test_what_became_slower_is_found(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main(["before", "slower", *SMALL, "--repository", str(repository)]) == 1
    printed = capsys.readouterr().out
    assert {"nothing new", "0.5 % changed, next day"} <= set(worse(printed))
    assert "of it, peak memory" not in worse(printed)
    assert printed.startswith("machine: ")


def test_memory_is_compared_as_it_is() -> None:
    """Not in units of a calibration, which says how fast a machine is."""
    rounds = [
        {
            side: {compare.PEAK: Timing(Cost(1.0, 1.0, peak), Cost(unit))}
            for side, peak, unit in zip(compare.SIDES, peaks, (1.0, 4.0), strict=True)
        }
        for peaks in ((100, 120), (100, 130), (200, 300))
    ]
    assert compare.judged(compare.PEAK, rounds) == Spread(1.3, 1.2, 1.5)


@pytest.mark.parametrize(
    ("spread", "slower"),
    [
        (Spread(1.3, 1.2, 1.4), True),
        (Spread(1.11, 1.01, 1.4), True),
        (Spread(1.3, 0.9, 1.8), False),  # rounds do not agree
        (Spread(1.09, 1.08, 1.1), False),  # they do, on less than a tenth
        (Spread(0.5, 0.4, 0.6), False),
    ],
)
def test_slower_is_more_than_a_tenth_and_not_by_chance(spread: Spread, slower: bool) -> None:
    assert compare.is_slower(spread) is slower


def test_too_few_rounds_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        compare.main(["HEAD", "HEAD", "--rounds", "4"])
    assert "at least 5" in capsys.readouterr().err


def test_a_commit_that_does_not_exist_is_named(repository: Path) -> None:
    with pytest.raises(SystemExit, match="'nowhere'"):
        compare.main(["before", "nowhere", "--repository", str(repository)])

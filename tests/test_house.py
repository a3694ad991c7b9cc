"""The floors of the house: imports run downwards, in no circle (`[tool.importlinter]` in pyproject.toml)."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"


def lint(folder: Path, config: Path) -> subprocess.CompletedProcess[str]:
    code = LINT.replace("()", f"(config_filename={str(config)!r}, no_cache=True)", 1)
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


def test_no_import_runs_up() -> None:
    kept = lint(ROOT, ROOT / "pyproject.toml")
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert "1 kept, 0 broken" in kept.stdout


def test_an_import_that_runs_up_is_seen(tmp_path: Path) -> None:
    """The same contract over a package whose model reaches for the engine: it must break."""
    package = tmp_path / "upside"
    for name, text in {"__init__": "", "engine": "", "model": "import upside.engine\n"}.items():
        package.mkdir(exist_ok=True)
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    config = tmp_path / "pyproject.toml"
    config.write_text(
        '[tool.importlinter]\nroot_package = "upside"\n[[tool.importlinter.contracts]]\nname = "floors"\n'
        'type = "layers"\nlayers = ["engine", "model"]\ncontainers = ["upside"]\nexhaustive = true\n',
        encoding="utf-8",
    )
    broken = lint(tmp_path, config)
    assert broken.returncode == 1
    assert "upside.model -> upside.engine" in broken.stdout


def test_no_two_files_of_tests_share_a_name() -> None:
    """Pytest imports them by their name alone: the second of two would end the whole, and only the whole, in an error."""
    packaged = {file.parent for file in (ROOT / "tests").rglob("__init__.py")}
    names = [f.name for f in (ROOT / "tests").rglob("*.py") if f.name != "conftest.py" and f.parent not in packaged]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_the_newcomers_page_names_every_room_in_the_order_of_the_floors() -> None:
    floors = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"][0][
        "layers"
    ]
    rooms = [{name.strip() for name in floor.split("|")} for floor in floors]
    lines = re.findall(r"^\| (`.*?) \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = [{name.strip("/") for name in re.findall(r"`([a-z_]+/?)`", line)} for line in lines]
    there = {p.stem for p in (ROOT / "padm_ibis").iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()} - {"__init__"}
    assert set().union(*told) == there == set().union(*rooms)
    order = {room: number for number, floor in enumerate(rooms) for room in floor}
    heights = [order[room] for line in told for room in sorted(line, key=order.__getitem__)]
    assert heights == sorted(heights)


def test_what_the_newcomers_page_points_to_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|toml|lock|md))`", text)) - {"padm.toml"}  # the user's
    assert len(files) > 10
    assert [
        f for f in files if not ((ROOT / f).exists() or (ROOT / "padm_ibis" / f).exists() or (ROOT / "tests" / f).exists())
    ] == []

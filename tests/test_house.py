"""The floors of the house: imports run downwards, in no circle (`[tool.importlinter]` in pyproject.toml)."""

from __future__ import annotations

import subprocess
import sys
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

"""The pages of the documentation say what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from padm_ibis.cli import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_page_of_the_configuration_is_the_codes() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_command_stands_in_the_readme_or_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(COMMANDS) > 10
    assert [name for name in COMMANDS if not re.search(rf"padm-ibis {name}\b", text)] == []


def test_links_between_pages_lead_somewhere() -> None:
    links = [(page, link) for page in PAGES for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8"))]
    assert links
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []

"""The fenced blocks of a page, for tests that run them as printed."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text without the list's indentation, and the heading that it stands under."""

    language: str
    text: str
    section: str
    line: int

    @property
    def where(self) -> str:
        return f"line {self.line}, {self.section!r}: {self.text.splitlines()[0]}"

    def commands(self) -> list[tuple[str, list[str]]]:
        """Return the lines after each prompt of a console, without their comments, each with the lines shown below it."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((re.sub(r"\s+#.*", "", line[2:]), []))
            else:
                found[-1][1].append(line)
        return found


def blocks(page: Path = README) -> Iterator[Block]:
    """Yield the fenced blocks of a page in its order."""
    section, start = "", None
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        fence = _FENCE.match(line)
        if start is not None:
            if fence and not fence["language"]:
                first, language = start
                yield Block(language, textwrap.dedent("\n".join(lines[first:number])) + "\n", section, first)
                start = None
        elif fence:
            start = (number + 1, fence["language"])
        elif line.startswith("#"):
            section = line.lstrip("# ")

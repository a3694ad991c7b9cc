"""Write ``docs/configuration.md`` from the configuration's own classes: ``python docs/generate.py [--check]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from padm_ibis.config import SourceConfig
from padm_ibis.config.settings import File

PAGE = Path(__file__).with_name("configuration.md")
HEAD = """# padm.toml, key by key

Written by `python docs/generate.py`; a test holds it to the code. An unknown key is an error that names the nearest one.
`${NAME}` takes the environment's variable of that name; secrets come from nowhere else. `[profiles.NAME]` holds the same
tables, laid over these by `--profile NAME`.
"""


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for section in sections():
        title, _, text = (section.__doc__ or "").partition(": ")
        rows = [
            f"| `{field.alias or name}` | {_default(field)} | {_cell(field.description)} |" for name, field in _settings(section)
        ]
        table = "\n".join(["| key | default | what it says |", "| --- | --- | --- |", *rows])
        parts.append(f"## {title.replace('``', '`')}\n\n{text[:1].upper()}{text[1:]}\n\n{table}\n".replace("``", "`"))
    return "\n".join(parts)


def sections(owner: type[BaseModel] = File) -> Iterator[type[BaseModel]]:
    """Yield every table of the file, in its order, each followed by those in it."""
    for field in owner.model_fields.values():
        if (section := _section(field)) is not None:
            yield section
            yield from sections(section)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    candidates = [field.annotation, *get_args(field.annotation)]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _settings(section: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    fields = section.model_fields.items()
    return [(name, field) for name, field in fields if _section(field) is None and (section, name) != (SourceConfig, "name")]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ({}, []):
        return "–"
    if isinstance(value, str):
        return f"`'{value}'`" if '"' in value else f'`"{value}"`'
    return f"`{str(value).lower() if isinstance(value, bool) else value}`".replace("'", '"')


def _cell(text: str | None) -> str:
    return (text or "").replace("<", "&lt;").replace("|", "\\|")


def main() -> None:
    """Write the page, or with ``--check`` say whether it is as the code is."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true")
    if not options.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/configuration.md is not what the code says: python docs/generate.py")


if __name__ == "__main__":
    main()

"""Write the pages that are made from code and tests: ``python docs/generate.py [--check]``.

``configuration.md`` comes from the configuration's own classes, ``functions.md`` from the matrix that a test keeps, the README's
figures beside other tools from what was measured last.
"""

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

ROOT = Path(__file__).parents[1]
MATRIX = ROOT / "tests" / "data" / "functions.tsv"
README = ROOT / "README.md"
OUTCOMES = {
    "same": "the same on DuckDB and PostgreSQL, value by value and to the bit",
    "refused": "refused at definition, before anything is read, with the line to write instead",
    "loud in both": "an error on both where a value cannot be used, or neither has it; the same wherever there is a value",
    "loud in postgres": "an error on PostgreSQL for some values that DuckDB takes; the same wherever both give one",
    "loud in duckdb": "an error on DuckDB for some values that PostgreSQL takes; the same wherever both give one",
    "loud in duckdb or postgres": "an error on one of the two for some values; the same wherever both give one",
}
FUNCTIONS = """# What a model may call

Every method that Ibis offers on a value, called on hostile values (accents, empty texts, nulls, days before 1970, halves,
numbers and days as people write them) on DuckDB and PostgreSQL, each row alone where one ends the query. Kept by
`tests/parity/test_functions.py`: a function that is new or changes has to be judged. None differs in silence.

"""
HEAD = """# padm.toml, key by key

Written by `python docs/generate.py`; a test holds it to the code. An unknown key is an error that names the nearest one.
`${NAME}` takes the environment's variable of that name; secrets come from nowhere else. `[profiles.NAME]` holds the same
tables, laid over these by `--profile NAME`.
"""


def functions() -> str:
    """Return the page of functions."""
    kept = [line.split("\t") for line in MATRIX.read_text(encoding="utf-8").splitlines()]
    parts = []
    for outcome, text in OUTCOMES.items():
        if names := [f"`{name}`" for name, what in kept if what == outcome]:
            parts.append(f"## {outcome.capitalize()} ({len(names)})\n\n{text[:1].upper()}{text[1:]}.\n\n{', '.join(names)}\n")
    return FUNCTIONS + "\n".join(parts)


def readme() -> str:
    """Return the README with the figures of the last measurement."""
    sys.path.insert(0, str(ROOT / "benchmarks"))  # its files are commands, not a package
    from _results import load, put_into

    return put_into(README.read_text(encoding="utf-8"), load())


def page() -> str:
    """Return the page of the configuration."""
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
    """Write the pages, or with ``--check`` say whether they are as the code is."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true")
    docs = Path(__file__).parent
    pages = {docs / "configuration.md": page(), docs / "functions.md": functions(), README: readme()}
    if not options.parse_args().check:
        for file, text in pages.items():
            file.write_text(text, encoding="utf-8")
    elif stale := [
        str(file.relative_to(ROOT))
        for file, text in pages.items()
        if not file.is_file() or file.read_text(encoding="utf-8") != text
    ]:
        sys.exit(f"not what the code and the measurements say: {', '.join(stale)}: python docs/generate.py")


if __name__ == "__main__":
    main()

"""Mistakes in the configuration, collected and said once: file, key and the nearest valid one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from padm_ibis.config.sections import SourceConfig
from padm_ibis.config.settings import File
from padm_ibis.errors import ConfigError, did_you_mean


def explained(error: ValidationError, where: str) -> ConfigError:
    """Return the error to raise for what pydantic found wrong."""
    text, hint = message(error.errors(), where)
    return ConfigError(text, hint=hint)


def message(errors: Any, where: str, prefix: str = "") -> tuple[str, str | None]:
    """Return all mistakes, a line each, and what to write instead."""
    lines, hints = [], []
    for item in errors:
        key = prefix + ".".join(str(part) for part in item["loc"] if part not in _UNION_BRANCHES)
        if item["type"] == "extra_forbidden":
            lines.append(f"{where}: unknown key {key!r}.")
            hints.append(did_you_mean(str(item["loc"][-1]), _valid_keys(item["loc"][:-1])))
        elif item["type"] == "missing":
            lines.append(f"{where}: {key} is missing.")
        else:
            lines.append(f"{where}: {key} {_plain(item)}.")
    return "\n".join(dict.fromkeys(lines)), " ".join(dict.fromkeys(hints)) or None


_UNION_BRANCHES = ("int", "dict[str,int]")


def _plain(item: Mapping[str, Any]) -> str:
    text = str(item["msg"]).removeprefix("Value error, ").rstrip(".")
    return text[0].lower() + text[1:] if text.startswith(("Input", "String", "List")) else text


def _valid_keys(location: tuple[Any, ...]) -> list[str]:
    """Return the keys that may stand at ``location``: those of the section it leads to."""
    model: type[BaseModel] = File
    for part in location:
        if model is File and part == "sources":
            model = SourceConfig
        elif part in model.model_fields:
            annotation = model.model_fields[str(part)].annotation
            model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else model
    names = [f.alias or n for n, f in model.model_fields.items()]
    if model is File:
        return [*names, "profiles"]
    return [n for n in names if not (model is SourceConfig and n == "name")]

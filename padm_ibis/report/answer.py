"""What ``--json`` writes: one envelope for every command, and the schema of what is in it."""

from __future__ import annotations

import json
import pkgutil
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Result = TypeVar("Result")


class Failure(BaseModel):
    """Why a command did not do what it was asked for."""

    model_config = ConfigDict(defer_build=True)

    kind: str = Field(description="Name of the error, such as ConfigError; Interrupted after Ctrl-C.")
    message: str = Field(description="What went wrong and where; without personal data and secrets.")
    hint: str | None = Field(None, description="What to try.")


class Answer(BaseModel, Generic[Result]):
    """What a command answers a machine."""

    model_config = ConfigDict(ser_json_inf_nan="constants", defer_build=True)

    command: str = Field(description="The subcommand, such as `run` or `audit privacy`; empty where none was recognised.")
    version: str = Field(description="Version of padm-ibis.")
    exit_code: int = Field(description="The exit code of the process.")
    error: Failure | None = Field(None, description="Why it ended; null where it did what it was asked for.")
    result: Result | None = Field(None, description="What it found, as far as it came; null where it never began.")


def to_json(result: Any) -> str:
    """Return a report as JSON, its computed fields included."""
    return TypeAdapter(type(result)).dump_json(result, indent=2).decode()


def schema(result: str) -> dict[str, Any]:
    """Return the JSON schema of the answer whose result is ``result``, written ``module:name``."""
    return Answer[pkgutil.resolve_name(result)].model_json_schema(mode="serialization")  # type: ignore[misc]


def answer(command: str, version: str, exit_code: int, error: Failure | None, result: Any) -> str:
    """Return the envelope as JSON."""
    plain = None if result is None else json.loads(to_json(result))
    found = Answer[Any](command=command, version=version, exit_code=exit_code, error=error, result=plain)
    return found.model_dump_json(indent=2)

"""``${VARIABLES}``: what stands in the environment instead of in the file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from padm_ibis.errors import ConfigError, did_you_mean

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Unset:
    """A variable that a key of the file needs and the environment lacks."""

    key: str
    variable: str


def substitute(value: Any, used: set[str], unset: list[Unset], key: str = "") -> Any:
    """Return ``value`` with its variables filled in; one that is not set stays as it is.

    Parameters
    ----------
    used
        Gets what was filled in: it may be secret.
    unset
        Gets what could not be.
    key
        Where ``value`` stands, dots between the parts.
    """
    if isinstance(value, dict):
        return {k: substitute(v, used, unset, f"{key}.{k}".lstrip(".")) for k, v in value.items()}
    if isinstance(value, list):
        return [substitute(v, used, unset, key) for v in value]
    if not isinstance(value, str):
        return value

    def resolve(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if not found:
            unset.append(Unset(key, match[1]))
            return match[0]
        used.add(found)
        return found

    return VARIABLE.sub(resolve, value)


def refusal(unset: Sequence[Unset], where: str) -> ConfigError:
    """Return the error that names every variable that is not set, with the key that needs it."""
    lines = [f"{where}: {item.key} needs the environment variable {item.variable}, which is not set." for item in unset]
    return ConfigError("\n".join(dict.fromkeys(lines)), hint=" ".join(dict.fromkeys(map(_advice, unset))))


def _advice(item: Unset) -> str:
    name = item.variable
    near = did_you_mean(name, [n for n in os.environ if n[:3] == name[:3]] or [name])
    return near if near.startswith("Did") and repr(name) not in near else f"Set it: export {name}=…"

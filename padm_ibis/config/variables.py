"""``${VARIABLES}``: what stands in the environment instead of in the file."""

from __future__ import annotations

import os
import re
from typing import Any

from padm_ibis.errors import ConfigError, did_you_mean

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def substitute(value: Any, where: str, used: set[str], *, strict: bool, key: str = "") -> Any:
    """Return ``value`` with its variables filled in.

    Parameters
    ----------
    used
        Gets what was filled in: it may be secret.
    strict
        False leaves a variable that is not set as it is.

    Raises
    ------
    ConfigError
        If one is not set; names the key that needs it.
    """
    if isinstance(value, dict):
        return {k: substitute(v, where, used, strict=strict, key=f"{key}.{k}".lstrip(".")) for k, v in value.items()}
    if isinstance(value, list):
        return [substitute(v, where, used, strict=strict, key=key) for v in value]
    if not isinstance(value, str):
        return value

    def resolve(match: re.Match[str]) -> str:
        name = match[1]
        found = os.environ.get(name)
        if found:
            used.add(found)
            return found
        if not strict:
            return match[0]
        near = did_you_mean(name, [n for n in os.environ if n[:3] == name[:3]] or [name])
        hint = near if near.startswith("Did") and repr(name) not in near else f"Set it: export {name}=…"
        raise ConfigError(f"{where}: {key} needs the environment variable {name}, which is not set.", hint=hint)

    return VARIABLE.sub(resolve, value)

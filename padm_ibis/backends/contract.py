"""The version of what a warehouse knows about itself: an older library would misread, and spoil, a newer one's.

`CONTRACT` grows when the tables of ``_padm`` change in a way that an older version of this library cannot live with; what it
can, such as another column, leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from padm_ibis.errors import WarehouseTooNew
from padm_ibis.extract.store import LEDGER
from padm_ibis.version import __version__

CONTRACT = 1
KEY = "contract"
"""Key of ``_padm.state``; its value is the number and the version of this library that wrote it, a space between."""


def mark() -> str:
    """Return what this version writes under `KEY`."""
    return f"{CONTRACT} {__version__}"


def refuse_newer(query: Callable[[str], list[tuple[str, ...]]], tables: Collection[tuple[str, str]], where: str) -> None:
    """Refuse a warehouse of a newer version.

    Parameters
    ----------
    query
        Runs a statement on it.
    tables
        Schema and name of its tables.
    where
        What it is called.

    Raises
    ------
    WarehouseTooNew
        If it is one; names the version it needs.
    """
    if (LEDGER, "state") not in tables:
        return
    for (value,) in query(f"SELECT value FROM {LEDGER}.state WHERE key = '{KEY}'"):
        number, _, version = str(value).partition(" ")
        if number.isdigit() and int(number) > CONTRACT:
            raise WarehouseTooNew(
                f"The warehouse {where} was made by padm-ibis {version or '?'}, which is newer than this one ({__version__}) and"
                " keeps its books in another way; nothing was changed.",
                hint=f"pip install 'padm-ibis>={version}'" if version else "Install a newer padm-ibis.",
            )

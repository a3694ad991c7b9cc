"""What every connection to a PostgreSQL server has in common, a source's, a warehouse's and a mirror's."""

from __future__ import annotations

CONNECTION = {
    "connect_timeout": "10",
    # A server that vanishes without a word is noticed within about a minute and a half.
    "keepalives": "1", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "6",
}  # fmt: skip
"""Of libpq, where an address says nothing else."""

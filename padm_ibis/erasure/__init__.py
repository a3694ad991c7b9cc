"""The right to be forgotten: people leave the warehouse and what was made of it, and stay away."""

from __future__ import annotations

from padm_ibis.erasure.erase import finish, forget
from padm_ibis.report.erasure import Erasure

__all__ = ["Erasure", "finish", "forget"]

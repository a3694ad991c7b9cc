"""Notices: somebody is told of a run or a publication that went wrong, and when all is well again.

Once per change of state, with a reminder each day while the trouble lasts. A notice never holds a run up, never changes
its exit code, and holds no personal data and no secret.
"""

from __future__ import annotations

from padm_ibis.notify.notice import Notice
from padm_ibis.notify.watch import Watch, tell_of_killed, tell_publication, tell_wrong_configuration

__all__ = ["Notice", "Watch", "tell_of_killed", "tell_publication", "tell_wrong_configuration"]

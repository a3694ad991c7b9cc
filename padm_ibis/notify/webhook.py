"""By a webhook: a JSON POST that Slack, Teams and Mattermost take for a message."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import IO, TYPE_CHECKING

from padm_ibis.notify.failure import CannotSend

if TYPE_CHECKING:
    from email.message import Message

    from padm_ibis.config import WebhookConfig
    from padm_ibis.notify.notice import Notice

_MAY_PASS = (408, 425, 429)
_HINT = "Is the url of [webhook] right, and not withdrawn?"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A POST that is sent elsewhere arrives there as a GET, without what it says: better told than taken for success."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Do not follow."""
        return


def send(hook: WebhookConfig, notice: Notice) -> None:
    """Post a notice.

    Raises
    ------
    CannotSend
        If the server does not answer, or does not take it.
    """
    body = json.dumps({"text": notice.text}, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "padm-ibis"}
    request = urllib.request.Request(hook.url.get_secret_value(), data=body, headers=headers, method="POST")
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=hook.timeout_s):
            return
    except urllib.error.HTTPError as error:
        error.close()
        may_pass = error.code >= 500 or error.code in _MAY_PASS
        raise CannotSend(f"it answered {error.code} {error.reason}", hint=_HINT, may_pass=may_pass) from None
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, TimeoutError):
            why = f"it did not answer within {hook.timeout_s} s"
        else:
            why = getattr(reason, "strerror", None) or type(reason).__name__
        raise CannotSend(why, hint=_HINT, may_pass=True) from None

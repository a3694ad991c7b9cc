"""By mail."""

from __future__ import annotations

import datetime as dt
import smtplib
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING

from padm_ibis.notify.failure import CannotSend

if TYPE_CHECKING:
    from padm_ibis.config import MailConfig
    from padm_ibis.notify.notice import Notice

TIMEOUT = 10.0  # seconds, of each answer


def send(mail: MailConfig, notice: Notice, now: dt.datetime) -> None:
    """Send a notice to all recipients.

    Raises
    ------
    CannotSend
        If the server does not take it, or not for every recipient.
    """
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = notice.subject, mail.sender, ", ".join(mail.recipients)
    message["Date"], message["Message-ID"] = format_datetime(now.replace(tzinfo=dt.UTC)), make_msgid(domain="padm-ibis")
    message.set_content("\n".join(notice.lines))
    try:
        with smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT) as server:
            if mail.starttls:
                server.starttls()
            if mail.user is not None:
                server.login(mail.user, mail.password.get_secret_value() if mail.password else "")
            refused = server.send_message(message)
    except smtplib.SMTPAuthenticationError as error:
        raise CannotSend(
            f"it does not accept the user ({error.smtp_code})", hint="Look at user and password of [mail].", may_pass=False
        ) from None
    except smtplib.SMTPNotSupportedError as error:
        raise CannotSend(
            f"it lacks what is asked for: {error}", hint="Look at starttls and user of [mail].", may_pass=False
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        raise _refused(len(error.recipients), mail) from None
    except smtplib.SMTPResponseException as error:
        raise CannotSend(
            f"it answered {error.smtp_code}", hint="Look at sender and recipients of [mail].", may_pass=error.smtp_code < 500
        ) from None
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        raise CannotSend(why, hint="Is host and port of [mail] right, and the server up?", may_pass=True) from None
    except ValueError:  # an address that is none, or letters that the server cannot take
        raise CannotSend(
            "an address cannot be written", hint="Look at sender and recipients of [mail].", may_pass=False
        ) from None
    if refused:
        raise _refused(len(refused), mail)


def _refused(count: int, mail: MailConfig) -> CannotSend:
    """The others got it: another attempt would tell them twice."""
    why = f"it refused {count} of {len(mail.recipients)} recipients"
    return CannotSend(why, hint="Look at recipients of [mail].", may_pass=False)

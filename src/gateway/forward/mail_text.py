# SPDX-License-Identifier: Apache-2.0
"""One mail to one person, as it goes over the wire; no I/O, no state.

RULES

1. A mail has one recipient: never Cc, Bcc or a list. Its headers are made here from parts that are judged: an
   address or a subject with a control character, and an address of any unusual form, is refused and not mended.
2. What is made is ASCII alone, by whatever transfer encoding that takes: a server need not know of more.

Source: RFC 5321, RFC 5322.
"""

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as LINES_OF_MAIL
from email.utils import format_datetime

import msgspec
from typing_extensions import override

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
"""The common form of an address, without quotes, comments or routes (RFC 5321 section 4.1.2)."""
MOST_SUBJECT_CHARACTERS = 500
_LINES = LINES_OF_MAIL.clone(cte_type="7bit")
"""A server need not know of bytes beyond ASCII."""


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail; never shown.

    Attributes:
        id: Left of the ``@`` in its Message-ID: the same for two tries of one message.
    """

    to: str
    subject: str
    text: str | None
    html: str | None
    id: str

    @override
    def __repr__(self) -> str:
        return "<Mail>"


def wire_text(mail: Mail, sender: str, now_us: int) -> bytes:
    """Return a mail as it goes over the wire.

    Args:
        mail: What it says, and to whom.
        sender: Address that it comes from, as ``is_address`` takes it.
        now_us: Its date, in UTC microseconds.

    Raises:
        ValueError: A part of it can be no part of a mail.
    """
    made = EmailMessage(policy=_LINES)
    made["From"], made["To"], made["Subject"] = sender, _address(mail.to), _subject(mail.subject)
    made["Date"] = format_datetime(datetime.fromtimestamp(now_us // 1_000_000, UTC))
    made["Message-ID"] = f"<{mail.id}@{sender.partition('@')[2]}>"
    if mail.text is not None:
        made.set_content(mail.text)
        if mail.html is not None:
            made.add_alternative(mail.html, subtype="html")
    elif mail.html is not None:
        made.set_content(mail.html, subtype="html")
    else:
        raise ValueError("neither text nor html")
    return made.as_bytes()


def is_address(text: str) -> bool:
    """Tell whether a text is an address of the common form."""
    return ADDRESS.fullmatch(text) is not None


def is_subject(text: str) -> bool:
    """Tell whether a text is one line that can be a subject."""
    return 0 < len(text) <= MOST_SUBJECT_CHARACTERS and text.isprintable()


def _address(text: str) -> str:
    if ADDRESS.fullmatch(text) is None or ".." in text or len(text) > 254:
        raise ValueError("no address of the common form")
    return text


def _subject(text: str) -> str:
    if not is_subject(text):
        raise ValueError("no subject")
    return text
